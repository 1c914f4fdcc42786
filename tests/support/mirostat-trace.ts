// Long runs of Mirostat on injected rows of logits: on the GPU as chains of 64 nodes whose tokens the reference foretold.
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL_BYTES,
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
import { surpriseRow } from "../reference/surprise-rows.ts";
import { addNode, emptyTree } from "../reference/token-tree.ts";
import {
  type MirostatSettings,
  type MirostatStep,
  mirostatStep,
  nextMu,
} from "../reference/verify-mirostat.ts";
import { type GpuStep, judgeStep } from "./mirostat-bounds.ts";
import { uniforms } from "./random.ts";
import { toBytes } from "./token-trees.ts";

/** As the engine compiles the kernels for a small vocabulary: software adapters take seconds for another variant. */
export const LANES = 64;
const CHAIN = 64;
const SEED = 4711;

export interface Trace {
  readonly vocab: number;
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  /** The rows behind each other. */
  readonly all: Float32Array<ArrayBuffer>;
}

/** Rows that fall by a power of the rank, from nearly flat to nearly certain, in an order of their own, with bumps. */
export function randomTrace(vocab: number, steps: number): Trace {
  const next = uniforms(vocab + steps);
  const all = new Float32Array(vocab * steps);
  const rows = Array.from({ length: steps }, (_, t) => {
    const row = all.subarray(t * vocab, (t + 1) * vocab);
    const power = 0.2 + 3 * next() ** 2;
    const shift = Math.floor(next() * vocab);
    const height = 20 * (next() - 0.5);
    for (let rank = 0; rank < vocab; rank++) {
      row[(rank * 7 + shift) % vocab] = height - power * Math.log(rank + 1) + 0.8 * (next() - 0.5);
    }
    // Now and then a token is banned.
    if (t % 5 === 0) row[shift] = -Infinity;
    return row;
  });
  return { vocab, rows, all };
}

/** Settings as the kernel takes them. */
export function mirostatParams(settings: MirostatSettings) {
  const { version, truncated, temperature, tau, eta, bounds, rounding } = settings;
  const [mu_min, mu_max] = bounds;
  return { version, truncated: Number(truncated), temperature, tau, eta, mu_min, mu_max, rounding };
}

/** What `surprise-rows` says of every row, as bytes. */
async function measure(gpu: Gpu, { all, rows, vocab }: Trace, settings: MirostatSettings) {
  const scope = gpu.buffers.child("trace");
  const logits = scope.upload("logits", all);
  const row_surprise = scope.storage("row_surprise", rows.length * ROW_SURPRISE_BYTES);
  const pipeline = gpu.kernels.compile(surpriseRows, {
    constants: { WORKGROUP_SIZE: LANES },
  });
  const recording = new Recording();
  const { temperature, ratios } = settings;
  const bound = pipeline.bind(scope, { logits, row_surprise }, { vocab, temperature, ratios });
  recording.dispatch(bound, surpriseRowsGrid(rows.length));
  const [bytes] = await gpu.submitAndRead([recording], [row_surprise]);
  scope.dispose();
  return new Float32Array(bytes!);
}

interface Stretch {
  /** The tokens of all steps, as the reference has them. */
  readonly foretold: readonly number[];
  readonly first: number;
  /** Before step `first`. */
  readonly mu: number;
}

/** Some of the GPU's steps from `first` on, up to the first token that was not foretold. */
async function runChains(
  gpu: Gpu,
  trace: Trace,
  measured: Float32Array<ArrayBuffer>,
  { foretold, first, mu }: Stretch,
  settings: MirostatSettings,
  spec: typeof verifyMirostat,
): Promise<GpuStep[]> {
  const scope = gpu.buffers.child("chains");
  const { vocab, rows, all } = trace;
  const pipeline = gpu.kernels.compile(spec, {
    constants: { WORKGROUP_SIZE: LANES },
  });
  const mu_state = scope.upload("mu", Float32Array.of(mu));
  const ring = scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES);
  const surprises = scope.storage("surprises", RING_ROUNDS * SURPRISE_RECORD_BYTES);
  const recording = new Recording();
  const chains = Math.min(RING_ROUNDS, Math.ceil((rows.length - first) / CHAIN));
  for (let chain = 0; chain < chains; chain++) {
    const from = first + chain * CHAIN;
    const nodes = Math.min(CHAIN, rows.length - from);
    const tree = emptyTree();
    for (let i = 0; i < nodes; i++) {
      // The root's own token is of no account.
      addNode(tree, { token: i === 0 ? 0 : foretold[from + i - 1]!, parent: i - 1 });
    }
    const control = scope.storage("control", CONTROL_BYTES);
    scope.write(control, 0, encodeControl({ base: from, seed: SEED, round: chain }));
    const buffers = {
      logits: scope.upload("logits", all.subarray(from * vocab, (from + nodes) * vocab)),
      row_surprise: scope.upload("rows", measured.subarray(4 * from, 4 * (from + nodes))),
      tree: scope.upload("tree", toBytes(tree, TARGET_TREE)),
      control,
      ring,
      mu_state,
      surprises,
    };
    const bound = pipeline.bind(scope, buffers, { nodes, vocab, ...mirostatParams(settings) });
    recording.dispatch(bound, verifyMirostatGrid());
  }
  const [records, drawn] = await gpu.submitAndRead([recording], [ring, surprises]);
  scope.dispose();
  const steps: GpuStep[] = [];
  for (let chain = 0; chain < chains; chain++) {
    const tokens = decodeRoundRecord(records!, chain, chain)?.tokens ?? [];
    const about = decodeSurprises(drawn!, chain, tokens.length);
    steps.push(...about.map((one, i) => ({ token: tokens[i]!, ...one })));
    const isForetold = tokens.at(-1) === foretold[first + steps.length - 1];
    if (tokens.length < CHAIN || !isForetold) break;
  }
  return steps;
}

