/** A beam search as drafts. */
import type { Beam, BeamOutcome, BeamSession } from "../../tree/beam-steps.ts";
import type { Growing } from "../drafts.ts";
import type { SideBySide, Step } from "./decode-side-by-side.ts";

interface Ranked extends Growing {
  /** What beams are ranked by: their score over length to the power of the length penalty. */
  readonly rank: number;
}

/** Beams on `session`: the best first. `endTokens`: as many as the session was made for. */
export function beamsSideBySide(
  session: BeamSession,
  lengthPenalty: number,
  endTokens: readonly number[],
): SideBySide {
  return {
    contextLength: session.contextLength,
    mostSteps: (promptTokens) => session.mostSteps(promptTokens),
    start: (prompt, maxNewTokens, signal) =>
      session.start({ prompt, maxNewTokens, endTokens, signal }),
    next: async (steps) => ranking(await session.next(steps), lengthPenalty, endTokens),
    get counts() {
      return session.counts;
    },
  };
}

function ranking(outcome: BeamOutcome, lengthPenalty: number, endTokens: readonly number[]): Step {
  const running = ({ tokens, score }: Beam): Ranked => {
    return { tokens, score, done: false, rank: score / tokens.length ** lengthPenalty };
  };
  const finished = ({ tokens, score }: Beam): Ranked => {
    const done = endTokens.includes(tokens.at(-1)!);
    return {
      tokens: done ? tokens.slice(0, -1) : tokens,
      score: score * tokens.length ** lengthPenalty,
      done,
      rank: score,
    };
  };
  const drafts = outcome.groups.flatMap((group) => [
    ...group.finished.map(finished),
    // A search that is over is over for those that were still running.
    ...(outcome.done ? [] : group.running.map(running)),
  ]);
  return { drafts: drafts.sort((a, b) => b.rank - a.rank), isOver: outcome.done };
}
