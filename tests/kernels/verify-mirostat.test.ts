import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  decodeControl,
  decodeRoundRecord,
  decodeSurprises,
  encodeControl,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  ROW_SURPRISE_BYTES,
  SURPRISE_RECORD_BYTES,
  surpriseRows,
  surpriseRowsGrid,
  TARGET_TREE,
  verifyMirostat,
  verifyMirostatGrid,
} from "../../src/kernels/index.ts";
import { nextMu, verifyMirostat as reference } from "../reference/verify-mirostat.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { judgeStep } from "../support/mirostat-bounds.ts";
import { type MirostatCase, mirostatCases, randomCase } from "../support/mirostat-cases.ts";
import { LANES, mirostatParams } from "../support/mirostat-trace.ts";
import { uniforms } from "../support/random.ts";
import { faultTest, MANY_VARIANTS, showsIn } from "../support/slow-adapters.ts";
import { toBytes, treeOf } from "../support/token-trees.ts";

const KEPT = { pending: 3, previous: 5 };

/** The rows of a case behind each other. */
function flat({ rows }: MirostatCase): Float32Array<ArrayBuffer> {
  const vocab = rows[0]!.length;
  const data = new Float32Array(rows.length * vocab);
  rows.forEach((row, r) => data.set(row, r * vocab));
  return data;
}

/** All cases in one submission. */
async function run(gpu: Gpu, cases: readonly MirostatCase[], spec = verifyMirostat, done = 0) {
  const { buffers: scope } = gpu;
  const measure = gpu.kernels.compile(surpriseRows, {
    constants: { WORKGROUP_SIZE: LANES },
  });
  const pipeline = gpu.kernels.compile(spec, {
    constants: { WORKGROUP_SIZE: LANES },
  });
  const recording = new Recording();
  const slices = cases.flatMap((one) => {
    const { tree, settings, base, seed, round } = one;
    const nodes = tree.tokens.length;
    const vocab = one.rows[0]!.length;
    const { temperature, ratios } = settings;
    const logits = scope.upload("logits", flat(one));
    const row_surprise = scope.storage("row_surprise", nodes * ROW_SURPRISE_BYTES);
    recording.dispatch(
      measure.bind(scope, { logits, row_surprise }, { vocab, temperature, ratios }),
      surpriseRowsGrid(nodes),
    );
    const control = scope.upload("control", encodeControl({ base, seed, round, done, ...KEPT }));
    const ring = scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES);
    const mu_state = scope.upload("mu", Float32Array.of(one.mu));
    const surprises = scope.storage("surprises", RING_ROUNDS * SURPRISE_RECORD_BYTES);
    const buffers = {
      logits,
      row_surprise,
      tree: scope.upload("tree", toBytes(tree, TARGET_TREE)),
      control,
      ring,
      mu_state,
      surprises,
    };
    const params = { nodes, vocab, ...mirostatParams(settings) };
    recording.dispatch(pipeline.bind(scope, buffers, params), verifyMirostatGrid());
    return [control, ring, mu_state, surprises, row_surprise];
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ round }, i) => {
    const [control, ring, mu, surprises, measured] = data.slice(5 * i, 5 * i + 5);
    const record = decodeRoundRecord(ring!, round % RING_ROUNDS, round);
    const steps = decodeSurprises(surprises!, round % RING_ROUNDS, record?.tokens.length ?? 0);
    return {
      control: decodeControl(control!),
      record,
      steps: steps.map((step, j) => ({ ...step, token: record!.tokens[j]! })),
      mu: new Float32Array(mu!)[0]!,
      measured: new Float32Array(measured!),
      written: new Uint32Array(surprises!).filter((word) => word > 0).length,
    };
  });
}

type Ended = Awaited<ReturnType<typeof run>>[number];

