import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  DRAFT_TREE,
  editRows,
  editRowsGrid,
  encodeControl,
  encodeEdits,
  encodeSeen,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { editRow } from "../reference/edit-rows.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { mismatches } from "../support/close.ts";
import { type EditCase, NO_EDITS, pathTokens, randomEditCase } from "../support/edit-cases.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals } from "../support/random.ts";
import { faultTest, MANY_VARIANTS, showsIn } from "../support/slow-adapters.ts";
import { toBytes } from "../support/token-trees.ts";
import { SMALLEST, UNIT } from "../support/tolerance.ts";

/** Rows as models have them, and -infinity here and there. */
function logitsOf({ vocab, tree }: EditCase): Float32Array<ArrayBuffer> {
  const normal = normals(vocab + tree.tokens.length);
  const rows = new Float32Array(tree.tokens.length * vocab);
  return rows.map((_, i) => (i % 97 === 13 ? -Infinity : 3 * normal()));
}

/** The draft's tree has the token before the root in front. */
function withLag(tree: ReferenceTree): ReferenceTree {
  const lagged = emptyTree();
  addNode(lagged, { token: 0, parent: -1 });
  tree.tokens.forEach((token, i) => addNode(lagged, { token, parent: tree.parents[i]! + 1 }));
  return lagged;
}

async function run(gpu: Gpu, cases: readonly EditCase[], lag: 0 | 1, spec = editRows) {
  const { buffers: scope } = gpu;
  const statics = lag === 1 ? DRAFT_TREE : TARGET_TREE;
  const pipeline = gpu.kernels.compile(spec, { statics });
  const recording = new Recording();
  const slices = cases.map((one) => {
    const { vocab, edits, text, promptLength, ends, nodeStart } = one;
    const tree = lag === 1 ? withLag(one.tree) : one.tree;
    const rows = one.tree.tokens.length - nodeStart;
    const buffers = {
      control: scope.upload("control", encodeControl({ base: text.length - 1 })),
      tree: scope.upload("tree", toBytes(tree, statics)),
      history: scope.upload("history", Uint32Array.from(text)),
      seen: scope.upload("seen", encodeSeen(text, edits.window, vocab)),
      edits: scope.upload("edits", encodeEdits(edits, promptLength, ends)),
      logits: scope.upload("logits", logitsOf(one).subarray(nodeStart * vocab)),
    };
    const params = { vocab, node_start: nodeStart + lag, lag };
    recording.dispatch(pipeline.bind(scope, buffers, params), editRowsGrid(rows));
    return { ...buffers.logits, size: rows * vocab * 4 };
  });
  const data = await gpu.submitAndRead([recording], slices);
  return data.map((bytes) => new Float32Array(bytes));
}

/** What is wrong with a case's rows. */
function faults(actual: Float32Array, one: EditCase): string[] {
  const { vocab, edits, text, promptLength, ends, tree, nodeStart } = one;
  const logits = logitsOf(one);
  const factor = Math.max(edits.repetition, 1 / edits.repetition);
  return tree.tokens.slice(nodeStart).flatMap((_, r) => {
    const node = nodeStart + r;
    const row = logits.subarray(node * vocab, (node + 1) * vocab);
    const whole = [...text, ...pathTokens(tree, node)];
    const wanted = editRow(row, whole, promptLength, ends, edits);
    const got = actual.subarray(r * vocab, (r + 1) * vocab);
    const isOut = (x: number): boolean => x === -Infinity;
    const outs = wanted.flatMap((x, c) =>
      isOut(x) === isOut(got[c]!) ? [] : [`row ${r}, token ${c}: ${got[c]}, not ${x}`],
    );
    const finite = (list: ArrayLike<number>) => Array.from(list, (x) => (isOut(x) ? 0 : x));
    const biases = new Map(edits.biases);
    // A sum, a quotient (2.5 units) and two differences, each of at most these magnitudes.
    const penalties = Math.abs(edits.presence) + whole.length * Math.abs(edits.frequency);
    const close = mismatches(finite(got), finite(wanted), (c) => {
      const z = Math.abs(finite(row)[c]!) + Math.abs(biases.get(c) ?? 0);
      return UNIT * (5 * z * factor + 4 * penalties) + SMALLEST;
    });
    return [...outs, ...close.map((miss) => `row ${r}: ${JSON.stringify(miss)}`)];
  });
}

const CASES = Array.from({ length: 100 }, (_, i) => randomEditCase(i));

