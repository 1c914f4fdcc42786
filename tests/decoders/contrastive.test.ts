// Contrastive search on real passes: the choices of the f64 reference over the same model, one pass per token, and texts
// that do not depend on how many steps a readback has.
import { describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import type { ResolvedEdits } from "../../src/options.ts";
import {
  type ContrastiveParts,
  GpuContrastiveSession,
  type RoundOutcome,
  type RoundSession,
} from "../../src/tree/index.ts";
import { type ContrastiveModel, contrastiveChoice } from "../reference/contrastive.ts";
import { editRow } from "../reference/edit-rows.ts";
import { logProbOf } from "../reference/gather-log-probs.ts";
import { headLogits, decoderStates } from "../reference/decoder-forward.ts";
import { adapterName } from "../setup/gpu.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { LOGIT_ERROR } from "../support/logits.ts";
import { type TinyModel, tinyModel } from "../support/tiny-model.ts";

const PROMPT = [1, 17, 203, 4, 99, 250, 31, 8, 8, 120];
const DEFAULTS = { topK: 4, alpha: 0.6, edited: false };
const model = tinyModel({ layers: 2 });

type Settings = Partial<Omit<ContrastiveParts, "target">>;

async function openSession(gpu: Gpu, loaded: LanguageModel, settings: Settings = {}) {
  const parts = { ...DEFAULTS, ...settings, target: treeSession(gpu, loaded) };
  return GpuContrastiveSession.create(gpu, gpu.buffers.child("contrastive"), parts);
}

interface Text {
  readonly prompt?: readonly number[];
  readonly maxNewTokens?: number;
  readonly endTokens?: readonly number[];
  readonly rounds?: number;
  readonly edits?: ResolvedEdits;
}

/** Every token until nothing more comes. */
async function write(session: RoundSession, text: Text = {}): Promise<number[]> {
  const { prompt = PROMPT, maxNewTokens = 24, endTokens = [], rounds = 4, edits } = text;
  await session.start({ prompt, seed: 0, maxNewTokens, endTokens, ...(edits && { edits }) });
  const tokens: number[] = [];
  for (;;) {
    const outcomes = await session.next({ rounds });
    tokens.push(...outcomes.flatMap((outcome) => outcome.tokens));
    if (outcomes.length === 0) return tokens;
  }
}

/** Logits of these models are no larger. */
const LARGEST = 32;
/** Of a log-probability: two logits are off, that of the token and the log-sum. */
const LOG_ERROR = 2 * LARGEST * LOGIT_ERROR;
/**
 * Of a cosine: a state's error is to its length as a logit's is to the largest, at most twice that once it has length 1, and
 * two states are compared.
 */
const COSINE_ERROR = 4 * LOGIT_ERROR;
/** Of a difference of two values. A probability is at most 1, and so is its share of the error of its logarithm. */
const closeOf = (alpha: number) => 2 * ((1 - alpha) * LOG_ERROR + alpha * COSINE_ERROR);

function referenceOf(
  { config, tensors }: TinyModel,
  edit: (row: ArrayLike<number>, text: readonly number[]) => ArrayLike<number> = (row) => row,
): ContrastiveModel {
  return {
    states: (tokens) => decoderStates(config, tensors, tokens),
    logits: (state, tokens) => {
      const row = headLogits(config, tensors, Float64Array.from(state));
      expect(Math.max(...row.map(Math.abs))).toBeLessThan(LARGEST);
      return edit(row, tokens);
    },
  };
}

/** Judges every token of a text after its own beginning; returns how often it was not the likeliest, and close calls. */
function judge(
  reference: ContrastiveModel,
  prompt: readonly number[],
  tokens: readonly number[],
  { topK, alpha }: { readonly topK: number; readonly alpha: number },
) {
  let [other, close] = [0, 0];
  tokens.forEach((token, i) => {
    const text = [...prompt, ...tokens.slice(0, i)];
    const choice = contrastiveChoice(reference, text, { k: topK, alpha });
    if (choice.margin < closeOf(alpha) || choice.gap < LOG_ERROR) close += 1;
    else expect(token, `token ${i}`).toBe(choice.token);
    if (choice.rank > 0) other += 1;
  });
  return { other, close };
}

describe("the choices are those of f64 search over an f64 model", () => {
  const RUNS = [
    [4, 0.6],
    [1, 0.6],
    [3, 0.3],
    [7, 0.9],
    [16, 1],
  ] as const;
  // On SwiftShader compiling for more rows takes most of the time.
  const shown = adapterName === "swiftshader" ? RUNS.slice(0, 3) : RUNS;
  test.each(shown)("k %d, alpha %d", (topK, alpha) =>
    withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files);
      const session = await openSession(gpu, loaded, { topK, alpha });
      const count = topK > 4 ? 10 : 20;
      const tokens = await write(session, { maxNewTokens: count });
      expect(tokens).toHaveLength(count);
      const { other, close } = judge(referenceOf(model), PROMPT, tokens, { topK, alpha });
      expect(close, "few are left out").toBeLessThanOrEqual(count / 10);
      if (topK > 1) expect(other, "the penalty decides now and then").toBeGreaterThan(0);
    }),
  );

  test("a prompt of one token; a vocabulary smaller than k; a long prompt of several chunks", () =>
    withGpu(async (gpu) => {
      const small = tinyModel({ layers: 1, vocab: 5, hidden: 16, seed: 4 });
      const tiny = await openSession(gpu, await loadTestModel(gpu, small.files), { topK: 16 });
      const few = await write(tiny, { prompt: [3], maxNewTokens: 12 });
      expect(judge(referenceOf(small), [3], few, { ...DEFAULTS, topK: 5 }).close).toBeLessThan(3);

      const session = await openSession(gpu, await loadTestModel(gpu, model.files));
      const prompt = Array.from({ length: 83 }, (_, i) => (i * i * 7) % 300);
      const tokens = await write(session, { prompt, maxNewTokens: 4 });
      expect(judge(referenceOf(model), prompt, tokens, DEFAULTS).close).toBeLessThan(2);
    }));

  test("edits come before the candidates, each row by its own text", () =>
    withGpu(async (gpu) => {
      const edits: ResolvedEdits = {
        ...NO_EDITS,
        repetition: 1.3,
        presence: 0.5,
        window: 12,
        noRepeatNgram: 2,
        minNewTokens: 6,
        biases: [[33, 3]],
        banned: [40, 41, 42],
        forced: [[3, 17]],
      };
      const loaded = await loadTestModel(gpu, model.files);
      const session = await openSession(gpu, loaded, { edited: true });
      const ends = [120, 250];
      const tokens = await write(session, { maxNewTokens: 16, endTokens: ends, edits });
      const reference = referenceOf(model, (row, text) =>
        editRow(row, text, PROMPT.length, ends, edits),
      );
      expect(tokens[3]).toBe(17);
      expect(judge(reference, PROMPT, tokens, DEFAULTS).close).toBeLessThan(3);
      const plain = await openSession(gpu, loaded);
      expect(await write(plain, { maxNewTokens: 16, endTokens: ends })).not.toEqual(tokens);
    }));
});

