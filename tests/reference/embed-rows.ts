/** Where a row stands: the four words that `rows` holds. */
export interface ReferenceRow {
  readonly node: number;
  readonly base: number;
  readonly position: number;
  readonly slot: number;
}

export interface EmbedInput {
  readonly control: { readonly base: number; readonly pending: number; readonly previous: number };
  readonly tree: { readonly token: readonly number[]; readonly depth: readonly number[] };
  readonly table: ArrayLike<number>; // [vocab, hidden]
  readonly hidden: number;
  readonly rows: number;
  readonly rowStart: number;
  readonly lag: number;
}

/** x and rows of one pass. Words wrap around like the GPU's, so a base of -1 is 2^32 - 1. */
export function embedRows(input: EmbedInput): {
  x: Float64Array<ArrayBuffer>;
  rows: ReferenceRow[];
} {
  const { control, tree, table, hidden, rowStart, lag } = input;
  const x = new Float64Array(input.rows * hidden);
  const word = (value: number): number => value >>> 0;
  const rows = Array.from({ length: input.rows }, (_, r) => {
    const node = rowStart + r;
    let token = tree.token[node]!;
    if (node < lag) token = control.previous;
    else if (node === lag) token = control.pending;
    for (let c = 0; c < hidden; c++) x[r * hidden + c] = table[token * hidden + c]!;
    const base = control.base - lag;
    return {
      node,
      base: word(base),
      position: word(base + tree.depth[node]!),
      slot: word(base + node),
    };
  });
  return { x, rows };
}
