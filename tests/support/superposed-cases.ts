// Traces of superposed drafts on logits handed in: the library's kernels on one side, the f64 reference on the other,
// and how far rounding may set them apart.
import { type BufferSlice, Recording, type Gpu } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { countSections } from "../../src/decoder/superposed/ngram-count.ts";
import { superposeStep } from "../../src/kernels/index.ts";
import type { ReferencePair, SuperposeOutput } from "../reference/superpose-step.ts";
import { topCandidates } from "../reference/top-candidates.ts";
import { countNgrams, ngramSum, superposed } from "../reference/superposed.ts";
import { normals, uniforms } from "./random.ts";
import { markovText } from "./superposed-text.ts";
import { gamma, logError, UNIT } from "./tolerance.ts";

export interface TraceOptions {
  readonly k: number;
  readonly candidates: number;
  readonly vocab: number;
  readonly alpha: number;
  readonly temperature: number;
  readonly lambdas: readonly number[];
  /** Texts to count n-grams in, each with its weight. */
  readonly sources: readonly { readonly ids: readonly number[]; readonly weight: number }[];
  readonly endTokens: readonly number[];
  readonly prompt: readonly number[];
  /** `[steps][vocab]`, of at most 128 tokens. */
  readonly logits: readonly Float32Array<ArrayBuffer>[];
}

export const LAMBDAS = [0.01, 0.04, 0.15, 0.18, 0.12];

/** A random trace; `kind` varies which n-grams there are and whether texts end. */
export function randomTrace(seed: number, k: number, withNgrams: boolean): TraceOptions {
  const uniform = uniforms(seed);
  const normal = normals(seed + 1);
  const vocab = 40 + Math.floor(uniform() * 60);
  const candidates = Math.min(vocab, k + Math.floor(uniform() * 3 * k) + 1, 64);
  const scale = [0.5, 1, 3][Math.floor(uniform() * 3)]!;
  const sources = withNgrams
    ? Array.from({ length: 1 + Math.floor(uniform() * 2) }, (_, i) => ({
        ids: markovText(seed + 2 + i, vocab, 100 + Math.floor(uniform() * 400)),
        weight: Math.fround(0.25 + uniform()),
      }))
    : [];
  const from = sources[0]?.ids ?? markovText(seed + 9, vocab, 20);
  const promptLength = 1 + Math.floor(uniform() * 8);
  return {
    k,
    candidates,
    vocab,
    alpha: Math.fround([0.54, 0.34, 0.9][Math.floor(uniform() * 3)]!),
    temperature: Math.fround([0.06, 0.12, 1][Math.floor(uniform() * 3)]!),
    lambdas: uniform() < 0.5 ? LAMBDAS : LAMBDAS.slice(0, 3),
    sources,
    // A likely token may end the text, or two may, or none.
    endTokens: Array.from({ length: Math.floor(uniform() * 3) }, () =>
      Math.floor(uniform() * vocab),
    ),
    prompt: from.slice(5, 5 + promptLength),
    logits: Array.from({ length: 4 + Math.floor(uniform() * 7) }, () =>
      Float32Array.from({ length: vocab }, () => scale * normal()),
    ),
  };
}

export interface GpuTrace {
  readonly steps: readonly (readonly kernels.Choice[])[];
  /** The mix that the last step left. */
  readonly live: number;
  readonly tokens: readonly number[];
  readonly weights: readonly number[];
  readonly base: number;
}

const BATCH = 50;

/** Runs traces in batches: one submission and one readback for each batch. */
export async function runTraces(
  gpu: Gpu,
  traces: readonly TraceOptions[],
  spec = superposeStep,
): Promise<GpuTrace[]> {
  const out: GpuTrace[] = [];
  for (let at = 0; at < traces.length; at += BATCH) {
    const scope = gpu.buffers.child("traces");
    const recording = new Recording();
    const slices: BufferSlice[] = [];
    for (const trace of traces.slice(at, at + BATCH)) {
      slices.push(...recordTrace(gpu, scope, trace, recording, spec));
    }
    const bytes = await gpu.submitAndRead([recording], slices);
    for (let i = 0; i < bytes.length; i += 3)
      out.push(decode(bytes[i]!, bytes[i + 1]!, bytes[i + 2]!));
    scope.dispose();
  }
  return out;
}

function recordTrace(
  gpu: Gpu,
  scope: Gpu["buffers"],
  trace: TraceOptions,
  recording: Recording,
  spec: typeof superposeStep,
): BufferSlice[] {
  const { k, candidates: m, prompt, logits } = trace;
  const scaled = trace.sources.flatMap(({ ids, weight }) =>
    countSections(ids, trace.lambdas.length).map((section) => ({
      section,
      scale: weight * trace.lambdas[section.length - 1]!,
    })),
  );
  const { header, arrays } = kernels.encodeSections(scaled);
  const control = scope.upload(
    "control",
    kernels.encodeControl({ base: prompt.length - 1 }, trace.endTokens),
  );
  const drafts = scope.upload("drafts", kernels.encodeDrafts(prompt));
  const ring = scope.storage("ring", kernels.RING_STEPS * kernels.STEP_RECORD.bytes);
  const ngrams = scope.upload("ngrams", Uint32Array.of(...header, ...arrays));
  const step = gpu.kernels.compile(spec);
  const params = {
    drafts: k,
    candidates: m,
    alpha: scaled.length > 0 ? trace.alpha : 0,
    temperature: trace.temperature,
  };
  // A row per step, at offsets that can be bound.
  const rows = scope.upload("logits", inRows(logits, ROW_BYTES / 4));
  const candidates = scope.upload("candidates", candidateRows(logits, m));
  for (const i of logits.keys()) {
    const own = (slice: BufferSlice) => ({ ...slice, offset: i * ROW_BYTES, size: ROW_BYTES });
    const buffers = {
      logits: own(rows),
      candidates: own(candidates),
      ngrams,
      drafts,
      control,
      ring,
    };
    recording.dispatch(step.bind(scope, buffers, params), kernels.superposeStepGrid());
  }
  return [ring, drafts, control];
}

