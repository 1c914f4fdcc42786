// Texts that a model writes by Mirostat, as the surprises of their tokens.
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import type { MirostatDecoder } from "../../src/options.ts";
import { NO_EDITS } from "./edit-cases.ts";
import { roundSession, startSequence } from "./engine.ts";

export interface Writing {
  readonly target: LanguageModel;
  readonly prompts: readonly (readonly number[])[];
  readonly mirostat: MirostatDecoder;
  /** One text each; prompts take turns. */
  readonly seeds: readonly number[];
  readonly length: number;
  /** Tokens that every text starts with, whatever the model thinks of them: nothing can surprise there. Default none. */
  readonly forced?: readonly number[];
}

export interface Written {
  readonly tokens: number[];
  readonly surprises: number[];
  /** After each token. */
  readonly mus: number[];
}

export async function writeByMirostat(gpu: Gpu, writing: Writing): Promise<Written[]> {
  const { target, prompts, mirostat, seeds, length, forced } = writing;
  const rules = { mirostat, edited: forced !== undefined };
  const session = await roundSession(gpu, target, undefined, undefined, rules);
  const edits = forced && {
    ...NO_EDITS,
    forced: forced.map((id, place) => [place, id] as [number, number]),
  };
  const texts: Written[] = [];
  for (const [i, seed] of seeds.entries()) {
    await startSequence(session, prompts[i % prompts.length]!, seed, edits);
    const text: Written = { tokens: [], surprises: [], mus: [] };
    while (text.tokens.length < length) {
      const rounds = Math.min(16, length - text.tokens.length);
      for (const { tokens, surprises } of await session.next({ rounds })) {
        text.tokens.push(...tokens);
        text.surprises.push(...surprises!.map(({ surprise }) => surprise));
        text.mus.push(...surprises!.map(({ mu }) => mu));
      }
    }
    texts.push(text);
  }
  return texts;
}

/** Mean and standard error over the texts of the mean surprise of tokens `from..to - 1`. */
export function meanSurprise(texts: readonly Written[], from: number, to: number) {
  const means = texts.map(({ surprises }) => {
    const some = surprises.slice(from, to);
    return some.reduce((sum, one) => sum + one, 0) / some.length;
  });
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length;
  const squares = means.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / Math.max(1, means.length - 1) / means.length) };
}
