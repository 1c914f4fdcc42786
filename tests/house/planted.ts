// Small source trees for lint.test.ts: one that keeps every rule, and files that each break one.

/** Path to text. */
export const CLEAN: Record<string, string> = {
  "src/errors.ts": `export const leaf = 1;`,
  "src/index.ts": `export { client } from "./client.ts";\nexport { leaf } from "./errors.ts";`,
  "src/client.ts": `import { protocol } from "./worker/protocol.ts";\nexport const client = protocol;`,
  "src/worker/protocol.ts": `export { wrap as protocol } from "comlink";`,
  "src/worker/entry.ts": `export { host } from "./host.ts";`,
  "src/worker/host.ts": `import { decode } from "../decoder/decoder.ts";
import { open } from "../tree/session.ts";
export const host = () => decode(open());`,
  "src/decoder/decoder.ts": `import type { Session } from "../tree/session.ts";
export const decode = (session: Session) => session;`,
  "src/tree/session.ts": `import { forward } from "../model/forward.ts";
export type Session = number;
export const open = (): Session => forward;`,
  "src/model/forward.ts": `import { add } from "../kernels/index.ts";\nexport const forward = add;`,
  "src/kernels/index.ts": `export * from "./add.ts";\nexport * from "./other.ts";`,
  "src/kernels/add.ts": `import wgsl from "../../shaders/add.wgsl?raw";
import { run } from "../gpu/kernel.ts";
export const add = run(wgsl);`,
  "src/kernels/other.ts": `export const other = 2;`,
  "src/gpu/kernel.ts": `export const run = (wgsl: string) => wgsl.length;`,
  "src/gpu/readback.ts": `export const read = (buffer: GPUBuffer) => buffer.mapAsync(1);`,
  "src/fallback/index.ts": `import type { Session } from "../tree/session.ts";
export const fallback = (session: Session) => session;`,
  "src/tokenizer/tokenizer.ts": `import { leaf } from "../errors.ts";\nexport const tokenizer = leaf;`,
  "tests/reference/add.ts": `import type { Session } from "../../src/tree/session.ts";
export const add = (session: Session) => session;`,
  "tests/e2e/page.test.ts": `export * from "coppice";`,
  "demo/main.ts": `export * from "coppice";`,
};

export interface Planted {
  title: string;
  path: string;
  text: string;
  /** What the linter must say about this file. */
  reason: RegExp;
}

const exportAll = (path: string) => `export * from "${path}";`;

function planted(title: string, path: string, text: string, reason: RegExp): Planted {
  return { title, path, text, reason };
}

export const PLANTED: Planted[] = [
  planted(
    "gpu looks up",
    "src/gpu/up.ts",
    exportAll("../kernels/index.ts"),
    /imports nothing above/,
  ),
  planted("gpu takes a package", "src/gpu/package.ts", exportAll("comlink"), /the package/),
  planted(
    "kernel to kernel",
    "src/kernels/aside.ts",
    exportAll("./add.ts"),
    /never another kernel/,
  ),
  planted(
    "model skips kernels",
    "src/model/skip.ts",
    exportAll("../gpu/kernel.ts"),
    /model\/ imports/,
  ),
  planted("model looks up", "src/model/up.ts", exportAll("../tree/session.ts"), /model\/ imports/),
  planted(
    "tree skips model",
    "src/tree/skip.ts",
    exportAll("../kernels/index.ts"),
    /tree\/ imports/,
  ),
  planted("tree looks up", "src/tree/up.ts", exportAll("../decoder/decoder.ts"), /tree\/ imports/),
  planted(
    "decoder takes a value of tree",
    "src/decoder/value.ts",
    `import { open } from "../tree/session.ts";\nexport const x = open;`,
    /by its types only/,
  ),
  planted(
    "decoder loads tree lazily",
    "src/decoder/lazy.ts",
    `export const load = () => import("../tree/session.ts");`,
    /by its types only/,
  ),
  planted(
    "decoder names a type of model",
    "src/decoder/far.ts",
    `export type Far = typeof import("../model/forward.ts");`,
    /by its types only/,
  ),
  planted(
    "decoder sees a buffer",
    "src/decoder/gpu.ts",
    `export type B = GPUBuffer[];`,
    /TreeSession/,
  ),
  planted(
    "the page reaches the engine",
    "src/client.ts",
    exportAll("./worker/host.ts"),
    /the page/,
  ),
  planted(
    "protocol reaches the engine",
    "src/worker/protocol.ts",
    exportAll("./host.ts"),
    /the page/,
  ),
  planted(
    "index skips client",
    "src/index.ts",
    exportAll("./worker/protocol.ts"),
    /index\.ts exports/,
  ),
  planted(
    "entry skips host",
    "src/worker/entry.ts",
    exportAll("../gpu/kernel.ts"),
    /its host only/,
  ),
  planted("host goes up", "src/worker/host-up.ts", exportAll("../client.ts"), /composition root/),
  planted(
    "tokenizer looks aside",
    "src/tokenizer/x.ts",
    exportAll("../gpu/kernel.ts"),
    /tokenizer\//,
  ),
  planted(
    "the fallback bundles the engine",
    "src/fallback/x.ts",
    exportAll("../gpu/kernel.ts"),
    /a script of its own/,
  ),
  planted(
    "the worker bundles the fallback",
    "src/worker/host-both.ts",
    exportAll("../fallback/index.ts"),
    /composition root/,
  ),
  planted(
    "a leaf grows a stem",
    "src/options.ts",
    exportAll("./client.ts"),
    /a leaf imports leaves/,
  ),
  planted(
    "an undeclared folder",
    "src/utils/x.ts",
    exportAll("../gpu/kernel.ts"),
    /declares its place/,
  ),
  planted(
    "a reference shares code",
    "tests/reference/shared.ts",
    `import { open } from "../../src/tree/session.ts";\nexport const x = open;`,
    /shares no code/,
  ),
  planted(
    "the demo goes behind the package",
    "demo/x.ts",
    exportAll("../src/index.ts"),
    /by its name/,
  ),
  planted("an e2e test does", "tests/e2e/x.ts", exportAll("../../src/index.ts"), /by its name/),
  planted(
    "a second readback",
    "src/tree/readback.ts",
    `export const read = (buffer: GPUBuffer) => buffer.mapAsync(1);`,
    /holds the only readback/,
  ),
  planted(
    "a second pipeline factory",
    "src/gpu/pipelines.ts",
    `export const make = (device: GPUDevice, of: GPUComputePipelineDescriptor) =>
  device.createComputePipelineAsync(of);`,
    /makes the pipelines/,
  ),
  planted("a cycle, one half", "src/model/a.ts", exportAll("./b.ts"), /cycle/),
  planted("a cycle, other half", "src/model/b.ts", exportAll("./a.ts"), /cycle/),
];
