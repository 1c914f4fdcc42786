/** The structs of `shaders/shared/surprise.wgsl` as bytes. */
import { LEVEL_CAPACITY } from "./tree-layout.ts";

/** Bytes of a `RowSurprise`. */
export const ROW_SURPRISE_BYTES = 4 * 4;
/** Bytes of a `SurpriseRecord`: three arrays with a place for each of a round's tokens. */
export const SURPRISE_RECORD_BYTES = 3 * 4 * LEVEL_CAPACITY;

/** What Mirostat drew a token with. */
export interface DrawnSurprise {
  /** mu after it, in bits. */
  readonly mu: number;
  /** Its own, in bits: -log2 of its probability under the whole distribution. */
  readonly surprise: number;
  /** Tokens among which it was drawn. */
  readonly kept: number;
}

/** The first `count` tokens of the record at `index` of a ring of surprise records. */
export function decodeSurprises(ring: ArrayBuffer, index: number, count: number): DrawnSurprise[] {
  const start = index * SURPRISE_RECORD_BYTES;
  const [mu, surprise] = [0, 1].map(
    (field) => new Float32Array(ring, start + field * 4 * LEVEL_CAPACITY, LEVEL_CAPACITY),
  );
  const kept = new Uint32Array(ring, start + 8 * LEVEL_CAPACITY, LEVEL_CAPACITY);
  return Array.from({ length: count }, (_, i) => ({
    mu: mu![i]!,
    surprise: surprise![i]!,
    kept: kept[i]!,
  }));
}
