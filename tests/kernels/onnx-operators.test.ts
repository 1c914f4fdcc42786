// The operator vectors of onnxruntime-web for weights in blocks: MatMulNBits and GatherBlockQuantized, through the library's own
// loading and kernels. All numbers in them are small integers, so results are compared exactly.
import { describe, expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { packBlocks } from "../../src/model/weights/pack-blocks.ts";
import { type Block, encodeFileBlocks } from "../support/blocks.ts";
import { fixtureBytes, hasFixture } from "../support/fixtures.ts";
import { withGpu } from "../support/kernel-run.ts";
import { MANY_VARIANTS } from "../support/slow-adapters.ts";

interface Tensor {
  readonly data: readonly number[];
  readonly dims: readonly number[];
  readonly type: string;
}

interface OperatorTest {
  readonly attributes: readonly { readonly name: string; readonly data: number }[];
  readonly cases: readonly {
    readonly name: string;
    readonly inputs: readonly (Tensor | { readonly data: null })[];
    readonly outputs: readonly Tensor[];
  }[];
}

const FOLDER = "golden/ort-web-ops/";

/** JSON with comments and trailing commas. */
function vectors(name: string): readonly OperatorTest[] {
  const text = new TextDecoder().decode(fixtureBytes(FOLDER + name));
  const json = text.replace(/^\s*\/\/.*$/gm, "").replace(/,(\s*[\]}])/g, "$1");
  return JSON.parse(json) as OperatorTest[];
}

const attribute = (of: OperatorTest, name: string): number =>
  of.attributes.find((one) => one.name === name)!.data;
const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const nibble = (bytes: readonly number[], i: number): number =>
  (bytes[i >> 1]! >> (4 * (i % 2))) & 15;

/**
 * Rows of blocks of `size` weights, 16 or 32, on the GPU. Ours have 32: one of 16 is followed by 16 that stand for 0, which x
 * has to have room for.
 */
function upload(gpu: Gpu, rows: readonly Block[][]) {
  const k = rows[0]!.length * 32;
  const whole = rows.map((blocks) =>
    blocks.map((block) => ({
      ...block,
      quants: Array.from({ length: 32 }, (_, i) => block.quants[i] ?? block.zero),
    })),
  );
  const { bytes, fault } = packBlocks(encodeFileBlocks("Q4", whole), "Q4", "q4-wide", k);
  expect(fault).toBeUndefined();
  return { w: gpu.buffers.upload("w", bytes), k };
}

async function matMulNBits(gpu: Gpu, of: OperatorTest, inputs: readonly Tensor[]) {
  const [a, b, scales, zeros] = inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
  const [n, size] = [attribute(of, "N"), attribute(of, "block_size")];
  const inner = attribute(of, "K");
  const blocks = Math.ceil(inner / size);
  const zeroBytes = Math.ceil(blocks / 2);
  const { w, k } = upload(
    gpu,
    Array.from({ length: n }, (_, row) =>
      Array.from({ length: blocks }, (__, i) => ({
        scale: scales.data[row * blocks + i]!,
        zero: zeros ? nibble(zeros.data.slice(row * zeroBytes), i) : 8,
        quants: Array.from({ length: size }, (___, j) =>
          nibble(b.data, (row * blocks + i) * size + j),
        ),
      })),
    ),
  );
  const rows = product(a.dims) / inner;
  const x = new Float32Array(rows * k);
  for (let i = 0; i < a.data.length; i++) {
    const [row, at] = [Math.floor(i / inner), i % inner];
    x[row * k + Math.floor(at / size) * 32 + (at % size)] = a.data[i]!;
  }
  const statics = {
    ROWS: kernels.rowTile(rows),
    WORKGROUP_SIZE: kernels.laneCount(k, undefined, "q4-wide"),
  };
  const pipeline = gpu.kernels.compile(kernels.matmulAdd, { statics, weights: "q4-wide" });
  const y = gpu.buffers.storage("y", rows * n * 4);
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(
      gpu.buffers,
      { x: gpu.buffers.upload("x", x), w, y },
      { rows, cols: n, k4: k / 4 },
    ),
    kernels.matmulAddGrid(n, rows),
  );
  const [out] = await gpu.submitAndRead([recording], [y]);
  return [...new Float32Array(out!, 0, rows * n)];
}

async function gatherBlockQuantized(gpu: Gpu, of: OperatorTest, inputs: readonly Tensor[]) {
  const [data, indices, scales, zeros] = inputs as [Tensor, Tensor, Tensor, Tensor];
  const size = attribute(of, "block_size");
  expect([attribute(of, "gather_axis"), attribute(of, "quantize_axis")]).toEqual([0, 2]);
  const [count, perIndex, hidden] = data.dims as [number, number, number];
  // Signed nibbles and their zero points are ours less 8.
  const offset = data.type === "int4" ? 8 : 0;
  const { w, k } = upload(
    gpu,
    Array.from({ length: count * perIndex }, (_, row) =>
      Array.from({ length: hidden / size }, (__, i) => ({
        scale: scales.data[row * (hidden / size) + i]!,
        zero: zeros.data[row * (hidden / size) + i]! + offset,
        quants: data.data
          .slice(row * hidden + i * size)
          .slice(0, size)
          .map((q) => q + offset),
      })),
    ),
  );
  const tokens = indices.data.flatMap((index) =>
    Array.from({ length: perIndex }, (_, i) => (index < 0 ? index + count : index) * perIndex + i),
  );
  const statics = kernels.TARGET_TREE;
  const pipeline = gpu.kernels.compile(kernels.embedRows, { statics, weights: "q4-wide" });
  const nodes = tokens.map((token, i) => ({ token, parent: i - 1 }));
  const buffers = {
    control: gpu.buffers.upload("control", kernels.encodeControl({ pending: tokens[0]! })),
    tree: gpu.buffers.upload("tree", kernels.encodeTokenTree(statics, nodes)),
    w,
    rows: gpu.buffers.storage("rows", tokens.length * 16),
    x: gpu.buffers.storage("x", tokens.length * k * 4),
  };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(gpu.buffers, buffers, { cols4: k / 4, row_start: 0, lag: 0 }),
    kernels.embedRowsGrid(tokens.length),
  );
  const [x] = await gpu.submitAndRead([recording], [buffers.x]);
  const found = new Float32Array(x!);
  return tokens.flatMap((_, row) =>
    Array.from(
      { length: hidden },
      (__, i) => found[row * k + Math.floor(i / size) * 32 + (i % size)]!,
    ),
  );
}

describe.each([
  ["matmulnbits.jsonc", matMulNBits, 20],
  ["gather-block-quantized.jsonc", gatherBlockQuantized, 4],
] as const)("%s", (file, run, least) => {
  test.skipIf(!hasFixture(FOLDER + file))(
    "every case",
    () =>
      withGpu(async (gpu) => {
        let cases = 0;
        for (const of of vectors(file)) {
          for (const { name, inputs, outputs } of of.cases) {
            const given = inputs.filter((input): input is Tensor => input.data !== null);
            const found = await run(gpu, of, given);
            expect(
              found.map((value) => value + 0),
              name,
            ).toEqual(outputs[0]!.data);
            cases += 1;
          }
        }
        expect(cases).toBeGreaterThanOrEqual(least);
      }),
    MANY_VARIANTS,
  );
});
