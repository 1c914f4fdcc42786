// The ways to three continuations: superposed drafts, with and without n-grams, beams, and samples.
import { readFileSync } from "node:fs";
import { resolveStages } from "../../src/decoder/sampling-options.ts";
import { DraftSet } from "../../src/decoder/superposed/draft-set.ts";
import { parseTable } from "../../src/decoder/superposed/ngram-file.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import { SUPERPOSED_DEFAULTS } from "../../src/options.ts";
import { GpuBeamSession, GpuSamplesSession, GpuSuperposedSession } from "../../src/tree/index.ts";
import { scale } from "../../src/worker/host-ngrams.ts";
import { treeSession } from "../../tests/support/engine.ts";

export const DRAFTS = 3;
export const TOKENS = 10;

export interface Method {
  readonly name: string;
  readonly passesPerToken: number;
  readonly rowsPerToken: number;
  drafts(prompt: readonly number[]): Promise<readonly (readonly number[])[]>;
}

const TABLE = new URL("../../models/tales/target/ngrams.bin", import.meta.url);

export async function methods(gpu: Gpu, target: LanguageModel): Promise<readonly Method[]> {
  return [
    await superposed(gpu, target, "superposed, n-grams of the pair", SUPERPOSED_DEFAULTS.alpha),
    await superposed(gpu, target, "superposed, no n-grams", 0),
    beams(gpu, target, 1),
    beams(gpu, target, DRAFTS),
    samples(gpu, target),
  ];
}

async function superposed(
  gpu: Gpu,
  target: LanguageModel,
  name: string,
  alpha: number,
): Promise<Method> {
  const { vocabSize } = target.config;
  const { candidatesPerDraft, temperature, lambdas } = SUPERPOSED_DEFAULTS;
  const sections = parseTable("ngrams.bin", new Uint8Array(readFileSync(TABLE)), vocabSize);
  const session = await GpuSuperposedSession.create(gpu, gpu.buffers.child("superposed"), {
    target: treeSession(gpu, target),
    drafts: DRAFTS,
    candidates: candidatesPerDraft * DRAFTS,
    alpha,
    temperature,
    ngrams: alpha > 0 ? scale(sections, 1, lambdas) : [],
    takesMore: false,
  });
  return {
    name,
    passesPerToken: 1 / DRAFTS,
    rowsPerToken: 1 / DRAFTS,
    async drafts(prompt) {
      await session.start({ prompt, steps: TOKENS, endTokens: [], ngrams: [] });
      const set = new DraftSet(DRAFTS);
      for (let steps = 0; steps < TOKENS;) {
        const taken = await session.next(TOKENS - steps);
        taken.forEach((choices) => set.take(choices));
        steps += taken.length;
      }
      return set.ranking().map(({ tokens }) => tokens);
    },
  };
}

/** One beam is greedy decoding: a single draft. */
function beams(gpu: Gpu, target: LanguageModel, width: number): Method {
  const session = new GpuBeamSession(gpu, gpu.buffers.child("beams"), treeSession(gpu, target), {
    groups: 1,
    width,
    ends: 0,
    lengthPenalty: 1,
    earlyStopping: false,
    diversity: 0,
  });
  return {
    name: width === 1 ? "greedy, one draft" : `${width} exact beams`,
    passesPerToken: 1 / width,
    rowsPerToken: 1,
    async drafts(prompt) {
      await session.start({ prompt, maxNewTokens: TOKENS, endTokens: [] });
      const { groups } = await session.next(TOKENS);
      return groups[0]!.finished.map(({ tokens }) => tokens);
    },
  };
}

function samples(gpu: Gpu, target: LanguageModel): Method {
  const stages = resolveStages("stages", { temperature: 1, topP: 0.9 });
  const shape = { count: DRAFTS, stages };
  const session = new GpuSamplesSession(
    gpu,
    gpu.buffers.child("samples"),
    treeSession(gpu, target),
    shape,
  );
  let seed = 0;
  return {
    name: `${DRAFTS} samples, top-p 0.9`,
    passesPerToken: 1 / DRAFTS,
    rowsPerToken: 1,
    async drafts(prompt) {
      await session.start({ prompt, maxNewTokens: TOKENS, seed: (seed += DRAFTS) });
      return (await session.next(TOKENS)).map(({ tokens }) => tokens);
    },
  };
}
