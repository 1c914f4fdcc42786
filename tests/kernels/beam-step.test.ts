// Whole beam searches, step by step, against the f64 reference: the running beams, the finished texts and when it ends.
import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import {
  beamStep,
  beamStepGrid,
  type DecodedBeamSearch,
  decodeBeamSearch,
  decodeTokenTree,
  encodeBeamSearch,
  encodeControl,
  encodeTokenTree,
  STOPPING,
} from "../../src/kernels/index.ts";
import {
  type BeamSearchOptions,
  type GroupState,
  startBeams,
  stepBeams,
} from "../reference/beam-step.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals, uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";

const STATICS = { NODES: 128, LEVELS: 16 };
/**
 * Scores are sums of at most 15 numbers below 20, rounded to f32 each time, divided by a rounded divisor: off by less than
 * 15 * 2^-24 * 300 + 4 * 2^-24 * 300. Choices closer than that are not asked for.
 */
const CLOSE = 4e-4;

interface Case {
  readonly options: BeamSearchOptions;
  readonly vocab: number;
  /** Log-probabilities after a text; they are f32 numbers. */
  next(tokens: readonly number[]): readonly number[];
}

function makeCase(seed: number): Case {
  const next = uniforms(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const groups = pick([1, 1, 2, 3]);
  const width = groups === 1 ? pick([1, 2, 3, 5, 10]) : pick([1, 2, 3]);
  const vocab = pick([30, 57, 130]);
  const rows = new Map<number, number[]>();
  const ends = pick([[], [3], [3, 7], [1, 2, 3, 4]]);
  const row = (last: number, length: number) => {
    const normal = normals(seed * 1000 + last * 16 + (length % 5));
    const logits = Array.from(
      { length: vocab },
      (_, c) => 2 * normal() + (ends.includes(c) ? 2.5 : 0),
    );
    if (last % 11 === 5) logits.fill(-Infinity, 9);
    const sum = Math.log(logits.reduce((total, x) => total + Math.exp(x), 0));
    return logits.map((x) => Math.fround(x - sum));
  };
  return {
    vocab,
    options: {
      groups,
      width,
      maxTokens: pick([1, 4, 9]),
      lengthPenalty: pick([0, 0.6, 1, 2, -0.5]),
      earlyStopping: pick([false, true, "never"]),
      diversity: groups > 1 ? pick([0, 0.5, 3]) : 0,
      ends,
    },
    next(tokens) {
      const key = (tokens.at(-1) ?? 0) * 100 + tokens.length;
      const known = rows.get(key) ?? row(tokens.at(-1) ?? 0, tokens.length);
      rows.set(key, known);
      return known;
    },
  };
}

const stopping = { false: STOPPING.heuristic, true: STOPPING.full, never: STOPPING.never };

/** What the kernel wants to read of a row: enough for the beams kept and for tokens that diversity pushes back. */
function listLength({ options, vocab }: Case): number {
  const { groups, width, ends } = options;
  return Math.min(vocab, (Math.max(2, 1 + ends.length) + groups - 1) * width);
}

/** The searches on the GPU, all of them one step per submission. */
async function open(gpu: Gpu, cases: readonly Case[], spec = beamStep) {
  const pipeline = gpu.kernels.compile(spec, { statics: STATICS });
  const searches = cases.map((one) => {
    const { groups, width, maxTokens, lengthPenalty, earlyStopping, diversity, ends } = one.options;
    const k = listLength(one);
    const divisors = Float32Array.from({ length: STATICS.LEVELS }, (_, i) => i ** lengthPenalty);
    const tree = gpu.buffers.upload("tree", encodeTokenTree(STATICS, [{ token: 0, parent: -1 }]));
    const search = gpu.buffers.upload("search", encodeBeamSearch(maxTokens));
    const candidates = gpu.buffers.storage("candidates", groups * width * k * 8);
    const control = gpu.buffers.upload("control", encodeControl({}, ends));
    const buffers = {
      control,
      candidates,
      divisors: gpu.buffers.upload("divisors", divisors),
      tree,
      search,
    };
    const params = {
      groups,
      width,
      k,
      keep: Math.max(2, 1 + ends.length) * width,
      stopping: stopping[`${earlyStopping}`],
      penalty_sign: lengthPenalty > 0 ? 1 : 0,
      diversity,
    };
    const recording = new Recording();
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), beamStepGrid());
    return { recording, tree, search, candidates, k };
  });
  return async (texts: readonly (readonly (readonly number[])[])[]) => {
    for (const [i, { candidates, k }] of searches.entries()) {
      const words = new Uint32Array(candidates.size / 4);
      const scores = new Float32Array(words.buffer);
      texts[i]!.forEach((text, beam) => {
        const row = cases[i]!.next(text);
        const best = row.map((_, token) => token).sort((a, b) => row[b]! - row[a]! || a - b);
        best.slice(0, k).forEach((token, j) => {
          words[2 * (beam * k + j)] = token;
          scores[2 * (beam * k + j) + 1] = row[token]!;
        });
      });
      gpu.buffers.write(candidates, 0, words);
    }
    const data = await gpu.submitAndRead(
      searches.map(({ recording }) => recording),
      searches.flatMap(({ tree, search }) => [tree, search]),
    );
    return cases.map(({ options: { groups, width } }, i) => {
      const state = decodeBeamSearch(data[2 * i + 1]!, groups, width);
      const nodes = 1 + state.step * groups * width;
      return { state, tree: decodeTokenTree(data[2 * i]!, STATICS, nodes) };
    });
  };
}