test("alpha 0 and k 1 give greedy text", () =>
  withGpu(async (gpu) => {
    const loaded = await loadTestModel(gpu, tinyModel({ layers: 3, seed: 2 }).files);
    const greedy = await decodeTokens(await roundSession(gpu, loaded), PROMPT, 30);
    for (const settings of [{ alpha: 0, topK: 8 }, { topK: 1 }]) {
      const session = await openSession(gpu, loaded, settings);
      expect(await write(session, { maxNewTokens: 30, rounds: 8 })).toEqual(greedy.tokens);
    }
    const session = await openSession(gpu, loaded);
    expect(await write(session, { maxNewTokens: 30, rounds: 8 })).not.toEqual(greedy.tokens);
  }));

test("one pass per token, one submission and one readback for several; nothing else is moved", () =>
  withGpu(async (gpu) => {
    const session = await openSession(gpu, await loadTestModel(gpu, model.files));
    const start = { prompt: PROMPT, seed: 0, maxNewTokens: 100, endTokens: [] };
    await session.start(start);
    const prefills = 1; // nine tokens in one chunk
    expect(session.counts).toMatchObject({
      targetForwards: prefills,
      submits: prefills,
      readbacks: 0,
    });
    const before = gpu.counters.dispatches;
    expect(await session.next({ rounds: 1 })).toHaveLength(1);
    // The prompt's last token has a pass of its own, in the first submission.
    const [opening, layers] = [1, 5 * 2];
    const pass = 1 + layers + 1;
    // unit-rows and top-candidates; contrast-rows, contrast-step; a compaction of the cache and one of the units.
    const perStep = pass + 2 + 2 + 2;
    expect(session.counts).toMatchObject({
      targetForwards: prefills + opening + 1,
      draftForwards: 0,
      submits: prefills + 1,
      readbacks: 1,
      dispatchesPerRound: perStep,
    });
    expect(gpu.counters.dispatches - before).toBe(pass + 3 + perStep);
    expect(await session.next({ rounds: 8 })).toHaveLength(8);
    expect(session.counts).toMatchObject({
      targetForwards: prefills + opening + 9,
      submits: prefills + 2,
      readbacks: 2,
    });
    expect(session.counts.phaseTimes).toBeUndefined();
    await session.next({ rounds: 2, timed: true });
    expect(session.counts.phaseTimes).toMatchObject({ draft: 0 });
    for (const phase of ["score", "verify", "commit"] as const) {
      expect(session.counts.phaseTimes![phase], phase).toBeGreaterThan(0);
    }
    // A text that goes on: its counts do, too.
    await session.start({ ...start, written: 11, sameText: true });
    expect(session.counts.readbacks).toBe(3);
    await session.start(start);
    expect(session.counts).toMatchObject({ readbacks: 0, targetForwards: prefills });
  }));

