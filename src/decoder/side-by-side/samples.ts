/** Samples as drafts. */
import type { Sample, SamplesSession } from "../../tree/sample-steps.ts";
import type { Growing } from "../drafts.ts";
import type { SideBySide } from "./decode-side-by-side.ts";

/** Samples on `session`, in the order of their seeds. */
export function samplesSideBySide(
  session: SamplesSession,
  seed: number,
  endOfText: ReadonlySet<number>,
): SideBySide {
  return {
    contextLength: session.contextLength,
    mostSteps: (promptTokens) => session.mostSteps(promptTokens),
    start: (prompt, maxNewTokens, signal) => session.start({ prompt, maxNewTokens, seed, signal }),
    async next(steps) {
      const samples = await session.next(steps);
      const drafts = samples.map((sample) => cut(sample, endOfText));
      return { drafts, isOver: drafts.every(({ done }) => done) };
    },
    get counts() {
      return session.counts;
    },
  };
}

/** The text up to its end: the engine draws on. */
function cut({ tokens, scores }: Sample, endOfText: ReadonlySet<number>): Growing {
  const end = tokens.findIndex((token) => endOfText.has(token));
  if (end === -1) return { tokens, score: scores.at(-1) ?? 0, done: false };
  return { tokens: tokens.slice(0, end), score: scores[end]!, done: true };
}