export interface TraceReport {
  readonly faults: string[];
  readonly steps: number;
  /** Steps whose number kept, or whose token, hangs on rounding; and those where the GPU's differs from the reference's. */
  readonly closeCounts: number;
  readonly closeTokens: number;
  readonly otherCounts: number;
  /** After each of these the reference went on with the GPU's token and mu. */
  readonly otherTokens: number;
  /** The largest distance between the GPU's mu and the reference's, and what was allowed in the end. */
  readonly worst: number;
  readonly allowed: number;
  readonly meanSurprise: number;
  /** Of the numbers kept. */
  readonly distinctCounts: number;
}

/** Runs a trace on the GPU and free in f64, and holds every step of one against the other. */
export async function runTrace(
  gpu: Gpu,
  trace: Trace,
  settings: MirostatSettings,
  spec = verifyMirostat,
): Promise<TraceReport> {
  const { rows } = trace;
  const measured = await measure(gpu, trace, settings);
  const facts = rows.map((row) => surpriseRow(row, settings.temperature, settings.ratios));
  const start = nextMu(2 * settings.tau, settings.tau, settings);
  const faults: string[] = [];
  const counts = { closeCounts: 0, closeTokens: 0, otherCounts: 0, otherTokens: 0 };
  const kept = new Set<number>();
  let [worst, allowed, total, done] = [0, 0, 0, 0];
  let [mu, reference] = [Math.fround(start), start];
  const free: (MirostatStep & { before: number })[] = [];
  while (done < rows.length && faults.length === 0) {
    const first = done;
    if (free[first]?.before !== reference) {
      // The reference, free from here on.
      for (let t = first, at = reference; t < rows.length; t++) {
        const draw = { seed: SEED, position: t + 1 };
        free[t] = { ...mirostatStep(rows[t]!, facts[t]!, at, draw, settings), before: at };
        at = free[t]!.mu;
      }
    }
    const foretold = free.map(({ token }) => token);
    const run = await runChains(gpu, trace, measured, { foretold, first, mu }, settings, spec);
    if (run.length === 0) faults.push(`step ${first}: no step was made`);
    for (const got of run) {
      const wanted = free[done]!;
      const judged = {
        row: rows[done]!,
        facts: facts[done]!,
        measured: { logSum: measured[4 * done + 1]!, zipf: measured[4 * done + 2]! },
      };
      const at = { mu, reference: wanted.before, seed: SEED, position: done + 1, lanes: LANES };
      const judgement = judgeStep(judged, at, got, settings);
      const { isCountClose, isTokenClose, drift } = judgement;
      const found = [...judgement.faults];
      const isOther = got.token !== wanted.token;
      if (got.kept !== wanted.kept && !isCountClose)
        found.push(`${got.kept} kept, not ${wanted.kept}`);
      if (isOther && !isTokenClose && !isCountClose) {
        found.push(`token ${got.token}, not ${wanted.token}`);
      }
      faults.push(...found.map((fault) => `step ${done}: ${fault}`));
      counts.closeCounts += Number(isCountClose);
      counts.closeTokens += Number(isTokenClose);
      counts.otherCounts += Number(got.kept !== wanted.kept);
      counts.otherTokens += Number(isOther);
      kept.add(got.kept);
      total += got.surprise;
      allowed += drift;
      mu = got.mu;
      done += 1;
      reference = wanted.mu;
      // Another token, or the same one drawn among others, has another surprise: the reference takes it over.
      const isApart = isOther || (settings.truncated && got.kept !== wanted.kept);
      if (isApart) [reference, allowed] = [got.mu, 0];
      worst = Math.max(worst, Math.abs(mu - reference));
      if (Math.abs(mu - reference) > allowed)
        faults.push(`step ${done}: mu ${mu}, not ${reference}`);
      if (faults.length > 0 || isApart) break;
    }
  }
  const meanSurprise = total / rows.length;
  return {
    faults,
    steps: done,
    ...counts,
    worst,
    allowed,
    meanSurprise,
    distinctCounts: kept.size,
  };
}
