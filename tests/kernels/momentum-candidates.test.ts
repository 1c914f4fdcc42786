import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import {
  DRAFT_TREE,
  encodeControl,
  encodeResistance,
  momentumCandidates,
  momentumCandidatesGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { repetitionLength } from "../reference/momentum-candidates.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import {
  judgedRow,
  type MomentumCase,
  randomMomentumCase,
  wantedScores,
} from "../support/momentum-cases.ts";
import { faultTest, MANY_VARIANTS, showsIn } from "../support/slow-adapters.ts";
import { toBytes } from "../support/token-trees.ts";

/** The draft's tree has the token before the root in front. */
function withLag(tree: ReferenceTree): ReferenceTree {
  const lagged = emptyTree();
  addNode(lagged, { token: 0, parent: -1 });
  tree.tokens.forEach((token, i) => addNode(lagged, { token, parent: tree.parents[i]! + 1 }));
  return lagged;
}

interface Found {
  readonly id: number;
  readonly ranked: readonly { readonly token: number; readonly score: number }[];
}

/** Each case's rows. */
async function run(
  gpu: Gpu,
  cases: readonly MomentumCase[],
  lag: 0 | 1,
  spec = momentumCandidates,
): Promise<Found[][]> {
  const { buffers: scope } = gpu;
  const statics = lag === 1 ? DRAFT_TREE : TARGET_TREE;
  const pipeline = gpu.kernels.compile(spec, { statics });
  const recording = new Recording();
  const slices = cases.flatMap((one) => {
    const { settings, text, nodeStart, likely, kept, sharpness } = one;
    const { topK, alpha, resistance } = settings;
    const k = likely[0]!.length;
    const words = new Uint32Array(2 * likely.length * k);
    const floats = new Float32Array(words.buffer);
    likely.flat().forEach(({ token, logProbability }, i) => {
      words[2 * i] = token;
      floats[2 * i + 1] = logProbability;
    });
    const ranked = scope.storage("ranked", likely.length * kept * 8);
    const ids = scope.storage("ids", likely.length * 4);
    const buffers = {
      control: scope.upload("control", encodeControl({ base: text.length - 1 })),
      tree: scope.upload("tree", toBytes(lag === 1 ? withLag(one.tree) : one.tree, statics)),
      history: scope.upload("history", Uint32Array.from(text)),
      resistance: scope.upload("resistance", encodeResistance(alpha, resistance)),
      sharpness: scope.upload("sharpness", Float32Array.of(sharpness)),
      likely: scope.upload("likely", words),
      ranked,
      ids,
    };
    const longest = resistance.length + 1;
    const params = { node_start: nodeStart + lag, lag, k, kept, top_k: topK, longest };
    recording.dispatch(
      pipeline.bind(scope, buffers, params),
      momentumCandidatesGrid(likely.length),
    );
    return [ranked, ids];
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ likely, kept }, i) => {
    const [words, floats] = [new Uint32Array(data[2 * i]!), new Float32Array(data[2 * i]!)];
    const ids = new Uint32Array(data[2 * i + 1]!);
    return likely.map((_, r) => ({
      id: ids[r]!,
      ranked: Array.from({ length: kept }, (__, j) => {
        const at = 2 * (r * kept + j);
        return { token: words[at]!, score: floats[at + 1]! };
      }),
    }));
  });
}

/** What is wrong with a case's rows. */
function faults(found: readonly Found[], one: MomentumCase): string[] {
  return found.flatMap(({ id, ranked }, r) => {
    const judged = judgedRow(one, r);
    const where = `row ${r}:`;
    const placed = ranked.map(({ token }) => judged.findIndex((other) => other.token === token));
    if (placed.includes(-1) || new Set(placed).size < placed.length) {
      return [`${where} not the candidates: ${JSON.stringify(ranked)}`];
    }
    if (id !== ranked[0]!.token) return [`${where} id ${id}, not ${ranked[0]!.token}`];
    // Every candidate that is left out, or comes later, must not be better by more than rounding.
    const order = placed.flatMap((at, place) => {
      const here = judged[at]!;
      const later = judged.filter((_, other) => !placed.slice(0, place + 1).includes(other));
      const better = later.find((other) => {
        if (other.tier !== here.tier) return other.tier < here.tier;
        const slack = other.s - here.s === 0 ? 0 : here.error + other.error;
        const resisted = (x: typeof here): number => Math.exp(x.logProbability) - x.s;
        // Equally resisted tokens stand as they stood, whatever exp does.
        const isTie = Math.abs(resisted(other) - resisted(here)) < 1e-12;
        if (isTie) return judged.indexOf(other) < at;
        return other.s > here.s + slack;
      });
      return better ? [`${where} place ${place} has ${here.token}, not ${better.token}`] : [];
    });
    if (order.length > 0) return order;
    const rest = judged.filter((_, at) => !placed.includes(at));
    const all = [...placed.map((at) => judged[at]!), ...rest];
    return wantedScores(all, one.sharpness)
      .slice(0, ranked.length)
      .flatMap((wanted, place) => {
        const { score } = ranked[place]!;
        if (score === wanted.score) return [];
        if (score > (ranked[place - 1]?.score ?? 0)) return [`${where} place ${place} rises`];
        const off = Math.abs(score - wanted.score);
        if (off <= wanted.error) return [];
        return [`${where} place ${place}: ${score}, not ${wanted.score}; allowed ${wanted.error}`];
      });
  });
}

const CASES = Array.from({ length: 150 }, (_, i) => randomMomentumCase(i));

