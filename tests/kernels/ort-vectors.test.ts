// ONNX Runtime's own operator vectors on our kernels, as far as these compute such things. Every vector is accounted for.
import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  attentionTile,
  attentionTree,
  attentionTreeGrid,
  encodeTokenTree,
  laneCount,
  matmulAdd,
  matmulAddGrid,
  normMatmul,
  normMatmulGrid,
  qkvRope,
  qkvRopeGrid,
  rowTile,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { attentionRow, keySlots } from "../reference/attention-tree.ts";
import { expectClose } from "../support/close.ts";
import { withGpu } from "../support/kernel-run.ts";
import { hasVectors, printedError, readVectors, type Vector } from "../support/ort-vectors.ts";
import { attentionTolerance, normDotTolerance, UNIT } from "../support/tolerance.ts";

const numbers = (vector: Vector, input: number): readonly number[] =>
  vector.inputs[input]?.data ?? [];
const dims = (vector: Vector, input: number): readonly number[] => vector.inputs[input]?.dims ?? [];

/** The kernels that compute a vector, or why none does. */
function kernelsFor(vector: Vector): "attention" | "rotation" | "norm" | { readonly not: string } {
  switch (vector.file) {
    case "group-query-attention":
      return "attention";
    case "multihead-attention": {
      const bias = numbers(vector, 3).length + numbers(vector, 5).length;
      if (bias > 0) return { not: "has a bias of queries, keys, values or scores" };
      if (dims(vector, 0)[1] !== 1) return { not: "lets rows see what comes after them" };
      const headDim = dims(vector, 0)[2]! / vector.attributes["num_heads"]!;
      return headDim % 4 === 0 ? "attention" : { not: "has heads narrower than 4" };
    }
    case "rotary-embedding":
      return "rotation";
    case "simplified-layer-norm":
    case "skip-simplified-layer-norm":
      return "norm";
    case "layer-norm":
    case "skip-layer-norm":
      return { not: "subtracts a mean" };
    case "attention":
      return { not: "lets rows see what comes after them" };
    case "quick-gelu":
      return { not: "is an activation that no supported model has" };
    default:
      return { not: "is about quantised weights, which have a test of their own" };
  }
}

/** `[rows, heads, headDim]` of queries, and keys and values of what was before them and of themselves. */
function attentionCase(vector: Vector) {
  const heads = vector.attributes["num_heads"]!;
  const kvHeads = vector.attributes["kv_num_heads"] ?? heads;
  const rows = dims(vector, 0)[1]!;
  const isPacked = numbers(vector, 1).length === 0;
  const headDim = dims(vector, 0)[2]! / (isPacked ? heads + 2 * kvHeads : heads);
  const pastAt = vector.file === "group-query-attention" ? 3 : 6;
  // As the vectors have it: what was before is looked at only where the cache is asked for as well.
  const hasPast = vector.outputs.length > 1;
  const base = hasPast ? numbers(vector, pastAt).length / (kvHeads * headDim) : 0;
  const widths = [heads, kvHeads, kvHeads].map((count) => count * headDim);
  const width = widths[0]! + widths[1]! + widths[2]!;
  const part = (which: number): readonly number[] => {
    if (!isPacked) return numbers(vector, which);
    const start = widths.slice(0, which).reduce((sum, one) => sum + one, 0);
    const all = numbers(vector, 0);
    return Array.from({ length: rows }, (_, r) =>
      all.slice(r * width + start, r * width + start + widths[which]!),
    ).flat();
  };
  // [heads, past, headDim] there, [past, heads, headDim] here.
  const past = (which: number): number[] =>
    Array.from({ length: base * kvHeads * headDim }, (_, i) => {
      const [at, rest] = [Math.floor(i / (kvHeads * headDim)), i % (kvHeads * headDim)];
      const [head, dim] = [Math.floor(rest / headDim), rest % headDim];
      return numbers(vector, pastAt + which)[(head * base + at) * headDim + dim]!;
    });
  const kv = Float32Array.from([...past(0), ...part(1), ...past(1), ...part(2)]);
  return {
    heads,
    kvHeads,
    headDim,
    rows,
    base,
    slots: base + rows,
    q: Float32Array.from(part(0)),
    kv,
  };
}