type Found = Awaited<ReturnType<Awaited<ReturnType<typeof open>>>>[number];

function textOf({ tree }: Found, node: number): number[] {
  return tree.ancestors[node]!.slice(1).map((ancestor) => tree.tokens[ancestor]!);
}

function running(found: Found, { groups, width }: BeamSearchOptions) {
  const first = 1 + (found.state.step - 1) * groups * width;
  return Array.from({ length: groups * width }, (_, beam) => first + beam).map((node) => ({
    tokens: textOf(found, node),
    score: found.tree.scores[node]!,
    isDead: found.tree.scores[node] === -Infinity,
  }));
}

function finished(found: Found, group: DecodedBeamSearch["finished"][number]) {
  return group.map(({ node, token, length, score }) => {
    const tokens = [...textOf(found, node), token];
    expect(tokens.length).toBe(length);
    return { tokens, score };
  });
}

/** Compares everything; scores within the bound. */
function expectSame(found: Found, wanted: readonly GroupState[], { options }: Case): void {
  const { width } = options;
  const all = running(found, options);
  wanted.forEach((group, g) => {
    expect(found.state.groupDone[g]).toBe(group.done);
    const actual = finished(found, found.state.finished[g]!);
    expect(actual.map(({ tokens }) => tokens)).toEqual(group.finished.map(({ tokens }) => tokens));
    actual.forEach(({ score }, i) =>
      expect(Math.abs(score - group.finished[i]!.score)).toBeLessThan(CLOSE),
    );
    if (group.done) return;
    const live = all.slice(g * width, (g + 1) * width).filter(({ isDead }) => !isDead);
    expect(live.map(({ tokens }) => tokens)).toEqual(group.running.map(({ tokens }) => tokens));
    live.forEach(({ score }, i) =>
      expect(Math.abs(score - group.running[i]!.score)).toBeLessThan(CLOSE),
    );
  });
}

/** Searches of all cases to their ends. Returns how many steps were compared, and left out for being close calls. */
async function search(gpu: Gpu, cases: readonly Case[], spec = beamStep) {
  const step = await open(gpu, cases, spec);
  const states = cases.map(({ options }) => startBeams(options));
  const isOpen = cases.map(() => true);
  let [compared, close] = [0, 0];
  let rows: (readonly (readonly number[])[])[] = cases.map(() => [[]]);
  for (let i = 0; i < 10; i++) {
    const all = await step(rows);
    rows = all.map((found, c) => {
      const { options } = cases[c]!;
      if (!isOpen[c]) return [];
      const margin = stepBeams(states[c]!, (tokens) => cases[c]!.next(tokens), options);
      if (margin < CLOSE) {
        close += 1;
        isOpen[c] = false;
        return [];
      }
      expectSame(found, states[c]!, cases[c]!);
      compared += 1;
      expect(found.state.done).toBe(states[c]!.every(({ done }) => done));
      isOpen[c] = !found.state.done;
      return found.state.done ? [] : running(found, options).map(({ tokens }) => tokens);
    });
  }
  return { compared, close, unfinished: isOpen.filter(Boolean).length };
}

test("random searches give the reference's beams and texts at every step", () =>
  withGpu(async (gpu) => {
    const cases = Array.from({ length: 150 }, (_, i) => makeCase(i + 1));
    const { compared, close, unfinished } = await search(gpu, cases);
    expect(unfinished).toBe(0);
    expect(compared).toBeGreaterThan(300);
    expect(close).toBeLessThan(cases.length / 4);
  }));

const FAULTS: [string, string, string][] = [
  ["a text ends below the first beams", "if (i < params.width) { finish", "if (true) { finish"],
  ["texts end at the last step only", "ends_text(token))", "(ends_text(token) && length > 99u))"],
  [
    "the length is one short",
    "let length = search.step + 1u;",
    "let length = max(search.step, 1u);",
  ],
  ["other groups do not count", "others += f32(", "others += 0.0 * f32("],
  ["stopping waits for nobody", "stopping == STOP_WHEN_FULL", "stopping == 7u"],
  ["never is heuristic", "params.stopping == STOP_NEVER &&", "false &&"],
  [
    "the worst goes first",
    "if (other != key) { return other > key; }",
    "if (other != key) { return other < key; }",
  ],
  ["an ancestor is missing", "tree.ancestor[node][d] = node;", ""],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = Array.from({ length: 60 }, (_, i) => makeCase(i + 1));
    const unseen: string[] = [];
    for (const [name, right, wrong] of FAULTS) {
      const faulty = plantFault(beamStep, right, wrong);
      const outcome = await search(gpu, cases, faulty).catch(() => "seen");
      if (outcome !== "seen") unseen.push(name);
    }
    expect(unseen).toEqual([]);
  }),
);
