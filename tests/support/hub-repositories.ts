/** A hub with repositories of several kinds, and a device to keep them on; both as new for every test. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { openSource, type OpenedSource } from "../../src/model/source/index.ts";
import type { OpenSourceOptions } from "../../src/model/source/types.ts";
import { ModelStore } from "../../src/model/store/model-store.ts";
import { PIECE_BYTES } from "../../src/model/store/piece-file.ts";
import { HubServer } from "./hub-server.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { jsonFile } from "./tiny-model.ts";

export const TOKEN = "hf_VerySecretToken";
export const BIG = Uint8Array.from(
  { length: 2 * PIECE_BYTES + 1000 },
  (_, i) => (i * 7 + (i >> 11)) & 255,
);
export const OTHER = Uint8Array.from(BIG, (byte) => byte ^ 3);
export const CONFIG = jsonFile({ model_type: "llama" });
export const V1 = { "config.json": CONFIG, "model.safetensors": BIG };
export const V2 = { ...V1, "README.md": jsonFile("new") };

export let hub: HubServer;
export let storage: MemoryStorage;
beforeAll(async () => {
  hub = await HubServer.open({
    "org/m": { revisions: { main: V1, next: V2 } },
    "org/n": { revisions: { main: { ...V1, "model.safetensors": OTHER } } },
    "org/gated": { revisions: { main: V1 }, gatedFor: TOKEN },
    "org/private": { revisions: { main: V1 }, privateFor: TOKEN },
  });
});
afterAll(() => hub.close());
beforeEach(() => {
  renewStorage();
  hub.take();
  Object.assign(hub.faults, {
    corrupt: undefined,
    apiStatus: undefined,
    apiPage: undefined,
    gzip: false,
    noRanges: false,
  });
  hub.faults.cuts.length = 0;
});

/** An empty device in the place of the one before. */
export function renewStorage(): void {
  storage = new MemoryStorage();
}

/** From the hub, by way of the device. */
export const open = (source = "org/m", more: OpenSourceOptions & { maxBytes?: number } = {}) =>
  openSource(source, {
    firstPause: 1,
    store: new ModelStore(storage, more.maxBytes),
    ...more,
    hub: { endpoint: hub.url, ...more.hub },
  });

/** Reads `model.safetensors` in pieces of other sizes than those that are kept. */
export async function readBig(
  files: OpenedSource,
  end = BIG.length,
  start = 0,
): Promise<Uint8Array> {
  const file = (await files.open("model.safetensors"))!;
  try {
    const step = 1_500_000;
    const out = new Uint8Array(end - start);
    for (let at = start; at < end; at += step) {
      out.set(await file.read(at, Math.min(end, at + step)), at - start);
    }
    return out;
  } finally {
    file.dispose();
  }
}
export const isBig = (bytes: Uint8Array): boolean => Buffer.compare(bytes, BIG) === 0;