async function checkAttention(gpu: Gpu, vector: Vector): Promise<void> {
  const { heads, kvHeads, headDim, rows, base, slots, q, kv } = attentionCase(vector);
  const parent = Array.from({ length: rows }, (_, r) => r - 1);
  const tile = attentionTile(headDim);
  const { buffers: scope } = gpu;
  const pipeline = gpu.kernels.compile(attentionTree, {
    statics: { ...TARGET_TREE, TILE: tile },
  });
  const buffers = {
    q: scope.upload("q", q),
    kv: scope.upload("kv", kv),
    rows: scope.upload(
      "rows",
      Uint32Array.from(parent.flatMap((_, r) => [r, base, base + r, base + r])),
    ),
    tree: scope.upload(
      "tree",
      encodeTokenTree(
        TARGET_TREE,
        parent.map((at) => ({ token: 0, parent: at })),
      ),
    ),
    out: scope.storage("out", q.byteLength),
  };
  const recording = new Recording();
  const params = { heads, kv_heads: kvHeads, head_dim: headDim, slots };
  recording.dispatch(pipeline.bind(scope, buffers, params), attentionTreeGrid(heads, rows));
  const [out] = await gpu.submitAndRead([recording], [buffers.out]);
  const size = { heads, kvHeads, headDim, slots, tile };
  const tolerance = parent.flatMap((_, r) => {
    const keys = keySlots(base, r, parent);
    const query = q.subarray(r * heads * headDim, (r + 1) * heads * headDim);
    const row = attentionRow(query, kv, keys, size);
    const magnitudes = attentionRow(query.map(Math.abs), kv.map(Math.abs), keys, size).scores;
    return attentionTolerance({ ...row, magnitudes, kv, keys, ...size });
  });
  compare(vector, new Float32Array(out!, 0, q.length), (i) => tolerance[i]!);
}

/** Each side's rounding, and that of the print: of the result, and what that of the inputs makes of it. */
function compare(
  vector: Vector,
  actual: Float32Array,
  tolerance: (i: number) => number,
  inputs: (i: number) => number = () => 0,
): void {
  const expected = vector.outputs[0]!.data!;
  const printed = printedError(expected);
  const allowed = (i: number): number => 2 * tolerance(i) + printed + inputs(i);
  expectClose(actual, expected, allowed, `${vector.file}: ${vector.name}`);
}

/**
 * Queries of rows that are rotated as they are: row r is the r-th unit vector, so that its product with the weights is column r. Heads
 * are widened to whole vec4s by coordinates that stay 0, and neighbours that turn together are put half a head apart.
 */
async function checkRotation(gpu: Gpu, vector: Vector): Promise<void> {
  const shape = dims(vector, 0);
  const [cosines, sines] = [numbers(vector, 2), numbers(vector, 3)];
  const pairs = dims(vector, 2)[1]!;
  const isSplit = shape.length === 4; // [batch, heads, tokens, headDim], not [batch, tokens, heads headDim]
  const rotated = 2 * pairs;
  const headDim = isSplit
    ? shape[3]!
    : vector.attributes["num_heads"]
      ? shape[2]! / vector.attributes["num_heads"]!
      : rotated;
  const heads = isSplit ? shape[1]! : shape[2]! / headDim;
  const tokens = isSplit ? shape[2]! : shape[1]!;
  const rows = shape[0]! * tokens;
  const wide = 4 * Math.ceil(headDim / 4);
  /** Where element i of a head stands on our side. */
  const place = (i: number): number => {
    if (i >= rotated) {
      const rest = i - rotated;
      return rest % 2 === 0 ? pairs + rest / 2 : wide / 2 + pairs + (rest - 1) / 2;
    }
    if (vector.attributes["interleaved"]) return i % 2 === 0 ? i / 2 : wide / 2 + (i - 1) / 2;
    return i < pairs ? i : wide / 2 + i - pairs;
  };
  const at = (row: number, head: number, i: number): number => {
    const [batch, token] = [Math.floor(row / tokens), row % tokens];
    return isSplit
      ? ((batch * heads + head) * tokens + token) * headDim + i
      : (row * heads + head) * headDim + i;
  };
  const hidden = rows <= 4 ? 4 : 16;
  const outputs = (heads + 2) * wide;
  const w = new Float32Array(outputs * hidden);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < headDim; i++) {
        w[(head * wide + place(i)) * hidden + row] = numbers(vector, 0)[at(row, head, i)]!;
      }
    }
  }
  const positions = Array.from({ length: rows }, (_, row) => row % tokens);
  const rope = new Float32Array(tokens * wide);
  for (let position = 0; position < tokens; position++) {
    for (let pair = 0; pair < wide / 2; pair++) {
      const known = pair < pairs;
      rope[position * wide + pair] = known ? cosines[position * pairs + pair]! : 1;
      rope[position * wide + wide / 2 + pair] = known ? sines[position * pairs + pair]! : 0;
    }
  }
  const lanes = laneCount(hidden);
  const pipeline = gpu.kernels.compile(qkvRope, {
    statics: { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes },
    weights: "f32",
  });
  const { buffers: scope } = gpu;
  const x = Float32Array.from({ length: rows * hidden }, (_, i) =>
    Number(Math.floor(i / hidden) === i % hidden),
  );
  const buffers = {
    x: scope.upload("x", x),
    // The norm of a unit vector divides by 1 / sqrt(hidden), a power of two.
    gain: scope.upload("gain", new Float32Array(hidden).fill(1 / Math.sqrt(hidden))),
    w: scope.upload("w", w),
    rope: scope.upload("rope", rope),
    rows: scope.upload("rows", Uint32Array.from(positions.flatMap((p, r) => [r, 0, p, r]))),
    q: scope.storage("q", rows * heads * wide * 4),
    kv: scope.storage("kv", 2 * rows * wide * 4),
  };
  const params = { rows, k4: hidden / 4, heads, kv_heads: 1, head_dim: wide, slots: rows, eps: 0 };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(scope, buffers, params), qkvRopeGrid(outputs, rows));
  const [q] = await gpu.submitAndRead([recording], [buffers.q]);
  const turned = new Float32Array(q!, 0, rows * heads * wide);
  const actual = new Float32Array(numbers(vector, 0).length);
  const tolerance = new Float64Array(actual.length);
  const printed = new Float64Array(actual.length);
  const [ofValues, ofTable] = [printedError(numbers(vector, 0)), printedError(cosines)];
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < headDim; i++) {
        const own = place(i);
        const other = (own + wide / 2) % wide;
        const value = (p: number): number => Math.abs(w[(head * wide + p) * hidden + row]!);
        const dot = (p: number): number => normDotTolerance(hidden, lanes, value(p), value(p));
        actual[at(row, head, i)] = turned[(row * heads + head) * wide + own]!;
        // |cos| + |sin| is at most the root of 2.
        printed[at(row, head, i)] =
          1.4143 * ofValues + ofTable * (value(own) + value(other) + 2 * ofValues);
        // As in qkv-rope.test.ts.
        tolerance[at(row, head, i)] =
          dot(own) + dot(other) + 3.5 * UNIT * (value(own) + value(other));
      }
    }
  }
  compare(
    vector,
    actual,
    (i) => tolerance[i]!,
    (i) => printed[i]!,
  );
}

