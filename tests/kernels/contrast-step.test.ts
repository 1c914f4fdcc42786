import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  contrastStep,
  contrastStepGrid,
  decodeControl,
  decodeRoundRecord,
  decodeTokenTree,
  encodeControl,
  encodeTokenTree,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { bestOf, contrastValues } from "../reference/contrast-step.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { normals, uniforms } from "../support/random.ts";
import { expError, UNIT } from "../support/tolerance.ts";

interface Candidate {
  readonly token: number;
  readonly score: number;
}

interface Case {
  readonly alpha: number;
  readonly base: number;
  readonly opening: boolean;
  readonly done: boolean;
  readonly limit: number;
  readonly endTokens: readonly number[];
  readonly nodes: readonly Candidate[];
  /** Per part of the text, per candidate. */
  readonly similarities: readonly (readonly number[])[];
  /** Per row, best first. */
  readonly next: readonly (readonly Candidate[])[];
}

const RING_ROUNDS = 4;
const ROUND = 6;
const [PENDING, PREVIOUS] = [333, 222];

/** All cases in one submission. */
async function run(gpu: Gpu, cases: readonly Case[], spec = contrastStep, lanes = 128) {
  const constants = { RING_ROUNDS, WORKGROUP_SIZE: lanes };
  const pipeline = gpu.kernels.compile(spec, { constants });
  const recording = new Recording();
  const slices = cases.flatMap((one) => {
    const { alpha, base, opening, done, limit, endTokens, nodes } = one;
    const state = { base, round: ROUND, limit, pending: PENDING, previous: PREVIOUS };
    const words = encodeControl({ ...state, done: Number(done), accepted: 9 }, endTokens);
    const candidates = new DataView(new ArrayBuffer(nodes.length ** 2 * CANDIDATE_BYTES));
    one.next.flat().forEach(({ token, score }, i) => {
      candidates.setUint32(8 * i, token, true);
      candidates.setFloat32(8 * i + 4, score, true);
    });
    const root = { token: PENDING, parent: -1 };
    const children = nodes.map((node) => ({ ...node, parent: 0 }));
    const tree = encodeTokenTree(TARGET_TREE, [root, ...children]);
    // What follows the parts of this text belongs to a longer one, and would win.
    const parts = [...one.similarities.flat(), ...nodes.map(() => 5)];
    const buffers = {
      candidates: gpu.buffers.upload("candidates", candidates),
      similarities: gpu.buffers.upload("similarities", Float32Array.from(parts)),
      tree: gpu.buffers.upload("tree", tree),
      control: gpu.buffers.upload("control", words),
      ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
    };
    const params = { candidates: nodes.length, alpha, opening: Number(opening) };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), contrastStepGrid());
    return [buffers.control, buffers.ring, buffers.tree];
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ nodes }, i) => {
    const { tokens, scores, parents } = decodeTokenTree(
      data[3 * i + 2]!,
      TARGET_TREE,
      1 + nodes.length,
    );
    return {
      control: decodeControl(data[3 * i]!),
      record: decodeRoundRecord(data[3 * i + 1]!, ROUND % RING_ROUNDS, ROUND),
      tokens,
      scores,
      parents,
    };
  });
}

/** What the step should leave, if it chooses this candidate. */
function expectedOf(one: Case, chosen: number): Awaited<ReturnType<typeof run>>[number] {
  const { base, opening, done, limit, endTokens, nodes, next } = one;
  const { token } = nodes[chosen]!;
  const isOver =
    done || (!opening && ((limit > 0 && base + 2 >= limit) || endTokens.includes(token)));
  const moves = !opening && !isOver;
  const following = opening ? next[0]! : isOver ? nodes : next[chosen]!;
  const isEmitted = !opening && !done;
  return {
    control: {
      base: moves ? base + 1 : base,
      pending: moves ? token : PENDING,
      previous: moves ? PENDING : PREVIOUS,
      round: ROUND + Number(isEmitted),
      done: Number(isOver),
      seed: 0,
      accepted: opening ? 9 : Number(moves),
      round_base: opening ? 0 : base,
      limit,
      end_count: endTokens.length,
      path: opening ? new Array<number>(10).fill(0) : moves ? [0, 1 + chosen] : [0],
    },
    record: isEmitted
      ? {
          accepted: 0,
          leaf: true,
          base,
          nodes: 1,
          depth: 0,
          steps: [],
          sureness: [0],
          tokens: [token],
        }
      : undefined,
    tokens: [PENDING, ...following.map((node) => node.token)],
    scores: [0, ...following.map((node) => Math.fround(node.score))],
    parents: [-1, ...nodes.map(() => 0)],
  };
}