/** What is wrong with a round; `close` counts the steps that rounding decides. */
function roundFaults(ended: Ended, one: MirostatCase, close: { count: number }): string[] {
  const { tree, rows, facts, settings, base, seed, round } = one;
  const { record, steps, control, measured } = ended;
  if (!record) return ["no record"];
  const faults: string[] = [];
  let [node, mu] = [0, one.mu];
  const path = [0];
  let isSure = true;
  for (const [i, step] of steps.entries()) {
    const judged = {
      row: rows[node]!,
      facts: facts[node]!,
      measured: { logSum: measured[4 * node + 1]!, zipf: measured[4 * node + 2]! },
    };
    const at = { mu, reference: mu, seed, position: base + i + 1, lanes: LANES };
    const judgement = judgeStep(judged, at, step, settings);
    faults.push(...judgement.faults.map((fault) => `token ${i}: ${fault}`));
    if (judgement.isCountClose || judgement.isTokenClose) isSure = false;
    mu = step.mu;
    const next = tree.parents.findIndex(
      (parent, child) => parent === node && tree.tokens[child] === step.token,
    );
    if (next < 0) break;
    path.push(next);
    node = next;
  }
  close.count += Number(!isSure);
  const walk = reference(tree, rows, { base, seed, mu: one.mu }, settings);
  const wanted = walk.steps.map(({ token }) => token);
  if (isSure && `${wanted}` !== `${record.tokens}`) faults.push(`${record.tokens}, not ${wanted}`);
  const expected = {
    path,
    tokens: path.length,
    leaf: !tree.parents.includes(node),
    base: base + path.length,
    pending: record.tokens.at(-1),
    previous: record.tokens.at(-2) ?? KEPT.pending,
    round: round + 1,
    mu,
  };
  const actual = {
    path: control.path,
    tokens: record.tokens.length,
    leaf: record.leaf,
    base: control.base,
    pending: control.pending,
    previous: control.previous,
    round: control.round,
    mu: ended.mu,
  };
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    faults.push(`${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
  }
  return faults;
}

async function faults(gpu: Gpu, cases: readonly MirostatCase[], spec = verifyMirostat) {
  const close = { count: 0 };
  const ended = await run(gpu, cases, spec);
  const found = ended.flatMap((one, i) =>
    roundFaults(one, cases[i]!, close).map((fault) => `case ${i}: ${fault}`),
  );
  return { found, close: close.count, ended };
}

test("random trees: path, tokens, mu, surprises, control block and ring", () =>
  withGpu(async (gpu) => {
    const cases = mirostatCases();
    const { found, close, ended } = await faults(gpu, cases);
    expect(found).toEqual([]);
    expect(close / cases.length).toBeLessThan(0.05);
    // The cases must reach both endings, long paths and both bounds of mu, or they prove little.
    expect(new Set(ended.map(({ record }) => record!.leaf)).size).toBe(2);
    expect(Math.max(...ended.map(({ record }) => record!.accepted))).toBe(63);
    expect(ended.filter(({ mu }) => mu === 7).length).toBeGreaterThan(3);
    expect(ended.filter(({ mu }) => mu === 0).length).toBeGreaterThan(3);
  }));

test("a path has the same bits as the same tokens one by one", () =>
  withGpu(async (gpu) => {
    const cases = mirostatCases().filter((_, i) => i % 4 === 0);
    const ended = await run(gpu, cases);
    const singles: MirostatCase[] = cases.flatMap((one, i) => {
      const { control, steps } = ended[i]!;
      return control.path.map((node, depth) => ({
        ...one,
        tree: treeOf([-1], 2, uniforms(0)),
        rows: [one.rows[node]!],
        facts: [one.facts[node]!],
        base: one.base + depth,
        mu: depth === 0 ? one.mu : steps[depth - 1]!.mu,
      }));
    });
    const alone = await run(gpu, singles);
    expect(alone.flatMap(({ steps }) => steps)).toEqual(ended.flatMap(({ steps }) => steps));
    expect(alone.length).toBeGreaterThan(2 * cases.length);
  }));

test("a row without a finite logit gives token 0, and no surprise", () =>
  withGpu(async (gpu) => {
    const empty = [-Infinity, NaN].flatMap((x) =>
      [0, 1, 2, 3].map((i) => {
        const one = randomCase([-1], i);
        const facts = [{ sorted: [], logSum: 0, zipf: 0 }];
        return { ...one, rows: [new Float32Array(53).fill(x)], facts };
      }),
    );
    for (const [i, { steps }] of (await run(gpu, empty)).entries()) {
      const { mu, settings } = empty[i]!;
      expect(steps).toMatchObject([{ token: 0, surprise: 0, kept: 0 }]);
      expect(steps[0]!.mu).toBeCloseTo(nextMu(mu, 0, settings), 5);
    }
  }));

test("a round after the last changes nothing", () =>
  withGpu(async (gpu) => {
    const cases = [1, 2, 3].map((i) => randomCase([-1, 0, 0, 1], i));
    for (const [i, ended] of (await run(gpu, cases, verifyMirostat, 1)).entries()) {
      const { base, round, mu } = cases[i]!;
      expect(ended).toMatchObject({ mu, record: undefined, written: 0 });
      expect(ended.control).toMatchObject({ base, round, accepted: 0, done: 1, ...KEPT });
    }
  }));

const FAULTS: [string, string, string][] = [
  ["mu is not clamped below", "params.mu_min, params.mu_max)", "-1e9, params.mu_max)"],
  ["mu is not clamped above", "params.mu_min, params.mu_max)", "params.mu_min, 1e9)"],
  [
    "nats instead of bits",
    "max(row.log_sum - scaled, 0.0) * BITS",
    "max(row.log_sum - scaled, 0.0)",
  ],
  ["the feedback the wrong way", "mu - params.eta", "mu + params.eta"],
  [
    "always the model's surprise",
    "if (params.truncated == 1u) { measured",
    "if (false) { measured",
  ],
  ["mu starts anew at every node", "mu = clamp(mu -", "mu = clamp(mu_state[0] -"],
  ["mu is not kept", "{ mu_state[0] = mu; }", "{ }"],
  ["the cut in bits", "row.log_sum - mu * NATS", "row.log_sum - mu"],
  ["the cut without the temperature", "params.temperature * (row.log_sum -", "(row.log_sum -"],
  ["the cut may leave nothing", "clamp(cut, all, highest)", "max(cut, all)"],
  ["k is never rounded up", "exp(log_k) + params.rounding", "exp(log_k)"],
  ["one more than k", "return clamp(u32(", "return 1u + clamp(u32("],
  ["a cut that keeps k is passed by", "if (counts[i] == wanted)", "if (counts[i] > wanted)"],
  ["what is not enough is", "counts >= vec4(wanted)", "counts + 1u >= vec4(wanted)"],
  ["the noise of the token before", "tree.depth[at.node] + 1u", "tree.depth[at.node]"],
  [
    "not the kept, but all are drawn from",
    "else if (key >= at.low)",
    "else if (key > NEGATIVE_INFINITY_KEY)",
  ],
  ["the shares of all lanes but 16", "i < WORKGROUP_SIZE; i += FAN_IN", "i < FAN_IN; i += FAN_IN"],
  ["a recovered token is called a bonus", "child.y == 0u", "true"],
  ["long paths are cut short", "accepted + 1u < LEVEL_CAPACITY", "accepted + 9u < LEVEL_CAPACITY"],
  ["an ended text goes on", "lane == 0u && control.done == 0u", "lane == 0u"],
];

faultTest("planted faults are seen", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    const cases = mirostatCases().filter((_, i) => i % 3 === 0);
    for (const [name, right, wrong] of FAULTS) {
      const spec = plantFault(verifyMirostat, right, wrong);
      if (name === "an ended text goes on") {
        const ended = await run(gpu, cases.slice(0, 3), spec, 1);
        expect(ended[0]!.written, name).toBeGreaterThan(0);
      } else {
        const finds = async (some: Readonly<typeof cases>) =>
          (await faults(gpu, some, spec)).found.length > 0;
        expect(await showsIn(cases, finds), name).toBe(true);
      }
    }
  }),
);
