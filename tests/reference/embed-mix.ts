export interface MixInput {
  readonly tokens: readonly number[];
  readonly weights: readonly number[];
  readonly table: ArrayLike<number>; // [vocab, hidden]
  readonly hidden: number;
}

/** The weighted sum of the tokens' rows, and of their magnitudes. */
export function embedMix({ tokens, weights, table, hidden }: MixInput): {
  x: number[];
  magnitudes: number[];
} {
  const sum = (c: number, of: (value: number) => number): number =>
    tokens.reduce((total, token, i) => total + of(weights[i]! * table[token * hidden + c]!), 0);
  const columns = Array.from({ length: hidden }, (_, c) => c);
  return {
    x: columns.map((c) => sum(c, (value) => value)),
    magnitudes: columns.map((c) => sum(c, Math.abs)),
  };
}