/** The best by f64, and whether rounding may make another one the best. */
function judge({ nodes, similarities, alpha }: Case): { chosen: number; isClose: boolean } {
  const logs = nodes.map(({ score }) => score);
  const largest = nodes.map((_, i) => Math.max(...similarities.map((part) => part[i]!)));
  const values = contrastValues(logs, largest, alpha);
  const chosen = bestOf(values);
  // exp, 1 - alpha, two products and their difference.
  const errors = values.map(
    (value, i) =>
      (1 - alpha) * Math.exp(logs[i]!) * (expError(Math.max(logs[i]!, -200)) + 2 * UNIT) +
      UNIT * alpha * Math.abs(largest[i]!) +
      UNIT * (value > -Infinity ? Math.abs(value) : 0),
  );
  const isClose = values.some(
    (value, i) =>
      i !== chosen &&
      value > -Infinity &&
      values[chosen]! - value <= 1.001 * (errors[chosen]! + errors[i]!) &&
      // Equal numbers are equal on the GPU too.
      !(
        (alpha === 1 || logs[i] === logs[chosen]) &&
        (alpha === 0 || largest[i] === largest[chosen])
      ),
  );
  return { chosen, isClose };
}

const ALPHAS = [0, 0.25, 0.5, 0.6, 0.75, 1].map(Math.fround);

function makeCase(seed: number): Case {
  const next = uniforms(seed);
  const normal = normals(seed);
  const below = (count: number) => Math.floor(next() * count);
  const count = 1 + below(16);
  const base = below(40);
  const isCoarse = next() < 0.3;
  const similarity = () => {
    const value = Math.max(-1, Math.min(1, 0.6 + 0.3 * normal()));
    return Math.fround(isCoarse ? Math.round(4 * value) / 4 : value);
  };
  // Best first, with ties; the last ones may be impossible.
  const row = (): Candidate[] => {
    const logs = Array.from({ length: count }, () => -5 * next() ** 2);
    const rounded = logs.map((x) => Math.fround(isCoarse ? Math.round(2 * x) / 2 : x));
    const dead = next() < 0.2 ? below(count + 1) : 0;
    return rounded
      .sort((a, b) => b - a)
      .map((score, i) => ({ token: below(1000), score: i < count - dead ? score : -Infinity }));
  };
  const nodes = row();
  const length = base + 2;
  return {
    alpha: ALPHAS[below(ALPHAS.length)]!,
    base,
    opening: next() < 0.1,
    done: next() < 0.1,
    limit: next() < 0.3 ? length - 1 + below(3) : 0,
    endTokens: next() < 0.2 ? [5000, nodes[below(count)]!.token] : [],
    nodes,
    similarities: Array.from({ length: Math.floor(base / 4) + 1 }, () => nodes.map(similarity)),
    next: nodes.map(row),
  };
}

const CASES = Array.from({ length: 300 }, (_, i) => makeCase(i + 1));

test("random steps: the choice, the control block, the record and the next candidates", () =>
  withGpu(async (gpu) => {
    const judged = CASES.map(judge);
    for (const [lanes, count] of [
      [128, CASES.length],
      [16, 60],
    ] as const) {
      const cases = CASES.slice(0, count);
      const actual = await run(gpu, cases, contrastStep, lanes);
      cases.forEach((one, i) => {
        const { chosen, isClose } = judged[i]!;
        if (!isClose || one.opening || one.done) {
          expect(actual[i], `case ${i}`).toEqual(expectedOf(one, chosen));
        }
      });
    }
    // The cases must reach every branch, and few may be left out.
    expect(judged.filter(({ isClose }) => isClose).length).toBeLessThan(CASES.length / 50);
    expect(new Set(judged.map(({ chosen }) => chosen)).size).toBeGreaterThan(8);
    expect(CASES.filter(({ opening }) => opening).length).toBeGreaterThan(10);
  }));

