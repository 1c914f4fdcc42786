import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  attentionTile,
  attentionTree,
  attentionTreeGrid,
  encodeTokenTree,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { attentionRow, keySlots } from "../reference/attention-tree.ts";
import { awkwardRows } from "../support/awkward.ts";
import { differingBits, expectClose, mismatches } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { normals, uniforms } from "../support/random.ts";
import { attentionTolerance } from "../support/tolerance.ts";

interface Case {
  readonly base: number;
  readonly parent: readonly number[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Multiplies queries and keys; scores grow with its square. */
  readonly scale?: number;
  readonly window?: number;
  readonly queryScalar?: number;
  readonly cap?: number;
}

/** A random tree of `count` nodes. */
function randomTree(count: number): number[] {
  const uniform = uniforms(count);
  // Parents from the later half of the earlier nodes, so that it grows deep.
  return Array.from({ length: count }, (_, i) =>
    i === 0 ? -1 : Math.floor(((1 + uniform()) / 2) * i),
  );
}

/** Queries and keys such that softmax neither always picks one key nor ignores them; values of any size. */
function inputs({ base, parent, heads, kvHeads, headDim, scale = 1 }: Case) {
  const slots = base + parent.length + 3;
  const kvDim = kvHeads * headDim;
  const normal = normals(base + headDim);
  const outlier = (i: number) => (i % 61 === 7 ? 4 : 1);
  const q = Float32Array.from(
    { length: parent.length * heads * headDim },
    (_, i) => normal() * outlier(i) * scale,
  );
  const keys = Float32Array.from(
    { length: slots * kvDim },
    (_, i) => normal() * outlier(i) * scale,
  );
  const kv = Float32Array.from([...keys, ...awkwardRows(slots, kvDim)]);
  // Slots that no row may see.
  for (const plane of [0, slots])
    kv.fill(NaN, (plane + base + parent.length) * kvDim, (plane + slots) * kvDim);
  return { q, kv, slots, kvDim };
}

async function run(
  gpu: Gpu,
  size: Case,
  { q, kv, slots }: ReturnType<typeof inputs>,
  spec = attentionTree,
) {
  const { base, parent, heads, kvHeads, headDim } = size;
  const depth: number[] = [];
  for (const at of parent) depth.push(at < 0 ? 0 : depth[at]! + 1);
  const pipeline = gpu.kernels.compile(spec, {
    statics: { ...TARGET_TREE, TILE: attentionTile(headDim) },
    constants: {
      ...(size.window && { WINDOW: size.window }),
      ...(size.queryScalar && { QUERY_SCALAR: size.queryScalar }),
      ...(size.cap && { SOFTCAP: size.cap }),
    },
  });
  const { buffers: scope } = gpu;
  const nodes = parent.map((at) => ({ token: 0, parent: at }));
  const buffers = {
    q: scope.upload("q", q),
    kv: scope.upload("kv", kv),
    rows: scope.upload(
      "rows",
      Uint32Array.from(depth.flatMap((d, node) => [node, base, base + d, base + node])),
    ),
    tree: scope.upload("tree", encodeTokenTree(TARGET_TREE, nodes)),
    out: scope.storage("out", q.byteLength),
  };
  const params = { heads, kv_heads: kvHeads, head_dim: headDim, slots };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(scope, buffers, params),
    attentionTreeGrid(heads, parent.length),
  );
  const [out] = await gpu.submitAndRead([recording], [buffers.out]);
  return new Float32Array(out!, 0, q.length);
}

/** The rows in f64, and the tolerance of each element. */
function expectation(size: Case, { q, kv, slots }: ReturnType<typeof inputs>) {
  const width = size.heads * size.headDim;
  const shape = { ...size, slots, tile: attentionTile(size.headDim) };
  const rows = size.parent.map((_, node) => {
    const keys = keySlots(size.base, node, size.parent).slice(-(size.window ?? 1e6));
    const query = q.subarray(node * width, (node + 1) * width);
    const row = attentionRow(query, kv, keys, shape);
    const uncapped = { ...shape, cap: undefined };
    const magnitudes = attentionRow(query.map(Math.abs), kv.map(Math.abs), keys, uncapped).scores;
    return { row, tolerance: attentionTolerance({ ...row, magnitudes, kv, keys, ...shape }) };
  });
  return {
    expected: rows.flatMap(({ row }) => [...row.out]),
    tolerance: rows.flatMap((row) => row.tolerance),
  };
}

