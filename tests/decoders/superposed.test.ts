// Superposed drafts on the real engine: a pass over a mix against the f64 forward pass, the cost of a step, and what
// accepting a draft leaves in the cache.
import { GREEDY_STAGES } from "../../src/decoder/sampling-options.ts";
import { expect, test } from "vitest";
import { countSections } from "../../src/decoder/superposed/ngram-count.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import {
  GpuRoundSession,
  GpuSuperposedSession,
  type SuperposedParts,
} from "../../src/tree/index.ts";
import { countNgrams, ngramSum, superposed } from "../reference/superposed.ts";
import { decoderLogits } from "../reference/decoder-forward.ts";
import { loadTestModel, startSequence, treeSession, withGpu } from "../support/engine.ts";
import { LOGIT_ERROR } from "../support/logits.ts";
import { LAMBDAS } from "../support/superposed-cases.ts";
import { tinyModel } from "../support/tiny-model.ts";

const PROMPT = [1, 17, 203, 4, 99, 250, 31, 8, 8, 120];
const model = tinyModel();

const TEMPERATURE = 4;
/** No logit of this model is larger. */
const LARGEST = 32;
/** What a step may add to the error of a score: both logits of a difference may be off, over the temperature. */
const ERROR = (2 * LARGEST * LOGIT_ERROR) / TEMPERATURE;

type Options = Partial<Omit<SuperposedParts, "target">>;

async function openSession(gpu: Gpu, options: Options = {}) {
  const target = treeSession(gpu, await loadTestModel(gpu, model.files));
  const session = await GpuSuperposedSession.create(gpu, gpu.buffers.child("superposed"), {
    target,
    drafts: 3,
    candidates: 9,
    alpha: 0,
    temperature: TEMPERATURE,
    ngrams: [],
    takesMore: false,
    ...options,
  });
  return { target, session };
}

const start = (prompt: readonly number[], steps = 6) => ({
  prompt,
  steps,
  endTokens: [] as number[],
  ngrams: [],
});

/** The f64 model and the f64 drafts together: every mix goes through the whole forward pass. */
function referenceTrace(prompt: readonly number[], steps: number, k = 3) {
  return superposed({
    prompt,
    k,
    candidates: 3 * k,
    alpha: 0,
    temperature: TEMPERATURE,
    ngrams: undefined,
    endTokens: [],
    steps,
    logits: (mixes) => {
      const row = decoderLogits(model.config, model.tensors, [...prompt, ...mixes]).at(-1)!;
      expect(Math.max(...row.map(Math.abs))).toBeLessThan(LARGEST);
      return row;
    },
  });
}

test.each([2, 3, 5, 10])("%s drafts are those of an f64 model that is fed their mixes", (k) =>
  withGpu(async (gpu) => {
    const { session } = await openSession(gpu, { drafts: k, candidates: 3 * k });
    await session.start(start(PROMPT, 4));
    const steps = await session.next(4);
    const reference = referenceTrace(PROMPT, 4, k);
    for (const [i, { choices }] of reference.steps.entries()) {
      expect(steps[i]!.map(({ token, parent, fate }) => ({ token, parent, fate }))).toEqual(
        choices.map(({ token, parent, fate }) => ({ token, parent, fate })),
      );
      for (const [j, { score }] of choices.entries()) {
        expect(Math.abs(steps[i]![j]!.score - score)).toBeLessThan((i + 1) * ERROR);
      }
    }
    // A mix of several drafts that matter, or this would be plain decoding.
    expect(reference.steps[0]!.weights[1]).toBeGreaterThan(0.05);
  }),
);

test("one forward per position for all drafts, one readback for several steps", () =>
  withGpu(async (gpu) => {
    const { session } = await openSession(gpu, { drafts: 10, candidates: 30 });
    await session.start(start(PROMPT));
    const prefills = 1; // nine tokens in one chunk
    expect(session.counts).toMatchObject({ targetForwards: prefills, submits: 1, readbacks: 0 });
    const { dispatches } = gpu.counters;
    expect(await session.next(4)).toHaveLength(4);
    expect(session.counts).toMatchObject({
      targetForwards: prefills + 4,
      draftForwards: 0,
      submits: 2,
      readbacks: 1,
    });
    // embed-mix, five per layer, the head, top-candidates, superpose-step.
    const perStep = 1 + 5 * 3 + 1 + 2;
    expect(gpu.counters.dispatches - dispatches).toBe(4 * perStep);
    expect(session.counts.dispatchesPerRound).toBe(perStep);
    expect(await session.next(4)).toHaveLength(2);
    expect(await session.next(4)).toHaveLength(0);
  }));