const ROW_BYTES = 512;

function inRows(rows: readonly Float32Array[], stride: number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(rows.length * stride);
  for (const [i, row] of rows.entries()) all.set(row, i * stride);
  return all;
}

/** What top-candidates would give, scores left out. */
function candidateRows(logits: readonly Float32Array[], m: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array((logits.length * ROW_BYTES) / 4);
  for (const [i, row] of logits.entries()) {
    for (const [j, { token }] of topCandidates(row, row.length, m)[0]!.entries()) {
      words[(i * ROW_BYTES + j * kernels.CANDIDATE_BYTES) / 4] = token;
    }
  }
  return words;
}

function decode(ring: ArrayBuffer, drafts: ArrayBuffer, control: ArrayBuffer): GpuTrace {
  const { base, round } = kernels.decodeControl(control);
  const words = (at: number, count: number) => [...new Uint32Array(drafts, at, count)];
  const live = words(kernels.DRAFTS.offsets.live, 1)[0]!;
  return {
    steps: Array.from({ length: round }, (_, i) => kernels.decodeStepRecord(ring, i, i)!),
    live,
    tokens: words(kernels.DRAFTS.offsets.token, live),
    weights: [...new Float32Array(drafts, kernels.DRAFTS.offsets.weight, live)],
    base,
  };
}

export interface JudgedTrace {
  readonly steps: readonly SuperposeOutput[];
  /** Per step, how far its scores may be off. */
  readonly errors: readonly number[];
  /** False where two choices are closer than rounding may set them apart. */
  readonly isClear: boolean;
}

/** The reference's trace, with what rounding may do to it. */
export function judge(trace: TraceOptions): JudgedTrace {
  const { lambdas, sources, logits, k } = trace;
  const counted = sources.map(({ ids, weight }) => ({ counts: countNgrams([ids]), weight }));
  const ngrams = sources.length > 0 ? ngramSum(counted, lambdas) : undefined;
  const { steps } = superposed({
    ...trace,
    ngrams,
    steps: logits.length,
    logits: (mixes) => logits[mixes.length]!,
  });
  // The logarithm of a step's sum is the same number for all pairs: its error moves no score against another.
  let common = 0;
  let own = [0];
  let isClear = true;
  const errors = steps.map((step, i) => {
    const ofLog = logSumError(trace, logits[i]!);
    const alpha = ngrams ? trace.alpha : 0;
    common += (1 - alpha) * ofLog;
    const ofPairs = step.ranked.map((pair) => {
      const error = own[pair.parent]! + termError(trace, logits[i]!, pair);
      return error + UNIT * Math.abs(pair.score);
    });
    for (let rank = 0; rank < Math.min(2 * k, ofPairs.length - 1); rank++) {
      const gap = step.ranked[rank]!.score - step.ranked[rank + 1]!.score;
      if (gap <= ofPairs[rank]! + ofPairs[rank + 1]!) isClear = false;
    }
    own = step.choices.flatMap(({ fate }, rank) => (fate === "live" ? [ofPairs[rank]!] : []));
    return common + Math.max(...ofPairs.slice(0, 2 * k));
  });
  return { steps, errors, isClear };
}

/** Error of the logarithm of the sum in the softmax over the candidates. */
function logSumError({ candidates, temperature }: TraceOptions, logits: Float32Array): number {
  const gaps = gapsOf(logits, temperature).slice(0, candidates);
  const sum = gaps.reduce((total, gap) => total + Math.exp(-gap), 0);
  // A term: exp's own error, and the difference and the division in its exponent.
  const ofTerms = gaps.reduce((all, gap) => all + Math.exp(-gap) * (3 + 5.5 * gap) * UNIT, 0);
  return ofTerms / sum + gamma(candidates) + logError(sum);
}

/** Distances to the largest logit over the temperature, ascending. */
function gapsOf(logits: Float32Array, temperature: number): number[] {
  const ascending = Array.from(logits).sort((a, b) => b - a);
  return ascending.map((x) => (ascending[0]! - x) / temperature);
}

/** What else a pair's term may be off by. */
function termError(
  { temperature, alpha: given, sources, lambdas }: TraceOptions,
  logits: Float32Array,
  { token, chance, known }: ReferencePair,
): number {
  const alpha = sources.length > 0 ? given : 0;
  const gap = (Math.max(...logits) - logits[token]!) / temperature;
  // A difference and a division, the subtraction of the logarithm, then 1 - alpha and the product.
  const ofChance = (1 - alpha) * UNIT * (3.5 * gap + 3 * Math.abs(chance));
  if (sources.length === 0) return ofChance;
  const part = (1 - alpha) * Math.abs(chance);
  // All pairs of this draft lose 200, and the sum is rounded.
  if (known === 0) return ofChance + UNIT * (200 + part);
  // Scales and shares are rounded, multiplied and added up.
  const ofKnown = gamma(sources.length * lambdas.length + 3) + logError(known);
  const log = alpha * Math.abs(Math.log(known));
  return ofChance + alpha * ofKnown + UNIT * (log + part + log);
}
