import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  DRAFT_TREE,
  pruneTree,
  pruneTreeGrid,
  TARGET_TREE,
  treeBytes,
} from "../../src/kernels/index.ts";
import { pruneTree as reference } from "../reference/prune-tree.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { branchingParents, fromBytes, randomParents, toBytes } from "../support/token-trees.ts";

interface Case {
  draft: ReferenceTree;
  nodes: number;
}

/** All cases in one submission, each into a tree full of other numbers. */
async function run(gpu: Gpu, cases: readonly Case[], spec = pruneTree) {
  const pipeline = gpu.kernels.compile(spec);
  const recording = new Recording();
  const trees = cases.map(({ draft, nodes }) => {
    const stale = new Uint32Array(treeBytes(TARGET_TREE) / 4).fill(STALE);
    const tree = gpu.buffers.upload("tree", stale);
    const buffers = {
      tree,
      candidates_tree: gpu.buffers.upload("draft", toBytes(draft, DRAFT_TREE)),
    };
    const params = { candidates: draft.tokens.length, nodes };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), pruneTreeGrid());
    return tree;
  });
  const data = await gpu.submitAndRead([recording], trees);
  return cases.map(({ nodes }, i) => ({
    ...fromBytes(data[i]!, TARGET_TREE, nodes),
    beyond: [...new Uint32Array(data[i]!, 0, TARGET_TREE.NODES).subarray(nodes)],
  }));
}

const STALE = 0xabcdef;

function expected({ draft, nodes }: Case) {
  const beyond = Array.from({ length: TARGET_TREE.NODES - nodes }, () => STALE);
  return { ...reference(draft, nodes), beyond };
}

/** A draft's tree whose part below the root has the shape `parents`; scores fall by multiples of `step`. */
function draftTree(parents: readonly number[], step: number, next: () => number): ReferenceTree {
  const tree = emptyTree();
  addNode(tree, { token: 1, parent: -1 });
  parents.forEach((parent, i) => {
    const above = i === 0 ? 0 : tree.scores[parent + 1]!;
    const loss = i === 0 || next() < 0.1 ? 0 : step * Math.floor((next() * 6) / step);
    const score = i > 0 && next() < 0.02 ? -Infinity : Math.fround(above - loss);
    addNode(tree, { token: Math.floor(next() * 50000), parent: parent + 1, score });
  });
  return tree;
}

/** Between 1 node and as many as there are, or as fit. */
function drawNodes(draft: ReferenceTree, next: () => number): number {
  const most = Math.min(64, draft.tokens.length - 1);
  return next() < 0.2 ? most : 1 + Math.floor(next() * most);
}

function randomCases(count: number): Case[] {
  const next = uniforms(11);
  return Array.from({ length: count }, () => {
    const parents = randomParents(1 + Math.floor(next() ** 2 * 300), next() * 0.6, next);
    const draft = draftTree(parents, [1e-3, 0.5, 3, 100][Math.floor(next() * 4)]!, next);
    return { draft, nodes: drawNodes(draft, next) };
  });
}

test("random trees: the best nodes, in order, with mapped parents and ancestors", () =>
  withGpu(async (gpu) => {
    const cases = randomCases(200);
    expect(await run(gpu, cases)).toEqual(cases.map(expected));
  }));

const DRAFT_SHAPES: Record<string, readonly number[]> = {
  "root alone": [-1],
  "two nodes": [-1, 0],
  "chain of 63": branchingParents(Array.from({ length: 63 }, () => 1)),
  "chain of 64, pruned to 63": branchingParents(Array.from({ length: 64 }, () => 1)),
  "star of 510": branchingParents([510]),
  "branching 2-2-2-2": branchingParents([2, 2, 2, 2]),
  "branching 7-8-8": branchingParents([7, 8, 8]).slice(0, 511),
};

test("every shape, with scores from distinct to all equal", () =>
  withGpu(async (gpu) => {
    for (const [name, parents] of Object.entries(DRAFT_SHAPES)) {
      const cases = [1e-4, 0.5, 100].flatMap((step, i) => {
        const draft = draftTree(parents, step, uniforms(i));
        return [1, 2, 16, 63, 64]
          .filter((nodes) => nodes <= parents.length)
          .map((nodes) => ({ draft, nodes }));
      });
      expect(await run(gpu, cases), name).toEqual(cases.map(expected));
    }
  }));

const FAULTS: [string, string, string][] = [
  ["the higher index wins a tie", "a.id < b.id", "a.id > b.id"],
  ["ties are all kept", "(a.key == b.key && a.id < b.id)", "false"],
  ["the root competes", "var place = 1u;", "var place = 0u;"],
  ["depths are the draft's", "levels - 1u", "levels"],
  ["parents are not mapped", "new_index[candidates_tree.parent[i]]", "candidates_tree.parent[i]"],
  [
    "ancestors are not mapped",
    "new_index[candidates_tree.ancestor[i][d + 1u]]",
    "candidates_tree.ancestor[i][d + 1u]",
  ],
  ["ancestors start at the previous token", "ancestor[i][d + 1u]", "ancestor[i][d]"],
  ["origin is the new index", "tree.origin[node] = i", "tree.origin[node] = node"],
];

faultTest(
  "planted faults are seen",
  () =>
    withGpu(async (gpu) => {
      const cases = randomCases(24);
      const wanted = cases.map(expected);
      for (const [name, right, wrong] of FAULTS) {
        expect(await run(gpu, cases, plantFault(pruneTree, right, wrong)), name).not.toEqual(
          wanted,
        );
      }
    }),
  120_000,
);
