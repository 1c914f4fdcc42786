import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import { DRAFT_TREE, growLevel, growLevelGrid, type TreeStatics } from "../../src/kernels/index.ts";
import { growLevel as reference, type GrowLevel } from "../reference/grow-level.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { fromBytes, toBytes } from "../support/token-trees.ts";

interface Case {
  tree: ReferenceTree;
  candidates: { token: number; score: number }[];
  level: GrowLevel;
}

const SMALL: TreeStatics = { NODES: 96, LEVELS: 12 };

/** All cases in one submission; a frontier lies at the end of its tree, as when a tree is grown. */
async function run(gpu: Gpu, cases: readonly Case[], statics: TreeStatics, spec = growLevel) {
  const pipeline = gpu.kernels.compile(spec, { statics });
  const recording = new Recording();
  const trees = cases.map(({ tree: before, candidates: proposed, level }) => {
    const tree = gpu.buffers.upload("tree", toBytes(before, statics));
    const scores = Float32Array.from(proposed.flatMap(({ score }) => [0, score]));
    const data = new Uint32Array(scores.buffer);
    proposed.forEach(({ token }, i) => (data[2 * i] = token));
    const buffers = { tree, candidates: gpu.buffers.upload("candidates", data) };
    const params = {
      frontier_start: level.frontierStart,
      frontier_count: level.frontierCount,
      k: level.k,
      level_start: before.tokens.length,
      width: level.width,
      depth: before.depths[level.frontierStart]! + 1,
    };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), growLevelGrid());
    return tree;
  });
  const data = await gpu.submitAndRead([recording], trees);
  return cases.map(({ tree, level }, i) => {
    const nodes = tree.tokens.length + level.width;
    const { NODES } = statics;
    return {
      ...fromBytes(data[i]!, statics, nodes),
      beyond: new Uint32Array(data[i]!).subarray(nodes, NODES).filter((token) => token > 0).length,
    };
  });
}

function expected({ tree, candidates, level }: Case) {
  const grown = structuredClone(tree);
  reference(grown, candidates, level);
  return { ...grown, beyond: 0 };
}

interface Shape {
  depth: number;
  frontier: number;
  k: number;
  width: number;
  /** Scores are multiples of this: large means many ties. */
  step: number;
}

/** A path of `depth` nodes, then a frontier below its end; scores sorted in each row, some -inf. */
function makeCase({ depth, frontier, k, width, step }: Shape, next: () => number): Case {
  const tree = emptyTree();
  const score = () => Math.fround(-step * Math.floor((next() * 8) / step));
  for (let d = 0; d < depth; d++) addNode(tree, { token: 10 + d, parent: d - 1 });
  for (let f = 0; f < frontier; f++) {
    addNode(tree, { token: 100 + f, parent: depth - 1, score: score() });
  }
  const candidates = Array.from({ length: frontier }, () => {
    const scores = Array.from({ length: k }, () => (next() < 0.03 ? -Infinity : score()));
    return scores.sort((a, b) => (a === b ? 0 : b - a));
  }).flat();
  return {
    tree,
    candidates: candidates.map((value) => ({
      token: 1 + Math.floor(next() * 50000),
      score: value,
    })),
    level: { frontierStart: depth, frontierCount: frontier, k, width },
  };
}

function randomCases(count: number): Case[] {
  const next = uniforms(5);
  const upTo = (most: number) => 1 + Math.floor(next() * most);
  return Array.from({ length: count }, () => {
    const [depth, frontier, k] = [upTo(9), upTo(12), upTo(12)];
    const width = next() < 0.2 ? frontier * k : upTo(frontier * k);
    const step = [1e-3, 0.25, 2, 100][Math.floor(next() * 4)]!;
    return makeCase({ depth, frontier, k, width: Math.min(width, 70), step }, next);
  });
}

test("random levels: the best by score, in draw order", () =>
  withGpu(async (gpu) => {
    const cases = randomCases(400);
    expect(await run(gpu, cases, SMALL)).toEqual(cases.map(expected));
  }));

const DRAFT_SHAPES: Record<string, Omit<Shape, "step">> = {
  "one of one": { depth: 2, frontier: 1, k: 1, width: 1 },
  "a star: 63 of one row": { depth: 2, frontier: 1, k: 63, width: 63 },
  "2 kept of one row of 64": { depth: 2, frontier: 1, k: 64, width: 2 },
  "64 chains side by side": { depth: 2, frontier: 64, k: 1, width: 64 },
  "width 8": { depth: 5, frontier: 8, k: 8, width: 8 },
  "63 of 63 x 63": { depth: 2, frontier: 63, k: 63, width: 63 },
  "all of 8 x 50": { depth: 2, frontier: 8, k: 50, width: 400 },
  "the deepest level": { depth: 64, frontier: 4, k: 4, width: 4 },
};

test("the draft's tree, in every shape", () =>
  withGpu(async (gpu) => {
    for (const [name, shape] of Object.entries(DRAFT_SHAPES)) {
      const cases = [1e-4, 0.5, 100].map((step, i) => makeCase({ ...shape, step }, uniforms(i)));
      expect(await run(gpu, cases, DRAFT_TREE), name).toEqual(cases.map(expected));
    }
  }));

const FAULTS: [string, string, string][] = [
  ["a tie goes to the higher row", "u32(row > f)", "u32(row < f)"],
  ["ties are all kept", "u32(row > f)", "1u"],
  ["only the candidate's own score counts", "tree.score[params.frontier_start + f] + ", ""],
  ["best first instead of draw order", "var f = 0u;", "var f = params.frontier_count - 1u;"],
  ["the parent is the row", "tree.parent[node] = parent", "tree.parent[node] = f"],
  ["a node misses among its own ancestors", "tree.ancestor[node][params.depth] = node;", ""],
  ["one ancestor too few", "d < params.depth", "d + 1u < params.depth"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = randomCases(40);
    const wanted = cases.map(expected);
    for (const [name, right, wrong] of FAULTS) {
      const actual = await run(gpu, cases, SMALL, plantFault(growLevel, right, wrong));
      expect(actual, name).not.toEqual(wanted);
    }
  }),
);