test("steps in one readback or in many, the same bits; so is a prompt that was in the cache already", () =>
  withGpu(async (gpu) => {
    const { session } = await openSession(gpu);
    await session.start(start(PROMPT));
    const together = await session.next(6);
    await session.start(start(PROMPT));
    expect(session.counts.targetForwards, "all of it was cached").toBe(0);
    const alone = [];
    for (let i = 0; i < 6; i++) alone.push(...(await session.next(1)));
    expect(alone).toEqual(together);
  }));

test("after a draft was accepted the cache is that of its tokens, and no mix is left in it", () =>
  withGpu(async (gpu) => {
    const { session, target } = await openSession(gpu);
    await session.start(start(PROMPT));
    await session.next(6);
    const longer = [...PROMPT, 44, 45, 46];
    await session.restart(start(longer));
    expect(session.counts.targetForwards, "three tokens in one pass").toBe(1 + 6 + 1);
    const continued = await session.next(3);
    const fresh = await openSession(gpu);
    await fresh.session.start(start(longer));
    expect(continued).toEqual(await fresh.session.next(3));
    // Others may use the cache in between.
    target.rewind(0);
    await target.prefill([7, 7, 7]);
    await session.start(start(longer));
    expect(await session.next(3)).toEqual(continued);
  }));

test("plain rounds after superposed steps are as if there had been none", () =>
  withGpu(async (gpu) => {
    const { session, target } = await openSession(gpu);
    const parts = { target, rules: { stages: GREEDY_STAGES, verify: "coupled" } } as const;
    const rounds = await GpuRoundSession.create(gpu, gpu.buffers.child("rounds"), parts);
    await startSequence(rounds, PROMPT);
    const tokens = (await rounds.next({ rounds: 5 })).flatMap((round) => round.tokens);
    await session.start(start(PROMPT));
    await session.next(2);
    await startSequence(rounds, PROMPT);
    expect((await rounds.next({ rounds: 5 })).flatMap((round) => round.tokens)).toEqual(tokens);
  }));

test("n-grams that stay, and n-grams of a start, are added up", () =>
  withGpu(async (gpu) => {
    const scaled = (ids: readonly number[], weight: number) =>
      countSections(ids, 5).map((section) => ({
        section,
        scale: weight * LAMBDAS[section.length - 1]!,
      }));
    const text = [8, 120, 40, 41, 42, 8, 120, 40, 50, 42, 41, 9];
    const history = [...PROMPT, 8, 120, 50, 51];
    const { session } = await openSession(gpu, {
      alpha: 0.5,
      ngrams: scaled(text, 0.75),
      takesMore: true,
      candidates: 64,
    });
    for (const prompt of [history, PROMPT]) {
      await session.start({ ...start(prompt, 3), ngrams: scaled(prompt, 0.25) });
      const steps = await session.next(3);
      const sources = [
        { counts: countNgrams([text]), weight: 0.75 },
        { counts: countNgrams([prompt]), weight: 0.25 },
      ];
      const { steps: expected } = superposed({
        prompt,
        k: 3,
        candidates: 64,
        alpha: 0.5,
        temperature: TEMPERATURE,
        ngrams: ngramSum(sources, LAMBDAS),
        endTokens: [],
        steps: 3,
        logits: (mixes) =>
          decoderLogits(model.config, model.tensors, [...prompt, ...mixes]).at(-1)!,
      });
      expected.forEach(({ choices }, i) => {
        expect(steps[i]!.map(({ token }) => token)).toEqual(choices.map(({ token }) => token));
        for (const [j, { score }] of choices.entries()) {
          expect(Math.abs(steps[i]![j]!.score - score)).toBeLessThan((i + 1) * ERROR);
        }
      });
    }
  }));

test("a prompt that fills the context is refused; one that nearly does ends there", () =>
  withGpu(async (gpu) => {
    const { session } = await openSession(gpu);
    const long = Array.from({ length: 256 }, (_, i) => (7 * i) % 300);
    await expect(session.start(start(long))).rejects.toMatchObject({ code: "context-overflow" });
    await session.start(start(long.slice(0, 254)));
    expect(await session.next(4)).toHaveLength(2);
  }));
