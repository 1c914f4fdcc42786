// The tree kernels together: rounds on table models against an independent simulation. The tokens
// must be those of plain greedy decoding, and the caches must hold exactly the committed prefix.
import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { argmaxRows } from "../reference/argmax-rows.ts";
import { growLevel } from "../reference/grow-level.ts";
import { pruneTree } from "../reference/prune-tree.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { topCandidates } from "../reference/top-candidates.ts";
import { verifyMatch } from "../reference/verify-match.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { tablePair, tableRow, type TableModel } from "../support/table-model.ts";
import { cacheOf, SLOTS, tableSession, type RoundPlan } from "../support/table-round.ts";
import { fromBytes } from "../support/token-trees.ts";

const levels = (count: number, k: number, width: number) =>
  Array.from({ length: count }, () => ({ k, width }));

const PLANS: Record<string, RoundPlan> = {
  "no draft": { levels: [], nodes: 1 },
  "chain of 5": { levels: levels(5, 1, 1), nodes: 6 },
  "chain of 63": { levels: levels(63, 1, 1), nodes: 64 },
  "star of 63": { levels: [{ k: 63, width: 63 }], nodes: 64 },
  "branching 2-2-2-2": {
    levels: [2, 4, 8, 16].map((width) => ({ k: 2, width })),
    nodes: 31,
  },
  "width 4, depth 5": { levels: levels(5, 4, 4), nodes: 16 },
  "width 8, depth 7": { levels: [{ k: 8, width: 8 }, ...levels(6, 8, 8)], nodes: 40 },
};

const PROMPT = [5, 17, 3, 3, 60];
const ROUNDS = 12;

interface Simulated {
  tree: ReferenceTree;
  path: number[];
  tokens: number[];
  leaf: boolean;
}

type Pair = { target: TableModel; draft: TableModel };

/** One round in plain TypeScript, given all tokens so far, the pending one last. */
function simulate(
  { target, draft }: Pair,
  plan: RoundPlan,
  sequence: readonly number[],
): Simulated {
  const [previous, pending] = sequence.slice(-2) as [number, number];
  const grown = emptyTree();
  addNode(grown, { token: previous, parent: -1 });
  addNode(grown, { token: pending, parent: 0 });
  let frontier = [1];
  for (const { k, width } of plan.levels) {
    const candidates = frontier.flatMap((node) => {
      const row = tableRow(draft, grown.tokens[node]!, grown.tokens[grown.parents[node]!]!);
      return topCandidates(row, draft.vocab, k)[0]!;
    });
    const first = grown.tokens.length;
    const scores = candidates.map(
      ({ score }, i) => grown.scores[frontier[Math.floor(i / k)]!]! + score,
    );
    checkCut(scores, width);
    growLevel(grown, candidates, {
      frontierStart: frontier[0]!,
      frontierCount: frontier.length,
      k,
      width,
    });
    frontier = Array.from({ length: width }, (_, i) => first + i);
  }
  checkCut(grown.scores.slice(2), plan.nodes - 1);
  const tree = pruneTree(grown, plan.nodes);
  const ids = tree.tokens.map((token, i) => {
    const before = i === 0 ? previous : tree.tokens[tree.parents[i]!]!;
    return argmaxRows(tableRow(target, token, before), target.vocab)[0]!;
  });
  const control = { base: sequence.length - 1, pending, previous, round: 0 };
  return { tree, ...verifyMatch(tree, ids, control) };
}

/** The GPU's scores are rounded, so where a cut falls between near-equal ones the trees may differ. */
function checkCut(scores: readonly number[], kept: number): void {
  const sorted = [...scores].sort((a, b) => b - a);
  const gap = sorted[kept - 1]! - sorted[kept]!;
  if (gap < 1e-5) throw new Error(`scores ${gap} apart at a cut: choose another seed`);
}

/** Plain greedy decoding: what every round must add up to. */
function greedy(target: TableModel, prompt: readonly number[], length: number): number[] {
  const sequence = [...prompt];
  while (sequence.length < length) {
    const row = tableRow(target, sequence.at(-1)!, sequence.at(-2)!);
    sequence.push(argmaxRows(row, target.vocab)[0]!);
  }
  return sequence;
}

/** The tokens of a cache's first slots must stand there with their positions, in both planes. */
function expectCache(data: ArrayBuffer, tokens: readonly number[], what: string): void {
  const [actual, wanted] = [new Float32Array(data), cacheOf(tokens)];
  for (const plane of [0, 1]) {
    const at = plane * SLOTS * 4;
    const slots = (kv: Float32Array) => [...kv.subarray(at, at + tokens.length * 4)];
    expect(slots(actual), `${what}, plane ${plane}`).toEqual(slots(wanted));
  }
}