test.each([0, 1] as const)("random texts, trees and candidates, lag %d", (lag) =>
  withGpu(async (gpu) => {
    const results = await run(gpu, CASES, lag);
    const found = CASES.flatMap((one, i) =>
      faults(results[i]!, one).map(
        (fault) => `case ${i}, ${JSON.stringify(one.settings)}: ${fault}`,
      ),
    );
    expect(found.slice(0, 5)).toEqual([]);
  }),
);

/** Where text, token, how long a repetition the token would make, counted up to 6. */
const LENGTHS: [name: string, text: number[], token: number, length: number][] = [
  ["a new token", [7, 7, 7], 8, 0],
  ["one token of text, another", [7], 8, 0],
  ["one token of text, the same", [7], 7, 1],
  ["seen at the very start only", [9, 1, 2, 3], 9, 1],
  ["the whole text again", [1, 2, 3, 1, 2], 3, 3],
  ["as long as the text allows", [4, 4, 4], 4, 3],
  ["overlaps itself", [1, 2, 1, 2, 1], 2, 4],
  ["another context", [3, 1, 2, 1], 3, 1],
  ["the longer of two", [5, 6, 1, 6, 2, 5, 6], 1, 3],
  ["more than is counted", [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6], 7, 6],
];

test.each(LENGTHS)("%s", (_, text, token, length) =>
  withGpu(async (gpu) => {
    expect(repetitionLength(text, token, 6)).toBe(length);
    // The token is a little more probable than others that are new: how much more tells which length was found.
    const resistance = [0.1, 0.2, 0.3, 0.4, 0.5];
    const against = [0, ...resistance][length];
    const log = (p: number) => Math.fround(Math.log(p));
    // In a tree whose path is the end of the text, and with all of the text committed.
    for (const committed of new Set([1, text.length])) {
      const tree = emptyTree();
      text.slice(committed - 1).forEach((one, i) => addNode(tree, { token: one, parent: i - 1 }));
      const at = (lead: number): MomentumCase => ({
        settings: { topK: 2, alpha: 1, resistance },
        text: text.slice(0, committed),
        tree,
        nodeStart: tree.tokens.length - 1,
        likely: [
          [
            { token, logProbability: log(0.02 + lead) },
            { token: 99, logProbability: log(0.02) },
          ],
        ],
        kept: 1,
        sharpness: 1,
      });
      const cases = against === undefined ? [at(0.9)] : [at(against + 0.01), at(against - 0.01)];
      const [more, less] = await run(gpu, cases, 0);
      expect(more![0]!.id).toBe(against === undefined ? 99 : token);
      if (less && length > 0) expect(less[0]!.id).toBe(99);
    }
  }),
);

test("where all that may be chosen is forbidden, the most probable is; a row without a finite logit gives token 0", () =>
  withGpu(async (gpu) => {
    const tree = emptyTree();
    addNode(tree, { token: 0, parent: -1 });
    const base = {
      settings: { topK: 2, alpha: 0.2, resistance: [1] },
      text: [5, 6, 5, 6, 5, 5],
      tree,
      nodeStart: 0,
      kept: 2,
      sharpness: 1,
    };
    const of = (...rows: [number, number][]): MomentumCase => ({
      ...base,
      likely: [rows.map(([token, logProbability]) => ({ token, logProbability }))],
    });
    const results = await run(
      gpu,
      [
        of([6, -1], [5, -1.5]),
        of([5, -1.5], [6, -1.5]),
        of([6, 0], [0, -Infinity]),
        of([0, -Infinity], [1, -Infinity]),
        // What is beyond the most probable two comes after them, and before what is forbidden.
        { ...of([6, -1], [5, -1.5], [3, -9], [2, -Infinity]), kept: 4 },
      ],
      0,
    );
    expect(results.map(([row]) => row!.id)).toEqual([6, 5, 6, 0, 3]);
    expect(results[4]![0]!.ranked.map(({ token }) => token)).toEqual([3, 6, 5, 2]);
    for (const [row] of results) {
      for (const { score } of row!.ranked) expect(score).not.toBeNaN();
    }
  }));

const FAULTS: [string, string, string][] = [
  ["nothing is resisted", "shares[i] - against", "shares[i]"],
  ["a parent's text", "params.lag + 1u + d]", "params.lag + d]"],
  ["what is committed alone", "at < text.committed + text.depth", "at < text.committed"],
  [
    "the end of what is committed",
    "let end = text.committed + text.depth;",
    "let end = text.committed;",
  ],
  ["the first token is left out", "n <= position", "n < position"],
  ["lengths from the text's start", "position - n) !=", "n) !="],
  ["one more is counted", "n < params.longest", "n <= params.longest"],
  ["nothing is forbidden", "against >= FORBIDDEN_RESISTANCE", "against < 0.0"],
  ["any candidate may be chosen", "i < params.top_k", "true"],
  ["the last one wins a tie", "a < b)", "a > b)"],
  ["excluded tokens have a share", "if (is_excluded(score)) { return", "if (false) { return"],
  ["no tangent", "/ KNEE - TIER", "* 0.0 - TIER"],
  ["not as sharp", "min(sharpness[0] *", "min("],
];

faultTest("planted faults are seen", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of FAULTS) {
      const spec = plantFault(momentumCandidates, right, wrong);
      const isSeen = await showsIn(CASES.slice(0, 40), async (cases) => {
        const results = await run(gpu, cases, 0, spec);
        return cases.some((one, i) => faults(results[i]!, one).length > 0);
      });
      expect(isSeen, name).toBe(true);
    }
  }),
);
