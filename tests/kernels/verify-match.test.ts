import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  decodeControl,
  decodeRoundRecord,
  encodeControl,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
  verifyMatch,
  verifyMatchGrid,
} from "../../src/kernels/index.ts";
import type { ReferenceTree } from "../reference/token-tree.ts";
import { stepOf, surenessOf, verifyMatch as reference } from "../reference/verify-match.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { randomParents, SHAPES, toBytes, treeOf } from "../support/token-trees.ts";

interface Case {
  tree: ReferenceTree;
  ids: number[];
  control: { base: number; pending: number; previous: number; round: number };
}

const KEPT = { done: 0, seed: 77, limit: 0, end_count: 0 };
const RING_ROUNDS = 4;

/** Scores of a draft that gave every node a probability of some 255ths among its siblings; ties are common. */
function scored(tree: ReferenceTree, next: () => number): ReferenceTree {
  tree.parents.forEach((parent, node) => {
    const share = 1 + Math.floor(next() * (next() < 0.3 ? 3 : 255));
    tree.scores[node] = parent < 0 ? 0 : Math.fround(tree.scores[parent]! + Math.log(share / 255));
  });
  return tree;
}

/** All cases in one submission; each yields its control block and its ring record. */
async function run(gpu: Gpu, cases: readonly Case[], spec = verifyMatch) {
  const pipeline = gpu.kernels.compile(spec, { constants: { RING_ROUNDS } });
  const recording = new Recording();
  const slices = cases.flatMap((one) => {
    const control = gpu.buffers.upload("control", encodeControl({ ...KEPT, ...one.control }));
    const ring = gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES);
    const tree = gpu.buffers.upload("tree", toBytes(one.tree, TARGET_TREE));
    const ids = gpu.buffers.upload("ids", Uint32Array.from(one.ids));
    const nodes = one.tree.tokens.length;
    const bound = pipeline.bind(gpu.buffers, { ids, tree, control, ring }, { nodes });
    recording.dispatch(bound, verifyMatchGrid());
    return [control, ring];
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ control }, i) => {
    const at = control.round % RING_ROUNDS;
    const ring = new Uint32Array(data[2 * i + 1]!);
    const record = decodeRoundRecord(ring.buffer, at, control.round)!;
    ring.fill(0, (at * ROUND_RECORD_BYTES) / 4, ((at + 1) * ROUND_RECORD_BYTES) / 4);
    return {
      control: decodeControl(data[2 * i]!),
      record,
      elsewhere: ring.filter((word) => word > 0).length,
    };
  });
}

function expected({ tree, ids, control }: Case): Awaited<ReturnType<typeof run>>[number] {
  const { control: after, path, tokens, leaf } = reference(tree, ids, control);
  const accepted = path.length - 1;
  const { base } = control;
  return {
    control: { ...KEPT, ...after, accepted, round_base: base, path },
    record: {
      accepted,
      leaf,
      base,
      nodes: tree.tokens.length,
      depth: Math.max(...tree.depths),
      steps: path.slice(1).map((node) => stepOf(tree, node)),
      sureness: path.map((node) => surenessOf(tree, node)),
      tokens,
    },
    elsewhere: 0,
  };
}

/** A target whose tokens agree with some child most of the time. Few tokens, so that siblings repeat. */
function randomCase(parents: readonly number[], seed: number): Case {
  const next = uniforms(seed);
  const vocab = 2 + Math.floor(next() * 6);
  const tree = scored(treeOf(parents, vocab, next), next);
  const agreement = next();
  const ids = tree.tokens.map((_, i) => {
    const children = tree.tokens.filter((__, child) => tree.parents[child] === i);
    const follow = next() < agreement && children.length > 0;
    return follow ? children[Math.floor(next() * children.length)]! : Math.floor(next() * vocab);
  });
  const draw = () => Math.floor(next() * 50);
  return { tree, ids, control: { base: draw(), pending: draw(), previous: draw(), round: draw() } };
}

function allCases(): Case[] {
  const shaped = Object.values(SHAPES).flatMap((parents, i) =>
    Array.from({ length: 12 }, (_, j) => randomCase(parents, 100 * i + j)),
  );
  const random = Array.from({ length: 300 }, (_, i) => {
    const next = uniforms(9000 + i);
    return randomCase(randomParents(1 + Math.floor(next() * 64), next(), next), 7000 + i);
  });
  return [...shaped, ...random];
}

test("random trees: path, tokens, control block and ring", () =>
  withGpu(async (gpu) => {
    const cases = allCases();
    const wanted = cases.map(expected);
    expect(await run(gpu, cases)).toEqual(wanted);
    // The cases must reach both endings and long paths, or they prove little.
    expect(new Set(wanted.map(({ record }) => record.leaf)).size).toBe(2);
    expect(Math.max(...wanted.map(({ record }) => record.accepted))).toBeGreaterThan(8);
  }));

test("a chain of 63 accepted in full gives 64 tokens", () =>
  withGpu(async (gpu) => {
    const parents = SHAPES["chain of 63"]!;
    const tree = treeOf(parents, 1000, uniforms(1));
    const ids = [...tree.tokens.slice(1), 4242];
    const one = { tree, ids, control: { base: 0, pending: 1, previous: 0, round: 31 } };
    const [actual] = await run(gpu, [one]);
    expect(actual).toEqual(expected(one));
    expect(actual!.record).toMatchObject({ accepted: 63, leaf: true });
    expect(actual!.record.tokens.at(-1)).toBe(4242);
  }));

const FAULTS: [string, string, string][] = [
  [
    "the last child found wins",
    "atomicMin(&wanted_child[parent], i)",
    "atomicStore(&wanted_child[parent], i)",
  ],
  ["the node's own token is compared", "ids[parent]", "ids[i]"],
  ["a recovered token is called a bonus", "atomicLoad(&has_child[node]) == 0u", "true"],
  ["previous stays on full rejection", "control.previous = control.pending;", ""],
  [
    "the one token more is not counted",
    "control.base += accepted + 1u;",
    "control.base += accepted;",
  ],
  ["the ring does not turn", "control.round % RING_ROUNDS", "0u"],
  [
    "ranks count every node",
    "is_before && i > 0u && tree.parent[i] == tree.parent[node]",
    "is_before",
  ],
  [
    "of equals the later is the surer",
    "is_before && tree.score[i] ==",
    "!is_before && tree.score[i] ==",
  ],
  [
    "a place is one among siblings",
    "u32(is_better);",
    "u32(is_better && tree.parent[i] == tree.parent[node]);",
  ],
  ["levels are not told apart", "is_better && tree.depth[i] == tree.depth[node]", "is_better"],
  ["a child's sureness is its path's", "best - tree.score[node]", "best"],
  ["the last child is the surest", "best = max(best, tree.score[i])", "best = tree.score[i]"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = allCases().filter((_, i) => i % 5 === 0);
    const wanted = cases.map(expected);
    for (const [name, right, wrong] of FAULTS) {
      const actual = await run(gpu, cases, plantFault(verifyMatch, right, wrong));
      expect(actual, name).not.toEqual(wanted);
    }
  }),
);