/** Runs rounds one by one and checks each. Returns the accepted counts. */
async function checkRounds(gpu: Gpu, pair: Pair, plan: RoundPlan, compact = kernels.kvCompact) {
  const session = await tableSession(gpu, pair, plan, PROMPT, compact);
  const { recording, control, ring, tree, targetKv, draftKv } = session;
  const sequence = [...PROMPT];
  const accepted: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = simulate(pair, plan, sequence);
    const data = await gpu.submitAndRead([recording], [control, ring, tree, targetKv, draftKv]);
    const after = kernels.decodeControl(data[0]!);
    const record = kernels.decodeRoundRecord(data[1]!, round % kernels.RING_ROUNDS, round);
    const scored = fromBytes(data[2]!, kernels.TARGET_TREE, plan.nodes);

    expect(scored.parents).toEqual(wanted.tree.parents);
    // The root's token is the control block's; the tree's own is never read.
    expect(scored.tokens.slice(1)).toEqual(wanted.tree.tokens.slice(1));
    for (const field of ["depths", "origins", "ancestors"] as const) {
      expect(scored[field], field).toEqual(wanted.tree[field]);
    }
    scored.scores.forEach((score, i) => expect(score).toBeCloseTo(wanted.tree.scores[i]!, 4));

    const { path, tokens, leaf } = wanted;
    const base = sequence.length - 1;
    expect(record).toMatchObject({
      accepted: path.length - 1,
      leaf,
      base,
      nodes: plan.nodes,
      tokens,
    });
    sequence.push(...tokens);
    accepted.push(path.length - 1);
    expect(after).toEqual({
      base: sequence.length - 1,
      pending: sequence.at(-1),
      previous: sequence.at(-2),
      round: round + 1,
      done: 0,
      seed: 0,
      limit: 0,
      end_count: 0,
      accepted: path.length - 1,
      round_base: base,
      path,
    });
    expectCache(data[3]!, sequence.slice(0, -1), `target's cache after round ${round}`);
    if (plan.levels.length > 0) {
      expectCache(data[4]!, sequence.slice(0, -2), `draft's cache after round ${round}`);
    }
  }
  expect(sequence).toEqual(greedy(pair.target, PROMPT, sequence.length));
  return accepted;
}

test.each(Object.keys(PLANS))("rounds with %s", (name) =>
  withGpu(async (gpu) => {
    const plan = PLANS[name]!;
    for (const noise of [0, 0.8, 2]) {
      const accepted = await checkRounds(gpu, tablePair(noise * 10 + 1, noise), plan);
      // A draft equal to the target is always right, unless the tree dropped its greedy path.
      const keepsAll = plan.nodes === 1 + plan.levels.reduce((sum, { width }) => sum + width, 0);
      if (noise === 0 && keepsAll) expect(Math.min(...accepted)).toBe(plan.levels.length);
    }
  }),
);

test("rounds encoded ahead in one submission give the same", () =>
  withGpu(async (gpu) => {
    const pair = tablePair(4, 0.8);
    const { recording, control, ring } = await tableSession(
      gpu,
      pair,
      PLANS["width 4, depth 5"]!,
      PROMPT,
    );
    const rounds = Array.from({ length: 30 }, () => recording);
    const [state, records] = await gpu.submitAndRead(rounds, [control, ring]);
    const sequence = [...PROMPT];
    for (let i = 0; i < 30; i++) {
      sequence.push(...kernels.decodeRoundRecord(records!, i, i)!.tokens);
    }
    expect(sequence).toEqual(greedy(pair.target, PROMPT, sequence.length));
    expect(kernels.decodeControl(state!)).toMatchObject({ base: sequence.length - 1, round: 30 });
  }));

test("a descending copy corrupts a cache, and is seen", () =>
  withGpu(async (gpu) => {
    const ascending = "var j = 1u; j + params.lag <= control.accepted; j += 1u";
    const descending = "var j = control.accepted - params.lag; j + 1u > 1u; j -= 1u";
    const fault = plantFault(kernels.kvCompact, ascending, descending);
    const plan = PLANS["branching 2-2-2-2"]!;
    await expect(checkRounds(gpu, tablePair(9, 0.8), plan, fault)).rejects.toThrow(
      "cache after round",
    );
  }));