test("a hidden state per position, counted and freed with the session", () =>
  withGpu(async (gpu) => {
    const loaded = await loadTestModel(gpu, model.files);
    const target = treeSession(gpu, loaded);
    const open = async () => {
      const scope = gpu.buffers.child("contrastive");
      const parts = { ...DEFAULTS, target };
      return { scope, session: await GpuContrastiveSession.create(gpu, scope, parts) };
    };
    // What prefill has recorded stays with the cache.
    const first = await open();
    await write(first.session);
    first.scope.dispose();
    const before = gpu.buffers.bytes;
    const { scope, session } = await open();
    const units = target.cache.slots * loaded.config.hiddenSize * 4;
    expect(scope.bytes).toBeGreaterThanOrEqual(units);
    // Uniforms, the ring, similarities: nothing else is of the context's size.
    expect(scope.bytes).toBeLessThan(units + 64 * 1024 + 32 * 1024);
    expect(session.counts.gpuBytes).toBeGreaterThanOrEqual(before + units);
    await write(session);
    const during = gpu.buffers.bytes;
    await write(session, { rounds: 8 });
    expect(gpu.buffers.bytes).toBe(during);
    scope.dispose();
    expect(gpu.buffers.bytes).toBe(before);
  }));

test.each([false, true])("log-probabilities are the model's own, edited %s", (edited) =>
  withGpu(async (gpu) => {
    const edits = edited ? { ...NO_EDITS, repetition: 1.3, banned: [83], window: 8 } : undefined;
    const loaded = await loadTestModel(gpu, model.files);
    const plain = await openSession(gpu, loaded, { edited });
    const session = await openSession(gpu, loaded, { edited, logProbabilities: 6 });
    const ends = { seed: 0, maxNewTokens: 20, endTokens: [] };
    // Twice: nothing of the first text is left.
    for (const prompt of [[5, 6, 7], PROMPT]) {
      await session.start({ prompt, ...ends, ...(edits && { edits }) });
      const outcomes: RoundOutcome[] = [];
      for (const rounds of [1, 16, 8]) outcomes.push(...(await session.next({ rounds })));
      expect(session.counts.readbacks).toBe(3);
      const tokens = outcomes.flatMap((outcome) => outcome.tokens);
      const text = { prompt, maxNewTokens: 20, ...(edits && { edits }) };
      expect(tokens).toEqual(await write(plain, text));
      const scorer = treeSession(gpu, loaded);
      const whole = [...prompt, ...tokens];
      const rows = await scorer.score(whole.map((token, i) => ({ token, parent: i - 1 })));
      outcomes.forEach(({ logProbs }, i) => {
        const at = prompt.length + i;
        const wanted = logProbOf(rows[at - 1]!, whole[at]!, 6);
        expect(logProbs).toHaveLength(1);
        const { logProbability, top } = logProbs![0]!;
        expect(logProbability).toBeCloseTo(wanted.logProbability, 4);
        expect(top.map(({ id }) => id)).toEqual(wanted.top.map(({ id }) => id));
      });
    }
    // The raw rows' best, what the model said of the token, and the row for the next; edits overwrite rows, so all are copied.
    const { dispatchesPerRound } = session.counts;
    expect(dispatchesPerRound - plain.counts.dispatchesPerRound).toBe(edited ? 4 : 3);
  }),
);

