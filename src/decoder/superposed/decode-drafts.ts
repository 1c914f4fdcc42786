/** The loop of the superposed decoder: steps, until every draft ended or they are as long as they may be. */
import { CoppiceError, throwIfAborted } from "../../errors.ts";
import type { DraftsPart } from "../../stream-part.ts";
import type { ScaledSection, SuperposedSession } from "../../tree/superposed-steps.ts";
import type { TextDecoder } from "../decode.ts";
import { Clock, draftsMetrics, type Growing, showDraft } from "../drafts.ts";
import { Pace } from "../pace.ts";
import { DraftSet } from "./draft-set.ts";
import type { ResolvedReset } from "./options.ts";

export interface DraftsJob {
  /** 1..contextLength - 1 ids: the prompt, and the drafts that were accepted after it. */
  readonly prompt: readonly number[];
  /** The last draft that was accepted ended the text: there is nothing more. */
  readonly isOver: boolean;
  readonly drafts: number;
  /** Tokens per draft. */
  readonly steps: number;
  readonly reset: ResolvedReset | undefined;
  readonly seed: number;
  readonly endOfText: ReadonlySet<number>;
  /** The n-grams of this text, from one position on: they grow with it. */
  readonly ngramsOf: (ids: readonly number[]) => readonly ScaledSection[];
  readonly roundsPerReadback: number | undefined;
  /** Milliseconds of a round trip without work. */
  readonly roundTrip: number;
  readonly warnings: readonly string[];
  /** Turns ids that follow the prompt into text. */
  readonly textDecoder: () => TextDecoder;
  /** When the request came, by `performance.now`. */
  readonly requestedAt: number;
  readonly signal: AbortSignal;
}

/** Runs one request on a session and yields its stream. Throws `aborted` within a readback of the signal. */
export async function* decodeDrafts(
  session: SuperposedSession,
  job: DraftsJob,
): AsyncGenerator<DraftsPart, void> {
  const { prompt, signal } = job;
  const room = session.contextLength - prompt.length;
  const limit = Math.min(job.steps, room);
  throwIfAborted(signal);
  yield { type: "text-start", promptTokens: prompt.length };
  for (const message of job.warnings) yield { type: "warning", message };
  if (job.steps > room) {
    const message = `Drafts of ${job.steps} tokens are wanted, but the context of ${session.contextLength} has room for ${room} after the prompt's ${prompt.length}.`;
    yield { type: "warning", message };
  }

  const set = new DraftSet(job.drafts);
  const clock = new Clock(job.requestedAt);
  const pace = new Pace({ ...job, trees: false });
  const startAt = (ids: readonly number[], steps: number) => ({
    prompt: ids,
    steps,
    endTokens: [...job.endOfText],
    ngrams: job.ngramsOf(ids),
    signal,
  });
  if (!job.isOver) await session.start(startAt(prompt, limit));
  let steps = 0;
  let isOver = job.isOver;
  while (steps < limit && !isOver) {
    throwIfAborted(signal);
    // A reset needs to know the drafts, so no readback goes beyond it.
    const untilReset = job.reset ? job.reset.every - (steps % job.reset.every) : Infinity;
    const wanted = Math.min(pace.rounds(limit - steps), untilReset);
    const started = performance.now();
    const taken = await session.next(wanted);
    throwIfAborted(signal);
    pace.ran(taken.length, performance.now() - started);
    if (taken.length === 0) throw noStep();
    for (const choices of taken) {
      set.take(choices);
      steps += 1;
      clock.step();
      const metrics = draftsMetrics(session.counts, clock, steps);
      yield {
        type: "drafts",
        drafts: set.ranking().map((draft) => showDraft(draft, job.textDecoder)),
        metrics,
      };
    }
    isOver = set.live.length === 0;
    if (job.reset && !isOver && steps < limit && steps % job.reset.every === 0) {
      const pick = pickOf(set, job.reset, job.seed, steps);
      set.restart(pick);
      await session.restart(startAt([...prompt, ...pick.tokens], limit - steps));
    }
  }

  const ended = { tokens: [], score: 0, done: true };
  const drafts = job.isOver ? [ended] : set.ranking();
  yield {
    type: "text-end",
    result: {
      drafts: drafts.map((draft) => showDraft(draft, job.textDecoder)),
      finishReason: isOver ? "end-of-text" : "length",
      usage: { promptTokens: prompt.length, completionTokens: steps },
      metrics: draftsMetrics(session.counts, clock, steps),
    },
  };
}

/** The live draft that goes on alone after a reset. */
function pickOf(set: DraftSet, { pick }: ResolvedReset, seed: number, step: number): Growing {
  if (pick === "best") return set.live[0]!;
  let left = uniformNumber(seed, step);
  const found = set.shares().findIndex((share) => (left -= share) < 0);
  return set.live[found === -1 ? 0 : found]!;
}

/** A number in [0, 1) for a seed and a place: murmur3's finaliser, twice. */
function uniformNumber(seed: number, place: number): number {
  const mix = (x: number): number => {
    let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  return mix(mix(seed + 0x9e3779b9) + place) / 2 ** 32;
}

/** The GPU ends drafts where this loop does, so a step is missing only by a fault. */
function noStep(): CoppiceError {
  return new CoppiceError(
    "internal",
    "The GPU ended the drafts before the decoder did.",
    "Report this with the model and the options.",
  );
}
