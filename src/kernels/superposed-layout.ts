/** The structs of superposed drafts as bytes, for TypeScript; a test compares them with the structs' text. */
import { layout } from "./tree-layout.ts";

/** Drafts that one chain can carry. */
export const MOST_DRAFTS = 10;
/** Tokens a step can choose from. */
export const MOST_CANDIDATES = 64;
/** Pairs of an n-gram source and an order. */
export const MOST_SECTIONS = 40;
/** Tokens that are kept of each draft's end: one less than the highest order of n-grams. */
export const TAIL = 5;
/** Records in the ring of steps. */
export const RING_STEPS = 32;

const MOST_CHOSEN = 2 * MOST_DRAFTS;
const SECTION_WORDS = 8;

export const DRAFTS = layout({
  live: 1,
  tail_length: 1,
  token: MOST_DRAFTS,
  weight: MOST_DRAFTS,
  score: MOST_DRAFTS,
  tail: MOST_DRAFTS * TAIL,
});
export const CHOICE = layout({ token: 1, parent: 1, score: 1, fate: 1 });
export const STEP_RECORD = layout({
  stamp: 1,
  count: 1,
  choices: (MOST_CHOSEN * CHOICE.bytes) / 4,
});

/** The state at a start: one draft, which ends in the prompt's last tokens. */
export function encodeDrafts(prompt: readonly number[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(DRAFTS.bytes / 4);
  const tail = prompt.slice(-TAIL);
  words[DRAFTS.offsets.live / 4] = 1;
  words[DRAFTS.offsets.tail_length / 4] = tail.length;
  words[DRAFTS.offsets.token / 4] = tail.at(-1) ?? 0;
  new Float32Array(words.buffer)[DRAFTS.offsets.weight / 4] = 1;
  words.set(tail, DRAFTS.offsets.tail / 4);
  return words;
}

/** What became of a choice: below the first k, among them, or at an end of the text. */
export type Fate = "dropped" | "live" | "ended";

const FATES = ["dropped", "live", "ended"] as const satisfies readonly Fate[];

/** One of the best 2k continuations of a step. */
export interface Choice {
  readonly token: number;
  /** Which of the drafts before the step it continues. */
  readonly parent: number;
  /** Nats since the start. */
  readonly score: number;
  readonly fate: Fate;
}

/** The choices of step `step`, best first; undefined where the record at `index` is not that step's. */
export function decodeStepRecord(
  ring: ArrayBuffer,
  index: number,
  step: number,
): Choice[] | undefined {
  const start = index * STEP_RECORD.bytes;
  const words = new Uint32Array(ring, start, STEP_RECORD.bytes / 4);
  const numbers = new Float32Array(ring, start, STEP_RECORD.bytes / 4);
  const { offsets } = STEP_RECORD;
  if (words[offsets.stamp / 4] !== step + 1) return undefined;
  return Array.from({ length: words[offsets.count / 4]! }, (_, i) => {
    const at = (offsets.choices + i * CHOICE.bytes) / 4;
    return {
      token: words[at]!,
      parent: words[at + 1]!,
      score: numbers[at + 2]!,
      fate: FATES[words[at + 3]!]!,
    };
  });
}

/** N-grams of one order: contexts in ascending order, token by token, and what follows each, by token id. */
export interface NgramSection {
  /** Tokens of a context: the order less one, 1..5. */
  readonly length: number;
  /** `[contexts, length]`, oldest token first. */
  readonly keys: ArrayLike<number>;
  /** `[contexts + 1]`: context i owns entries `starts[i]` up to `starts[i + 1]`. */
  readonly starts: ArrayLike<number>;
  /** `[entries]`, ascending within a context. */
  readonly tokens: ArrayLike<number>;
  /** `[entries]`: the token's share of what followed the context. */
  readonly shares: ArrayLike<number>;
}

/** A section, and what its shares count for in the sum. */
export interface ScaledSection {
  readonly section: NgramSection;
  readonly scale: number;
}

/** Words that `encodeSections` writes after the header of `MOST_SECTIONS` sections. */
export function sectionWords({ keys, starts, tokens, shares }: NgramSection): number {
  return keys.length + starts.length + tokens.length + shares.length;
}

/** Words of the header. */
export const SECTIONS_HEADER = 1 + MOST_SECTIONS * SECTION_WORDS;

/**
 * Sections as `superpose-step` reads them: the header, which has room for the most sections there can be, and the
 * arrays, which begin `at` words from the start of the buffer.
 */
export function encodeSections(
  sections: readonly ScaledSection[],
  at = SECTIONS_HEADER,
): { header: Uint32Array<ArrayBuffer>; arrays: Uint32Array<ArrayBuffer> } {
  const header = new Uint32Array(SECTIONS_HEADER);
  const total = sections.reduce((sum, { section }) => sum + sectionWords(section), 0);
  const arrays = new Uint32Array(total);
  const numbers = new Float32Array(arrays.buffer);
  const scales = new Float32Array(header.buffer);
  header[0] = sections.length;
  let end = 0;
  const put = (values: ArrayLike<number>, into: Uint32Array | Float32Array) => {
    into.set(values, end);
    end += values.length;
    return at + end - values.length;
  };
  for (const [i, { section, scale }] of sections.entries()) {
    const { length, keys, starts, tokens, shares } = section;
    const head = 1 + i * SECTION_WORDS;
    header[head] = length;
    scales[head + 1] = scale;
    header[head + 2] = starts.length - 1;
    header[head + 3] = put(keys, arrays);
    header[head + 4] = put(starts, arrays);
    header[head + 5] = put(tokens, arrays);
    header[head + 6] = put(shares, numbers);
  }
  return { header, arrays };
}