const CHAIN = Array.from({ length: 64 }, (_, i) => i - 1);
const STAR = Array.from({ length: 12 }, (_, i) => (i === 0 ? -1 : 0));

const CASES: readonly Case[] = [
  { base: 0, parent: [-1], heads: 1, kvHeads: 1, headDim: 4 },
  { base: 0, parent: CHAIN, heads: 2, kvHeads: 1, headDim: 8 },
  { base: 1, parent: STAR, heads: 4, kvHeads: 2, headDim: 16 },
  { base: 60, parent: randomTree(20), heads: 4, kvHeads: 2, headDim: 32 },
  { base: 63, parent: randomTree(9), heads: 9, kvHeads: 3, headDim: 64 },
  { base: 64, parent: STAR, heads: 2, kvHeads: 2, headDim: 80 },
  { base: 65, parent: CHAIN, heads: 1, kvHeads: 1, headDim: 96 },
  { base: 200, parent: randomTree(64), heads: 2, kvHeads: 1, headDim: 128 },
  { base: 700, parent: randomTree(5), heads: 2, kvHeads: 1, headDim: 256 },
  { base: 130, parent: randomTree(8), heads: 3, kvHeads: 1, headDim: 12 },
];

test(
  "agrees with f64, whatever the heads, the tree and the number of tiles",
  () =>
    withGpu(async (gpu) => {
      for (const size of CASES) {
        const input = inputs(size);
        const actual = await run(gpu, size, input);
        const { expected, tolerance } = expectation(size, input);
        const { base, parent, heads, kvHeads, headDim } = size;
        const what = `base ${base}, ${parent.length} nodes, heads ${heads}/${kvHeads} of ${headDim}`;
        expectClose(actual, expected, (i) => tolerance[i]!, what);
      }
    }),
  MANY_VARIANTS,
);

const SMALL = { heads: 4, kvHeads: 2, headDim: 12 };
const VARIANTS: readonly Case[] = [
  // Narrower and wider than a tile, at bases under and over the window; the chain is deeper than either.
  ...[0, 5, 33, 90].flatMap((base) => [
    { base, parent: CHAIN, ...SMALL, window: 7 },
    { base, parent: randomTree(20), ...SMALL, window: 37 },
  ]),
  { base: 40, parent: STAR, ...SMALL, queryScalar: 30, cap: 3, scale: 2 },
];

test(
  "windows, other scales and soft caps agree with f64",
  () =>
    withGpu(async (gpu) => {
      for (const size of VARIANTS) {
        const input = inputs(size);
        const actual = await run(gpu, size, input);
        const { expected, tolerance } = expectation(size, input);
        const what = `base ${size.base}, window ${size.window}, cap ${size.cap}`;
        expectClose(actual, expected, (i) => tolerance[i]!, what);
        // Where no row has as many keys as the window, its width cannot be seen.
        if (size.window && size.base < size.window && size.parent !== CHAIN) continue;
        const other = size.window ? { ...size, window: size.window + 1 } : { ...size, cap: 3.1 };
        const wrong = expectation(other, input).expected;
        expect(
          mismatches(actual, wrong, (i) => tolerance[i]!),
          what,
        ).not.toHaveLength(0);
      }
    }),
  MANY_VARIANTS,
);

