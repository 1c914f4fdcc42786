import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  nodeLogProbs,
  nodeLogProbsGrid,
  TARGET_TREE,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../../src/kernels/index.ts";
import { nodeLogProbs as reference } from "../reference/node-log-probs.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { isCloseUnder, logitRows } from "../support/log-prob-cases.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { randomParents, SHAPES, toBytes, treeOf } from "../support/token-trees.ts";

interface Case {
  readonly parents: readonly number[];
  readonly vocab: number;
  /** Candidates per row: the first alone counts. */
  readonly k: number;
}

const SIZES = [
  [1, 1],
  [2, 1],
  [70, 5],
  [257, 20],
] as const;
const CASES: [string, Case][] = [
  ...Object.entries(SHAPES).map(([name, parents], i): [string, Case] => {
    const [vocab, k] = SIZES[i % SIZES.length]!;
    return [name, { parents, vocab, k }];
  }),
  ["random", { parents: randomParents(37, 0.4, uniforms(5)), vocab: 1000, k: 3 }],
];

/** What it writes of each node, and which of that is wrong. A word beyond the last node must stay. */
async function faults(gpu: Gpu, { parents, vocab, k }: Case, spec = nodeLogProbs) {
  const { buffers: scope } = gpu;
  const nodes = parents.length;
  const tree = treeOf(parents, vocab, uniforms(nodes));
  const all = logitRows(vocab, nodes);
  const logits = scope.upload("logits", all);
  const candidates = scope.storage("candidates", nodes * k * 8);
  const sharpness = scope.upload("sharpness", Float32Array.of(1));
  const log_probs = scope.upload("log probs", new Float32Array(nodes + 1).fill(7));
  const recording = new Recording();
  const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
  const top = gpu.kernels.compile(topCandidates, { constants });
  recording.dispatch(
    top.bind(scope, { logits, sharpness, candidates }, { vocab, k }),
    topCandidatesGrid(nodes),
  );
  const pipeline = gpu.kernels.compile(spec);
  const buffers = {
    tree: scope.upload("tree", toBytes(tree, TARGET_TREE)),
    logits,
    candidates,
    log_probs,
  };
  recording.dispatch(pipeline.bind(scope, buffers, { vocab, nodes, k }), nodeLogProbsGrid());
  const [bytes] = await gpu.submitAndRead([recording], [log_probs]);
  const actual = new Float32Array(bytes!);
  expect(actual[nodes]).toBe(7);
  const rows = Array.from({ length: nodes }, (_, i) => all.subarray(i * vocab, (i + 1) * vocab));
  return reference(tree, rows).flatMap((wanted, i) => {
    const isClose = i === 0 ? Object.is : isCloseUnder(rows[parents[i]!]!);
    return isClose(actual[i]!, wanted) ? [] : [`node ${i}: ${actual[i]}, not ${wanted}`];
  });
}

test.each(CASES)("%s", (_, one) =>
  withGpu(async (gpu) => {
    expect(await faults(gpu, one)).toEqual([]);
  }),
);

const FAULTS: [string, string][] = [
  ["tree.parent[i]", "i - u32(i > 0u)"],
  ["logits[row + tree.token[i]]", "logits[row + tree.token[parent]]"],
  ["below + best.score", "best.score"],
  ["- logits[row + best.token]", ""],
  ["candidates[parent * params.k]", "candidates[parent]"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const [, one] = CASES.at(-1)!;
    for (const [right, wrong] of FAULTS) {
      const spec = plantFault(nodeLogProbs, right, wrong);
      expect(await faults(gpu, one, spec), right).not.toEqual([]);
    }
  }),
);
