// `npm run generate` as a user types it, on the embedded pair.
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";

interface Run {
  code: number;
  out: string;
  err: string;
}

function generate(...args: string[]): Promise<Run> {
  const command = [join(ROOT, "scripts/generate.mjs"), ...args];
  return new Promise((done) => {
    execFile(process.execPath, command, { cwd: ROOT }, (error, out, err) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

const REQUEST = ["--prompt", "Once upon a time", "--max-new-tokens", "8", "--seed", "7"];

test("without --json it prints the text; with it, one line that holds the same text", async () => {
  const plain = await generate(...REQUEST, "--decoder", `{"kind":"greedy"}`);
  expect(plain).toMatchObject({ code: 0, err: "" });
  const { code, out } = await generate(...REQUEST, "--json");
  expect(code).toBe(0);
  expect(out.trimEnd().split("\n")).toHaveLength(1);
  const result = JSON.parse(out);
  // The default is speculative, and speculation is not to be seen in the text.
  expect(plain.out).toBe(`${result.text}\n`);
  expect(result.tokens).toHaveLength(8);
  expect(result).toMatchObject({ finishReason: "length", usage: { completionTokens: 8 } });
  expect(result.metrics).toMatchObject({
    rounds: expect.any(Number),
    blockEfficiency: expect.any(Number),
    dispatchesPerLayer: expect.any(Number),
    gpuBytes: expect.any(Number),
  });
  expect(result.metrics.draftForwards).toBeGreaterThan(0);
  expect(result.adapter.features).toBeInstanceOf(Array);
});

test("without WebGPU the text is the same", async () => {
  const [gpu, wasm] = [
    await generate(...REQUEST, "--device", "webgpu", "--json"),
    await generate(...REQUEST, "--device", "wasm", "--json"),
  ];
  expect(wasm).toMatchObject({ code: 0, err: "" });
  const [first, second] = [JSON.parse(gpu.out), JSON.parse(wasm.out)];
  expect(second.tokens).toEqual(first.tokens);
  expect(first.device).toBe("webgpu");
  expect(second).toMatchObject({ device: "wasm", adapter: { architecture: "wasm" } });
  // By default it speculates: with chains, but it does.
  expect(second.metrics.draftForwards).toBeGreaterThan(0);
});

test("an error of the engine goes to standard error, with its code and its fix", async () => {
  const { code, out, err } = await generate("--target", tmpdir(), "--json");
  expect(code).toBe(1);
  expect(out).toBe("");
  expect(err).toMatch(/^error \[config-missing\]: .+\nfix: .+\n$/);
});

test("so does an option that the engine refuses", async () => {
  const { code, err } = await generate("--decoder", `{"kind":"clairvoyant"}`);
  expect(code).toBe(1);
  expect(err).toMatch(/^error \[option-\w+\]: .+\nfix: .+\n$/);
});

test("drafts are printed a line each, the best first", async () => {
  const { code, out, err } = await generate(...REQUEST, "--decoder", "superposed");
  expect({ code, err }).toEqual({
    code: 0,
    err: 'warning: seed is given, but nothing is drawn: only reset with pick "sample" draws.\n',
  });
  const lines = out.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatch(/^ *[\d.e+]+ {2}".+"/);
});
