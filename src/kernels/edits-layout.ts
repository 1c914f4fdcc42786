/** The structs of `shaders/shared/edits.wgsl` as bytes. */
import type { ResolvedEdits } from "../options.ts";

const HEADER_WORDS = 11;
const ENTRY_WORDS = 2;
const ALL = 0xffffffff;

/** Bytes of an `Edits` with room for this many entries. */
export function editsBytes(entries: number): number {
  return (HEADER_WORDS + ENTRY_WORDS * entries) * 4;
}

/**
 * An `Edits` for a text whose new tokens begin at position `promptLength` and that `endTokens` end. Below 0 where the first
 * new tokens are not among those on the GPU: the kernel counts modulo 2^32.
 */
export function encodeEdits(
  edits: ResolvedEdits,
  promptLength: number,
  endTokens: readonly number[],
): Uint32Array<ArrayBuffer> {
  const { biases, banned, forced, window, minNewTokens, noRepeatNgram } = edits;
  const bits = new Uint32Array(Float32Array.from(biases, ([, amount]) => amount).buffer);
  const ends = minNewTokens > 0 ? endTokens : [];
  const entries = [
    ...biases.map(([id], i) => [id, bits[i]!]),
    ...[...banned, ...ends].map((id) => [id, 0]),
    ...forced,
  ];
  // WebGPU wants room for one entry at least.
  const words = new Uint32Array(editsBytes(Math.max(1, entries.length)) / 4);
  words.set([promptLength, minNewTokens, noRepeatNgram, window === 0 ? ALL : window]);
  new Float32Array(words.buffer).set([edits.repetition, edits.presence, edits.frequency], 4);
  words.set([biases.length, banned.length, ends.length, forced.length], 7);
  words.set(entries.flat(), HEADER_WORDS);
  return words;
}

/** Bytes of a `Seen`. */
export const SEEN_BYTES = 8;

/** What the last `window` of `tokens` (0: all) say of every id: `[vocab]` of `Seen`. */
export function encodeSeen(
  tokens: readonly number[],
  window: number,
  vocab: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * vocab);
  const start = window === 0 ? 0 : Math.max(0, tokens.length - window);
  for (let position = start; position < tokens.length; position++) {
    const at = 2 * tokens[position]!;
    words[at]! += 1;
    words[at + 1] = position;
  }
  return words;
}