/** A step in the middle of a text whose one part has these similarities. */
function plainCase(
  scores: readonly number[],
  similarities: readonly number[],
  alpha: number,
): Case {
  const nodes = scores.map((score, token) => ({ token, score: Math.fround(score) }));
  const ends = { opening: false, done: false, limit: 0, endTokens: [] };
  const next = nodes.map((_, row) => nodes.map(({ score }, j) => ({ token: 10 * row + j, score })));
  return { alpha, base: 2, ...ends, nodes, similarities: [similarities], next };
}

test("ties go to the more probable; impossible candidates are chosen only where all are", () =>
  withGpu(async (gpu) => {
    const half = Math.log(0.5);
    const none = -Infinity;
    const cases: [Case, number][] = [
      // Alike in all: the first.
      [plainCase([half, half, half], [0.5, 0.5, 0.5], 0.6), 0],
      // alpha 1: the least alike, and of these the most probable.
      [plainCase([-0.1, -3, -4, -9], [1, 0.25, 0.25, 0.25], 1), 1],
      // alpha 0: the most probable, however alike.
      [plainCase([-0.1, -3, -4], [1, -1, -1], 0), 0],
      // A banned token stays out, though nothing is less like the text.
      [plainCase([-0.1, none, none], [1, -1, 0], 0.9), 0],
      [plainCase([none, none, none], [1, -1, 0], 0.9), 0],
      // Probabilities that round to zero are no bans.
      [plainCase([-0.1, -300, -3e38], [1, 0.5, 0], 0.9), 2],
      [plainCase([none], [0], 0.6), 0],
    ];
    const actual = await run(
      gpu,
      cases.map(([one]) => one),
    );
    cases.forEach(([one, chosen], i) => {
      expect(actual[i], `case ${i}`).toEqual(expectedOf(one, chosen));
    });
  }));

test("with alpha 0 the order of the candidates decides, not the rounding of exp", () =>
  withGpu(async (gpu) => {
    // Neighbouring floats, where exp may rise as its argument falls.
    const cases = Array.from({ length: 300 }, (_, i) => {
      const bits = new Uint32Array(Float32Array.of(-0.001 - i / 15).buffer);
      const scores = Array.from({ length: 16 }, (__, j) => {
        return new Float32Array(Uint32Array.of(bits[0]! + j).buffer)[0]!;
      });
      return plainCase(
        scores,
        scores.map(() => 0.5),
        0,
      );
    });
    const tokens = (await run(gpu, cases)).map(({ record }) => record!.tokens[0]);
    expect(tokens.every((token) => token === 0)).toBe(true);
  }));

const FAULTS: [string, string, string][] = [
  ["the weights are swapped", "(1.0 - params.alpha) * probability", "params.alpha * probability"],
  ["likeness is rewarded", "probability - params.alpha", "probability + params.alpha"],
  ["the last of equals wins", "value > best", "value >= best"],
  ["log-probabilities for probabilities", "exp(log_probability)", "log_probability"],
  ["impossible tokens are weighed", "<= NEGATIVE_INFINITY_KEY", "< 0u"],
  ["the last part of the text is left out", "control.base / 4u + 1u", "max(1u, control.base / 4u)"],
  ["parts past the text count", "control.base / 4u + 1u", "control.base / 4u + 2u"],
  ["only the first parts are compared", "part < parts", "part < min(parts, 2u)"],
  ["every step opens", "params.opening == 0u) {\n    row", "params.opening == 7u) {\n    row"],
  ["the first row's candidates", "candidates[row * params.candidates + i]", "candidates[i]"],
  ["its slot is its candidate's", "control.path[1] = 1u + row", "control.path[1] = row"],
  ["steps after the end go on", "if (control.done == 1u) { return; }\n    //", "//"],
  ["the root's own token", "tree.token[1u + row]", "tree.token[row]"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = CASES.slice(0, 60).filter((one) => !judge(one).isClose);
    const expected = cases.map((one) => expectedOf(one, judge(one).chosen));
    expect(await run(gpu, cases)).toEqual(expected);
    for (const [name, right, wrong] of FAULTS) {
      const actual = await run(gpu, cases, plantFault(contrastStep, right, wrong));
      expect(actual, name).not.toEqual(expected);
    }
  }),
);
