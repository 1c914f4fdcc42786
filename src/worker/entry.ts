/** The worker's script: the only side effect in the library. */
import { expose, finalizer } from "comlink";
import { openBackend } from "./host-open.ts";
import { filesApi } from "./host-info.ts";
import { Host } from "./host.ts";
import { installErrorTransfer } from "./protocol.ts";

installErrorTransfer();
const host = new Host(openBackend);
expose(
  Object.assign(host, filesApi, {
    /** A page that drops its engine without disposing of it lets go of the worker, too. */
    [finalizer]: () => void host.dispose().finally(() => close()),
  }),
);
