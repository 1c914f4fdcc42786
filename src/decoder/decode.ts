/** The loop of every linear decoder: rounds, until the text ends, is stopped or fills its room. */
import { CoppiceError, throwIfAborted } from "../errors.ts";
import type { StreamPart, TreeSnapshot } from "../stream-part.ts";
import type { ResolvedEdits } from "../options.ts";
import type { RoundOutcome, RoundSession } from "../tree/rounds.ts";
import { AdaptiveRounds } from "./adaptive/adaptive-rounds.ts";
import type { TreeChooser } from "./adaptive/tree-chooser.ts";
import type { Meter } from "./metrics.ts";
import { Output } from "./output.ts";
import { Pace } from "./pace.ts";
import { type Slide, TextWindow } from "./text-window.ts";

/** Turns ids into text as they come; a character that is not complete yet comes with a later id. */
export interface TextDecoder {
  push(id: number): string;
  /** What is left: "\uFFFD" for a character that stayed incomplete, else "". */
  end(): string;
}

export interface DecodeJob {
  /** 1..contextLength - 1 ids; any number of them with `slide`. */
  readonly prompt: readonly number[];
  /** Tokens of the text after the prompt that were written before. Default: none. */
  readonly continueFrom?: readonly number[];
  /** For a text that goes on after it has filled the context; `maxNewTokens` is given then. */
  readonly slide?: Slide;
  readonly endOfText: ReadonlySet<number>;
  readonly seed: number;
  /** Undefined: as many as the context holds. */
  readonly maxNewTokens: number | undefined;
  readonly stop: readonly string[];
  /** For a session made for edits. */
  readonly edits?: ResolvedEdits;
  readonly trees: boolean;
  readonly timings: boolean;
  /** Rounds per round trip to the GPU; undefined: `pace.ts` decides. */
  readonly roundsPerReadback: number | undefined;
  /** Milliseconds of a round trip without work. */
  readonly roundTrip: number;
  /** Chooses each group of rounds' tree, as an index into the session's plans; undefined: there is one plan or none. */
  readonly chooser: TreeChooser | undefined;
  /** Given out at the start. */
  readonly warnings: readonly string[];
  readonly text: TextDecoder;
  /** The text of a token that follows another, for display. */
  textOf(id: number, previous: number | undefined): string;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}

/** Runs one request on a session and yields its stream. Throws `aborted` within a round of the signal. */
export async function* decode(
  session: RoundSession,
  job: DecodeJob,
): AsyncGenerator<StreamPart, void> {
  const { prompt, signal, meter } = job;
  const before = job.continueFrom ?? [];
  const window = new TextWindow(prompt, session.contextLength, job.seed, job.slide);
  const forgotten = prompt.length - window.tokens.length;
  window.replay(before);
  const room = job.slide ? Infinity : window.room;
  const limit = Math.min(job.maxNewTokens ?? room, room);
  const output = new Output(job, limit);
  throwIfAborted(signal);

  const promptTokens = prompt.length + before.length;
  yield { type: "text-start", promptTokens };
  for (const message of warningsOf(session, job, room, forgotten)) {
    yield { type: "warning", message };
  }
  let mu: number | undefined;
  const start = (more: { sameText?: true } = {}) =>
    session.start({
      prompt: window.tokens,
      seed: window.seed,
      maxNewTokens: limit - output.ids.length,
      endTokens: [...job.endOfText],
      signal,
      ...(job.edits && { edits: job.edits }),
      written: before.length + output.ids.length,
      ...(mu !== undefined && { mu }),
      ...more,
    });
  // Where a text that was written before has just filled the context.
  if (window.room === 0) window.slide();
  await start();

  const pace = new Pace(job);
  let adaptive = job.chooser && new AdaptiveRounds(job.chooser, job.roundTrip);
  while (output.finishReason === undefined) {
    throwIfAborted(signal);
    if (window.room === 0) {
      window.slide();
      await start({ sameText: true });
      adaptive = job.chooser && new AdaptiveRounds(job.chooser, job.roundTrip);
    }
    const choice = adaptive?.choose();
    const most = Math.min(limit - output.ids.length, window.room, choice?.rounds ?? Infinity);
    const started = performance.now();
    const outcomes = await session.next({
      trees: job.trees,
      timed: job.timings,
      rounds: pace.rounds(most),
      ...(choice && { plan: choice.plan, confidence: choice.confidence }),
    });
    throwIfAborted(signal);
    const elapsed = performance.now() - started;
    pace.ran(outcomes.length, elapsed);
    adaptive?.ran(outcomes, elapsed);
    for (const outcome of outcomes) {
      const { kept, tokens, text } = output.take(outcome, window.room);
      window.push(outcome.tokens.slice(0, kept));
      mu = outcome.surprises?.[kept - 1]?.mu;
      meter.round(outcome, kept);
      if (outcome.tree) yield { type: "tree", tree: snapshot(outcome, job) };
      if (tokens.length > 0 || text !== "") {
        yield { type: "text-delta", text, tokens, metrics: meter.read(session.counts) };
      }
      // What the GPU did beyond a stop string or the context is nobody's.
      if (output.finishReason !== undefined || window.room === 0) break;
    }
    if (outcomes.length === 0) throw noRound();
  }

  yield {
    type: "text-end",
    result: {
      text: output.text,
      tokens: output.ids,
      finishReason: output.finishReason,
      usage: { promptTokens, completionTokens: output.ids.length },
      metrics: meter.read(session.counts),
    },
  };
}

/** What was asked for and cannot be had: `room` tokens fit, and so many of the prompt are not seen. */
function warningsOf(
  session: RoundSession,
  job: DecodeJob,
  room: number,
  forgotten: number,
): string[] {
  const warnings = [...job.warnings];
  const { contextLength } = session;
  const given = job.prompt.length + (job.continueFrom?.length ?? 0);
  if (job.maxNewTokens !== undefined && job.maxNewTokens > room) {
    warnings.push(
      `maxNewTokens is ${job.maxNewTokens}, but the context of ${contextLength} has room for ${room} after the prompt's ${given}.`,
    );
  }
  if (forgotten > 0) {
    warnings.push(
      `The prompt has ${job.prompt.length} tokens; the context holds ${contextLength}, so the model does not see ${forgotten} of them.`,
    );
  }
  if (job.timings && !session.hasTimestamps) {
    warnings.push("timings is true, but this device has no timestamps.");
  }
  return warnings;
}

/** The GPU and this loop agree on where a text ends, so a round is missing only by a fault. */
function noRound(): CoppiceError {
  return new CoppiceError(
    "internal",
    "The GPU ended the text before the decoder did.",
    "Report this with the model and the options.",
  );
}

function snapshot({ tree, path }: RoundOutcome, job: DecodeJob): TreeSnapshot {
  const { tokens, parents, depths, scores, logProbabilities } = tree!;
  return {
    tokens,
    parents,
    depths,
    scores,
    texts: tokens.map((id, node) => job.textOf(id, tokens[parents[node]!])),
    path: path ?? [0],
    ...(logProbabilities && { logProbabilities }),
  };
}