test.each([0, 1] as const)("random texts, trees and edits, lag %d", (lag) =>
  withGpu(async (gpu) => {
    const results = await run(gpu, CASES, lag);
    const found = CASES.flatMap((one, i) =>
      faults(results[i]!, one).map((fault) => `case ${i}, ${JSON.stringify(one.edits)}: ${fault}`),
    );
    expect(found.slice(0, 5)).toEqual([]);
  }),
);

/** llama.cpp's figures for penalties: five tokens of 0.2 each, what was said, and what is left. */
const FIGURES: [number[], [number, number, number], number[]][] = [
  [[0], [50, 0, 0], [0, 0.25, 0.25, 0.25, 0.25]],
  [
    [0, 1, 2],
    [50, 0, 0],
    [0, 0, 0, 0.5, 0.5],
  ],
  [
    [0, 1, 2, 0, 0],
    [50, 0, 0],
    [0, 0, 0, 0.5, 0.5],
  ],
  [[0], [1, 5, 5], [0.000011, 0.249997, 0.249997, 0.249997, 0.249997]],
  [
    [0, 1, 2],
    [1, 5, 5],
    [0.000023, 0.000023, 0.000023, 0.499966, 0.499966],
  ],
  [
    [0, 1, 2, 0, 0],
    [1, 5, 5],
    [0, 0.000023, 0.000023, 0.499977, 0.499977],
  ],
];

test("published figures: every node of a chain has its own counts", () =>
  withGpu(async (gpu) => {
    for (const [said, [repetition, frequency, presence], wanted] of FIGURES) {
      const edits = { ...NO_EDITS, repetition, frequency, presence };
      const { buffers: scope } = gpu;
      const pipeline = gpu.kernels.compile(editRows);
      // The first token is committed, the others are a path.
      const tree = emptyTree();
      said.forEach((token, i) => addNode(tree, { token, parent: i - 1 }));
      const buffers = {
        control: scope.upload("control", encodeControl({ base: 0 })),
        tree: scope.upload("tree", toBytes(tree, TARGET_TREE)),
        history: scope.upload("history", Uint32Array.of(said[0]!)),
        seen: scope.upload("seen", encodeSeen([said[0]!], 0, 5)),
        edits: scope.upload("edits", encodeEdits(edits, 1, [])),
        logits: scope.upload("logits", new Float32Array(5).fill(Math.log(0.2))),
      };
      const recording = new Recording();
      const params = { vocab: 5, node_start: said.length - 1, lag: 0 };
      recording.dispatch(pipeline.bind(scope, buffers, params), editRowsGrid(1));
      const [data] = await gpu.submitAndRead([recording], [{ ...buffers.logits, size: 20 }]);
      const shares = Array.from(new Float32Array(data!), Math.exp);
      const sum = shares.reduce((a, b) => a + b, 0);
      shares.forEach((share, c) => expect(share / sum).toBeCloseTo(wanted[c]!, 5));
    }
  }));

const FAULTS: [string, string, string][] = [
  ["a positive logit is multiplied", "z > 0.0); }", "z < 0.0); }"],
  ["frequency once", "f32(count) * edits.frequency", "edits.frequency"],
  ["no presence", "+ edits.presence", ""],
  ["the path is not counted", "    count += 1u;\n", ""],
  ["what left the window is counted", "count -= u32(history[i] == token);", ""],
  ["tokens are penalised each time", "seen[token].last != position", "false"],
  [
    "the window ends with what is committed",
    "length - min(edits.window, length)",
    "text.committed - min(edits.window, text.committed)",
  ],
  ["a parent's text", "params.lag + 1u + d]", "params.lag + d]"],
  ["n-grams of one token more", "i < edits.no_repeat; i += 1u", "i <= edits.no_repeat; i += 1u"],
  [
    "n-grams of what is committed",
    "i < length; i += WORKGROUP_SIZE) {\n      if (repeats",
    "i < text.committed; i += WORKGROUP_SIZE) {\n      if (repeats",
  ],
  [
    "the end a token early",
    "new_tokens < edits.min_new_tokens",
    "new_tokens + 1u < edits.min_new_tokens",
  ],
  ["ends are never banned", "select(0u, edits.ends, ", "select(0u, 0u, "],
  ["forced by the position", "entry.key == new_tokens", "entry.key == length"],
];

faultTest("planted faults are seen", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of FAULTS) {
      const spec = plantFault(editRows, right, wrong);
      const isSeen = await showsIn(CASES, async (cases) => {
        const results = await run(gpu, cases, 0, spec);
        return cases.some((one, i) => faults(results[i]!, one).length > 0);
      });
      expect(isSeen, name).toBe(true);
    }
  }),
);
