// The graph written in memory, on ONNX Runtime: logits against f64, and no row depends on those beside it.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ARCHITECTURES, SCALINGS } from "../../support/architectures.ts";
import { decoderLogits } from "../../reference/decoder-forward.ts";
import { graphModel, talesFiles, useOrt } from "../../support/fallback.ts";
import { expectLogits } from "../../support/logits.ts";
import { tinyModel, type TinyModelOptions } from "../../support/tiny-model.ts";
import { uniforms } from "../../support/random.ts";

beforeAll(useOrt);

/** Heads in groups, each alone, all on one key; a head of its own; sizes that no vector width divides. */
const SHAPES: TinyModelOptions[] = [
  {},
  { kvHeads: 4, tied: false },
  { kvHeads: 1, hidden: 36, heads: 3, headDim: 12, intermediate: 68, vocab: 301 },
  { dtype: "BF16", ropeTheta: 1e6, layers: 2 },
  ...[...ARCHITECTURES, ...SCALINGS].map(([, options]) => options),
];

function randomIds(count: number, vocab: number): number[] {
  const next = uniforms(count);
  return Array.from({ length: count }, () => Math.floor(next() * vocab));
}

describe.each(SHAPES)("%j", (shape) => {
  const { files, config, tensors } = tinyModel(shape);
  const ids = randomIds(45, config.vocab_size);

  test("logits after a prompt, and after each of its tokens", async () => {
    const model = await graphModel(files);
    const expected = decoderLogits(config, tensors, ids);
    const rows = await model.run(ids, ids.length);
    for (const [i, row] of rows.entries()) expectLogits(row, expected[i]!);
    await model.dispose();
  });

  test("rows are the same to the bit in passes of any length, and after a rewind", async () => {
    const model = await graphModel(files);
    const alone: Float32Array[] = [];
    for (const id of ids) alone.push((await model.run([id], 1))[0]!.slice());
    let compared = 0;
    for (const length of [2, 5, 17, 45]) {
      model.rewind(0);
      for (let at = 0; at < ids.length; at += length) {
        const part = ids.slice(at, at + length);
        // What is dropped again must not matter.
        await model.run([1, 2, 3], 1);
        model.rewind(at);
        for (const [i, row] of (await model.run(part, part.length)).entries()) {
          expect(Buffer.compare(bytesOf(row), bytesOf(alone[at + i]!))).toBe(0);
          compared += 1;
        }
      }
    }
    expect(compared).toBe(4 * ids.length);
    await model.dispose();
  });
});

function bytesOf(row: Float32Array): Uint8Array {
  return new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
}

test.each(["target", "draft"] as const)("the embedded %s: PyTorch's logits", async (name) => {
  const model = await graphModel(talesFiles(name));
  const url = new URL("../../../models/tales/golden/logits.json", import.meta.url);
  const goldens = JSON.parse(readFileSync(url, "utf8")) as {
    promptIds: number[];
    target: number[];
    draft: number[];
  }[];
  for (const golden of goldens) {
    model.rewind(0);
    const [row] = await model.run(golden.promptIds, 1);
    expectLogits(row!, golden[name]);
  }
  await model.dispose();
});