test("huge scores of both signs neither overflow nor become NaN", () =>
  withGpu(async (gpu) => {
    const size: Case = {
      base: 100,
      parent: randomTree(20),
      heads: 2,
      kvHeads: 1,
      headDim: 64,
      scale: 100,
    };
    const input = inputs(size);
    const { scores } = attentionRow(input.q, input.kv, keySlots(100, 0, size.parent), {
      ...size,
      slots: input.slots,
    });
    expect(Math.max(...scores.flat())).toBeGreaterThan(1e4);
    expect(Math.min(...scores.flat())).toBeLessThan(-1e4);
    const actual = await run(gpu, size, input);
    expect(actual.every(Number.isFinite)).toBe(true);
    const { expected, tolerance } = expectation(size, input);
    expectClose(actual, expected, (i) => tolerance[i]!, "attention-tree");
  }));

test("the slots of nodes that are not ancestors never influence a row", () =>
  withGpu(async (gpu) => {
    const size: Case = { base: 70, parent: randomTree(40), heads: 2, kvHeads: 1, headDim: 16 };
    const input = inputs(size);
    const whole = await run(gpu, size, input);
    const width = size.heads * size.headDim;
    for (const node of [0, 1, 17, 39]) {
      const seen = new Set(keySlots(size.base, node, size.parent));
      const kv = input.kv.map((value, i) =>
        seen.has(Math.floor(i / input.kvDim) % input.slots) ? value : NaN,
      );
      const alone = await run(gpu, size, { ...input, kv });
      const row = (out: Float32Array) => out.subarray(node * width, (node + 1) * width);
      expect(differingBits(row(alone), row(whole)), `node ${node}`).toBe(0);
      expect(row(alone).every(Number.isFinite)).toBe(true);
    }
  }));

test("a draft's first pass: base -1, a row without keys, and branches after it", () =>
  withGpu(async (gpu) => {
    const size: Case = { base: 0, parent: [-1, 0, 1, 1, 2], heads: 1, kvHeads: 1, headDim: 8 };
    const input = inputs(size);
    // Node n lies in slot base + n = n - 1, and node 0 has no slot.
    const actual = await run(gpu, { ...size, base: -1 }, input);
    expect([...actual.subarray(0, 8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    const shape = { ...size, slots: input.slots, tile: attentionTile(8) };
    for (const [node, keys] of [
      [1, [0]],
      [2, [0, 1]],
      [3, [0, 2]],
      [4, [0, 1, 3]],
    ] as const) {
      const query = input.q.subarray(node * 8, node * 8 + 8);
      const row = attentionRow(query, input.kv, keys, shape);
      const magnitudes = attentionRow(
        query.map(Math.abs),
        input.kv.map(Math.abs),
        keys,
        shape,
      ).scores;
      const tolerance = attentionTolerance({ ...row, magnitudes, kv: input.kv, keys, ...shape });
      expectClose(
        actual.subarray(node * 8, node * 8 + 8),
        row.out,
        (i) => tolerance[i]!,
        `node ${node}`,
      );
    }
  }));

faultTest.each([
  ["scores are not scaled", "score *= scale;", ""],
  ["the ancestors of another node", "tree.ancestor[row.node]", "tree.ancestor[row.node - 1u]"],
  ["the row's own key is left out", "row.position + 1u", "row.position"],
  [
    "nodes instead of ancestors",
    "tree.ancestor[row.node][beyond_prefix]",
    "u32(beyond_prefix) + 0u * tree.depth[0]",
  ],
  ["earlier tiles are not rescaled", "output *= rescale;", ""],
  ["the sum of earlier tiles is not rescaled", "sum *= rescale;", ""],
  ["heads in the wrong order", "head / (params.heads / params.kv_heads)", "head % params.kv_heads"],
  ["keys taken for values", "slot_at + params.slots * kv_dim4", "slot_at"],
  ["the lanes' sums are not all added up", "output += partials[other * parts + lane];", ""],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const size: Case = { base: 66, parent: randomTree(12), heads: 4, kvHeads: 2, headDim: 16 };
    const input = inputs(size);
    const actual = await run(gpu, size, input, plantFault(attentionTree, right, wrong));
    const { expected, tolerance } = expectation(size, input);
    expect(mismatches(actual, expected, (i) => tolerance[i]!)).not.toHaveLength(0);
  }),
);
