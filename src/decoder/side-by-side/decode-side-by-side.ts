/** The loop of decoders whose texts grow side by side: steps, until all have ended or are as long as they may be. */
import { throwIfAborted } from "../../errors.ts";
import type { DraftsPart } from "../../stream-part.ts";
import type { RoundCounts } from "../../tree/rounds.ts";
import type { TextDecoder } from "../decode.ts";
import { Clock, draftsMetrics, type Growing, showDraft } from "../drafts.ts";
import { Pace } from "../pace.ts";

/** The drafts after some steps, in the order they are shown in, and whether that is all. */
export interface Step {
  readonly drafts: readonly Growing[];
  readonly isOver: boolean;
}

/** What the loop needs of a session, whatever it searches or draws. */
export interface SideBySide {
  readonly contextLength: number;
  mostSteps(promptTokens: number): number;
  start(prompt: readonly number[], maxNewTokens: number, signal: AbortSignal): Promise<void>;
  next(steps: number): Promise<Step>;
  readonly counts: RoundCounts;
}

export interface SideBySideJob {
  /** 1..contextLength - 1 ids: the prompt, and the drafts that were accepted after it. */
  readonly prompt: readonly number[];
  /** The last draft that was accepted ended the text: there is nothing more. */
  readonly isOver: boolean;
  /** Undefined: as many as there is room for. */
  readonly maxNewTokens: number | undefined;
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

/** Runs one request and yields its stream. Throws `aborted` within a readback of the signal. */
export async function* decodeSideBySide(
  session: SideBySide,
  job: SideBySideJob,
): AsyncGenerator<DraftsPart, void> {
  const { prompt, signal, maxNewTokens } = job;
  const room = session.mostSteps(prompt.length);
  const limit = Math.min(maxNewTokens ?? room, room);
  throwIfAborted(signal);
  yield { type: "text-start", promptTokens: prompt.length };
  for (const message of job.warnings) yield { type: "warning", message };
  if (maxNewTokens !== undefined && maxNewTokens > room) {
    const message = `maxNewTokens is ${maxNewTokens}, but side by side there is room for ${room} after the prompt's ${prompt.length}, in a context of ${session.contextLength}.`;
    yield { type: "warning", message };
  }

  const clock = new Clock(job.requestedAt);
  const pace = new Pace({ ...job, trees: false });
  let steps = 0;
  let { drafts, isOver }: Step = {
    drafts: [{ tokens: [], score: 0, done: job.isOver }],
    isOver: job.isOver,
  };
  if (!isOver) await session.start(prompt, limit, signal);
  while (steps < limit && !isOver) {
    throwIfAborted(signal);
    const wanted = pace.rounds(limit - steps);
    const started = performance.now();
    ({ drafts, isOver } = await session.next(wanted));
    throwIfAborted(signal);
    pace.ran(wanted, performance.now() - started);
    steps += wanted;
    clock.step();
    const shown = drafts.map((draft) => showDraft(draft, job.textDecoder));
    yield { type: "drafts", drafts: shown, metrics: draftsMetrics(session.counts, clock, steps) };
  }

  yield {
    type: "text-end",
    result: {
      drafts: drafts.map((draft) => showDraft(draft, job.textDecoder)),
      finishReason: drafts.every(({ done }) => done) ? "end-of-text" : "length",
      usage: { promptTokens: prompt.length, completionTokens: steps },
      metrics: draftsMetrics(session.counts, clock, steps),
    },
  };
}
