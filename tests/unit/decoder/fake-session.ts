// A sequence whose rounds are written down beforehand, and a text that spells ids as letters.
import type { TextDecoder } from "../../../src/decoder/decode.ts";
import { decode, type DecodeJob } from "../../../src/decoder/decode.ts";
import { Meter } from "../../../src/decoder/metrics.ts";
import type { GenerateResult, StreamPart } from "../../../src/stream-part.ts";
import type {
  NextOptions,
  PathStep,
  RoundCounts,
  RoundOutcome,
  RoundSession,
  SequenceStart,
} from "../../../src/tree/rounds.ts";

/** A round written as what it gave: by default the last token is the target's own after `tokens - 1` accepted. */
export function round(tokens: number[], fields: Partial<RoundOutcome> = {}): RoundOutcome {
  const accepted = tokens.length - 1;
  const steps = tokens.slice(1).map(() => step());
  const sureness = tokens.map(() => 0.5);
  const shape = { leaf: false, nodes: 8, depth: 3, draftPasses: 3 };
  return { tokens, accepted, ...shape, steps, sureness, ...fields };
}

/** A token that so many siblings stood before, and no surer node of its level. */
export function step(rank = 0): PathStep {
  return { rank, place: 1, placeInLevel: 0 };
}

/** A round without speculation. */
export function plain(token: number): RoundOutcome {
  return round([token], { nodes: 1, depth: 0, draftPasses: 0, leaf: true, sureness: [0] });
}

export class FakeSession implements RoundSession {
  readonly contextLength: number;
  readonly hasTimestamps = false;
  readonly #script: readonly RoundOutcome[];
  prompt: readonly number[] | undefined;
  started: SequenceStart | undefined;
  /** All of them: a text that slides starts again. */
  readonly starts: SequenceStart[] = [];
  /** Rounds that each call of `next` asked for. */
  readonly asked: number[] = [];
  /** Plans that each call of `next` named. */
  readonly plans: (number | "plain" | undefined)[] = [];
  /** What each call of `next` wanted trees ranked with. */
  readonly confidences: (number | undefined)[] = [];
  rounds = 0;
  /** Runs before each round, with its index. */
  onRound: (index: number) => void | Promise<void> = () => undefined;

  constructor(script: readonly RoundOutcome[], contextLength = 64) {
    this.#script = script;
    this.contextLength = contextLength;
  }

  get counts(): RoundCounts {
    return {
      submits: this.rounds + 2,
      readbacks: this.rounds,
      targetForwards: this.rounds + 1,
      draftForwards: 0,
      dispatchesPerLayer: 5,
      dispatchesPerRound: 24,
      gpuBytes: 1000,
    };
  }

  start(start: SequenceStart): Promise<void> {
    this.prompt = start.prompt;
    this.started = start;
    this.starts.push(start);
    // A text that goes on goes on in the script.
    if (!start.sameText) this.rounds = 0;
    return Promise.resolve();
  }

  async next(options: NextOptions = {}): Promise<readonly RoundOutcome[]> {
    const outcomes: RoundOutcome[] = [];
    this.asked.push(options.rounds ?? 1);
    this.plans.push(options.plan);
    this.confidences.push(options.confidence);
    for (let i = 0; i < (options.rounds ?? 1); i++) {
      await this.onRound(this.rounds);
      const outcome = this.#script[this.rounds % this.#script.length]!;
      this.rounds += 1;
      const { tree, path, ...rest } = outcome;
      outcomes.push(options.trees && tree && path ? outcome : rest);
    }
    return outcomes;
  }
}

/** Spells 0, 1, 2, ... as a, b, c, ...; 100 and 101 are the halves of a character. */
export function letters(): TextDecoder {
  let half = false;
  return {
    push(id) {
      if (id === 100) {
        half = true;
        return "";
      }
      half = false;
      return id === 101 ? "é" : spell(id);
    },
    end: () => (half ? "\uFFFD" : ""),
  };
}

export function spell(id: number): string {
  return String.fromCharCode(97 + id);
}

/** Ids of a word: the inverse of `spell`. */
export function ids(word: string): number[] {
  return [...word].map((letter) => letter.charCodeAt(0) - 97);
}

export const END = 99;

export function job(fields: Partial<DecodeJob> = {}): DecodeJob {
  return {
    prompt: [1, 2, 3],
    endOfText: new Set([END]),
    seed: 0,
    maxNewTokens: undefined,
    stop: [],
    trees: false,
    timings: false,
    roundsPerReadback: 1,
    roundTrip: 1,
    chooser: undefined,
    warnings: [],
    text: letters(),
    textOf: spell,
    meter: new Meter(0, 0.1, () => 0),
    signal: new AbortController().signal,
    ...fields,
  };
}

/** Runs to the end. */
export async function run(
  session: RoundSession,
  fields: Partial<DecodeJob> = {},
): Promise<{ parts: StreamPart[]; result: GenerateResult }> {
  const parts: StreamPart[] = [];
  for await (const part of decode(session, job(fields))) parts.push(part);
  const last = parts.at(-1);
  if (last?.type !== "text-end") throw new Error("the stream has no end");
  return { parts, result: last.result };
}

export function deltas(parts: readonly StreamPart[]): (StreamPart & { type: "text-delta" })[] {
  return parts.filter((part) => part.type === "text-delta");
}