/** The residual stream and its norm: `matmul-add` of what is skipped, where there is any, and `norm-matmul`, both by the unit matrix. */
async function checkNorm(gpu: Gpu, vector: Vector): Promise<void> {
  const isSkip = vector.inputs.length === 3;
  const gain = numbers(vector, isSkip ? 2 : 1);
  const k = gain.length;
  const x = numbers(vector, 0);
  const rows = x.length / k;
  const lanes = laneCount(k);
  const { buffers: scope } = gpu;
  const unit = Float32Array.from({ length: k * k }, (_, i) => Number(i % (k + 1) === 0));
  const stream = scope.upload("x", Float32Array.from(x));
  const w = scope.upload("w", unit);
  const logits = scope.storage("logits", rows * k * 4);
  const compiled = {
    statics: { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes },
    weights: "f32",
  } as const;
  const recording = new Recording();
  if (isSkip) {
    const add = gpu.kernels.compile(matmulAdd, compiled);
    const skip = scope.upload("skip", Float32Array.from(numbers(vector, 1)));
    recording.dispatch(
      add.bind(scope, { x: skip, w, y: stream }, { rows, cols: k, k4: k / 4 }),
      matmulAddGrid(k, rows),
    );
  }
  const norm = gpu.kernels.compile(normMatmul, compiled);
  const buffers = { x: stream, gain: scope.upload("gain", Float32Array.from(gain)), w, logits };
  const eps = vector.attributes["epsilon"]!;
  recording.dispatch(
    norm.bind(scope, buffers, { rows, first: 0, cols: k, k4: k / 4, eps }),
    normMatmulGrid(k, rows),
  );
  const [out] = await gpu.submitAndRead([recording], [logits]);
  const expected = vector.outputs[0]!.data!;
  // The sums of the vectors' whole numbers are exact.
  const tolerance = (i: number): number =>
    normDotTolerance(k, lanes, expected[i]!, Math.abs(expected[i]!));
  compare(vector, new Float32Array(out!, 0, rows * k), tolerance);
}

const CHECKS = { attention: checkAttention, rotation: checkRotation, norm: checkNorm };

test.skipIf(!hasVectors)("every vector passes, or is one of those that no kernel computes", () =>
  withGpu(async (gpu) => {
    const passed: Record<string, number> = {};
    const left: Record<string, number> = {};
    for (const vector of readVectors()) {
      const kernels = kernelsFor(vector);
      if (typeof kernels === "string") {
        await CHECKS[kernels](gpu, vector);
        passed[vector.file] = (passed[vector.file] ?? 0) + 1;
      } else {
        left[kernels.not] = (left[kernels.not] ?? 0) + 1;
      }
    }
    expect(passed).toEqual({
      "group-query-attention": 16,
      "multihead-attention": 3,
      "rotary-embedding": 12,
      "simplified-layer-norm": 1,
      "skip-simplified-layer-norm": 1,
    });
    expect(left).toEqual({
      "has a bias of queries, keys, values or scores": 7,
      "lets rows see what comes after them": 14,
      "has heads narrower than 4": 4,
      "subtracts a mean": 3,
      "is an activation that no supported model has": 2,
      "is about quantised weights, which have a test of their own": 29,
    });
  }),
);
