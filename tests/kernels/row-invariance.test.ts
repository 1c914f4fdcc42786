// The promise behind "speculation is undetectable": a row's bits depend neither on the rows beside it nor
// on the row tile. Every kernel of the forward pass, 1 to 64 rows at once against one row at a time.
import { expect, test } from "vitest";
import { Recording, type BufferSlice, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { awkwardRows, gains, weights } from "../support/awkward.ts";
import { differingBits } from "../support/close.ts";
import { withGpu } from "../support/kernel-run.ts";
import { MANY_VARIANTS } from "../support/slow-adapters.ts";

const MOST = 64;
const EPS = 1e-5;

/** Runs a kernel for rows `first..first + count` and returns its outputs, row after row. */
type Runner = (first: number, count: number) => Promise<Float32Array<ArrayBuffer>>;

/** 0 differing bits for every row count, each against the rows one at a time. */
async function expectInvariant(
  run: Runner,
  width: number,
  rowCounts: readonly number[],
): Promise<void> {
  const alone = new Float32Array(MOST * width);
  for (let row = 0; row < MOST; row++) alone.set(await run(row, 1), row * width);
  for (const count of rowCounts) {
    // At the start and at the end, so that a row changes its place in the tile too.
    for (const first of new Set([0, MOST - count])) {
      const together = await run(first, count);
      const expected = alone.subarray(first * width, (first + count) * width);
      expect(differingBits(together, expected), `rows ${first} to ${first + count}`).toBe(0);
    }
  }
}

async function read(
  gpu: Gpu,
  recording: Recording,
  slices: BufferSlice[],
): Promise<Float32Array<ArrayBuffer>[]> {
  return (await gpu.submitAndRead([recording], slices)).map((data) => new Float32Array(data));
}

interface Product {
  readonly k: number;
  readonly cols: number;
  readonly type: WeightType;
  readonly rowCounts: readonly number[];
}

const EVERY_COUNT = Array.from({ length: MOST }, (_, i) => i + 1);

const PRODUCTS: readonly Product[] = [
  { k: 64, cols: 33, type: "f32", rowCounts: EVERY_COUNT },
  // Compiling takes most of the time: of the other types and lane counts, the smallest and the largest row tile.
  { k: 172, cols: 64, type: "f16", rowCounts: [5, 64] },
  { k: 172, cols: 64, type: "q4", rowCounts: [5, 64] },
];
/** Through one kernel alone: they all read weights by the same texts. */
const MORE: readonly Product[] = [
  { k: 1024, cols: 12, type: "f32", rowCounts: [8, 21] },
  { k: 172, cols: 64, type: "q8", rowCounts: [2, 5, 64] },
];

const variant = ({ k, type }: Product, rows: number) => ({
  statics: { ROWS: kernels.rowTile(rows), WORKGROUP_SIZE: kernels.laneCount(k, undefined, type) },
  weights: type,
});

test.each([...PRODUCTS, ...MORE])(
  "matmul-add, $type, k $k",
  (product) =>
    withGpu(async (gpu) => {
      const { k, cols, type, rowCounts } = product;
      const x = awkwardRows(MOST, k);
      const y = awkwardRows(MOST, cols);
      const w = gpu.buffers.upload("w", weights(cols, k, type).data);
      await expectInvariant(
        async (first, rows) => {
          const scope = gpu.buffers.child("run");
          const pipeline = gpu.kernels.compile(kernels.matmulAdd, variant(product, rows));
          const buffers = {
            x: scope.upload("x", x.subarray(first * k, (first + rows) * k)),
            w,
            y: scope.upload("y", y.subarray(first * cols, (first + rows) * cols)),
          };
          const recording = new Recording();
          recording.dispatch(
            pipeline.bind(scope, buffers, { rows, cols, k4: k / 4 }),
            kernels.matmulAddGrid(cols, rows),
          );
          const [out] = await read(gpu, recording, [buffers.y]);
          scope.dispose();
          return out!.slice(0, rows * cols);
        },
        cols,
        rowCounts,
      );
    }),
  MANY_VARIANTS,
);

test("another order of additions would be seen", () =>
  withGpu(async (gpu) => {
    const size = { rows: 5, cols: 33, k4: 16 };
    const x = gpu.buffers.upload("x", awkwardRows(size.rows, 64));
    const w = gpu.buffers.upload("w", weights(size.cols, 64, "f32").data);
    const outputs: Float32Array[] = [];
    for (const lanes of [4, 8]) {
      const statics = { ROWS: 8, WORKGROUP_SIZE: lanes };
      const pipeline = gpu.kernels.compile(kernels.matmulAdd, { statics });
      const y = gpu.buffers.storage("y", size.rows * size.cols * 4);
      const recording = new Recording();
      const grid = kernels.matmulAddGrid(size.cols, size.rows);
      recording.dispatch(pipeline.bind(gpu.buffers, { x, w, y }, size), grid);
      outputs.push(...(await read(gpu, recording, [y])));
    }
    expect(differingBits(outputs[0]!, outputs[1]!)).toBeGreaterThan(0);
  }));

test.each(PRODUCTS)(
  "norm-matmul and swiglu, $type, k $k",
  (product) =>
    withGpu(async (gpu) => {
      const { k, cols, type, rowCounts } = product;
      const x = gpu.buffers.upload("x", awkwardRows(MOST, k));
      const gain = gpu.buffers.upload("gain", gains(k));
      const w = gpu.buffers.upload("w", weights(2 * cols, k, type).data);
      await expectInvariant(
        async (first, rows) => {
          const scope = gpu.buffers.child("run");
          const head = gpu.kernels.compile(kernels.normMatmul, variant(product, rows));
          const gate = gpu.kernels.compile(kernels.swiglu, variant(product, rows));
          const logits = scope.storage("logits", rows * cols * 4);
          const h = scope.storage("h", rows * cols * 4);
          // swiglu has no `first`: it gets the rows from there on.
          const part = scope.storage("x", rows * k * 4);
          const encoder = gpu.device.createCommandEncoder();
          encoder.copyBufferToBuffer(x.buffer, first * k * 4, part.buffer, 0, rows * k * 4);
          gpu.device.queue.submit([encoder.finish()]);
          const recording = new Recording();
          const size = { rows, cols, k4: k / 4, eps: EPS };
          recording.dispatch(
            head.bind(scope, { x, gain, w, logits }, { ...size, first }),
            kernels.normMatmulGrid(cols, rows),
          );
          recording.dispatch(
            gate.bind(scope, { x: part, gain, w, h }, size),
            kernels.swigluGrid(cols, rows),
          );
          const [a, b] = await read(gpu, recording, [logits, h]);
          scope.dispose();
          const row = (r: number) => [
            ...a!.subarray(r * cols, (r + 1) * cols),
            ...b!.subarray(r * cols, (r + 1) * cols),
          ];
          return Float32Array.from(Array.from({ length: rows }, (_, r) => row(r)).flat());
        },
        2 * cols,
        rowCounts,
      );
    }),
  MANY_VARIANTS,
);

test.each(PRODUCTS)(
  "qkv-rope then attention-tree, $type, k $k",
  (product) =>
    withGpu(async (gpu) => {
      const { k, type } = product;
      const rowCounts = product.rowCounts.filter((count) => count <= 9 || count % 16 <= 1);
      const { heads, kvHeads, headDim, base } = { heads: 4, kvHeads: 2, headDim: 16, base: 57 };
      const slots = base + MOST;
      const kvDim = kvHeads * headDim;
      const outputs = (heads + 2 * kvHeads) * headDim;
      // A tree of three branches, and its rows in node order.
      const parent = Array.from({ length: MOST }, (_, i) => (i === 0 ? -1 : Math.max(0, i - 3)));
      const depth = parent.map((_, i) => Math.ceil(i / 3));
      const place = (node: number) => [node, base, base + depth[node]!, base + node];
      const statics = kernels.TARGET_TREE;
      const tree = kernels.encodeTokenTree(
        statics,
        parent.map((at) => ({ token: 0, parent: at })),
      );
      const x = awkwardRows(MOST, k).map((value) => value / 8);
      const shared = {
        gain: gpu.buffers.upload("gain", gains(k)),
        w: gpu.buffers.upload("w", weights(outputs, k, type).data),
        rope: gpu.buffers.upload("rope", awkwardRows(slots, headDim).map(Math.sin)),
      };
      const treeSlice = gpu.buffers.upload("tree", tree);
      // One cache for all: a row's run rewrites its slot with what it holds already, or the comparison fails.
      const kv = gpu.buffers.upload(
        "kv",
        awkwardRows(2 * slots, kvDim).map((value) => value / 64),
      );
      await expectInvariant(
        async (first, rows) => {
          const scope = gpu.buffers.child("run");
          const project = gpu.kernels.compile(kernels.qkvRope, variant(product, rows));
          const attend = gpu.kernels.compile(kernels.attentionTree, {
            statics: { ...statics, TILE: kernels.attentionTile(headDim) },
          });
          const places = Array.from({ length: rows }, (_, r) => place(first + r)).flat();
          const buffers = {
            ...shared,
            x: scope.upload("x", x.subarray(first * k, (first + rows) * k)),
            rows: scope.upload("rows", Uint32Array.from(places)),
            q: scope.storage("q", rows * heads * headDim * 4),
            kv,
          };
          const out = scope.storage("out", rows * heads * headDim * 4);
          const size = { heads, kv_heads: kvHeads, head_dim: headDim, slots };
          const recording = new Recording();
          recording.dispatch(
            project.bind(scope, buffers, { ...size, rows, k4: k / 4, eps: EPS }),
            kernels.qkvRopeGrid(outputs, rows),
          );
          const { q, rows: where } = buffers;
          recording.dispatch(
            attend.bind(scope, { q, kv, rows: where, tree: treeSlice, out }, size),
            kernels.attentionTreeGrid(heads, rows),
          );
          const [mixed] = await read(gpu, recording, [out]);
          scope.dispose();
          return mixed!.slice(0, rows * heads * headDim);
        },
        heads * headDim,
        rowCounts,
      );
    }),
  MANY_VARIANTS,
);