describe("texts", () => {
  test("are the same with 1, 3, 8 and 16 steps per readback, and after another text", () =>
    withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files);
      const session = await openSession(gpu, loaded);
      const wanted = await write(session, { rounds: 1 });
      for (const rounds of [3, 8, 16]) {
        // Longer than what follows, so that its hidden states stand past that text.
        const prompt = Array.from({ length: 60 }, (_, i) => (i * 13 * rounds) % 300);
        await write(session, { prompt, maxNewTokens: 2 });
        expect(await write(session, { rounds })).toEqual(wanted);
      }
      const fresh = await openSession(gpu, loaded);
      expect(await write(fresh)).toEqual(wanted);
    }));

  test("end at an end-of-text token, after as many tokens as are wanted, and where the context is full", () =>
    withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files, { contextLength: 40 });
      const session = await openSession(gpu, loaded);
      const whole = await write(session, { maxNewTokens: 1e6 });
      expect(whole).toHaveLength(40 - PROMPT.length);
      const at = whole.findIndex((token, i) => i > 4 && whole.indexOf(token) === i);
      const endTokens = [299_999, whole[at]!];
      for (const rounds of [1, 8]) {
        expect(await write(session, { endTokens, rounds })).toEqual(whole.slice(0, at + 1));
        expect(await write(session, { maxNewTokens: 7, rounds })).toEqual(whole.slice(0, 7));
        expect(await session.next({ rounds })).toEqual([]);
      }
      const full = Array.from({ length: 39 }, (_, i) => i);
      expect(await write(session, { prompt: full })).toHaveLength(1);
      await expect(write(session, { prompt: [...full, 1] })).rejects.toMatchObject({
        code: "context-overflow",
      });
      await expect(write(session, { edits: NO_EDITS })).rejects.toMatchObject({
        code: "internal",
      });
    }));

  test("do not depend on what used the cache before, nor change what uses it after", () =>
    withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files);
      const target = treeSession(gpu, loaded);
      const scope = gpu.buffers.child("contrastive");
      const session = await GpuContrastiveSession.create(gpu, scope, { ...DEFAULTS, target });
      const wanted = await write(session);
      const score = async () => {
        target.rewind(0);
        await target.prefill([7, 7, 7]);
        return target.score([{ token: 9, parent: -1 }]);
      };
      const rows = await score();
      expect(await write(session)).toEqual(wanted);
      expect(await score()).toEqual(rows);
    }));
});
