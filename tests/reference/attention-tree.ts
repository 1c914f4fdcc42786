/** One row's attention in f64: what it weighs, and the weighted sum. */
export interface AttentionRow {
  /** q k_l / sqrt(headDim) per head and logical index, `[heads][keys]`. */
  readonly scores: number[][];
  /** softmax of the scores, `[heads][keys]`. */
  readonly chances: number[][];
  /** `[heads * headDim]`. */
  readonly out: Float64Array<ArrayBuffer>;
}

export interface AttentionSize {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly slots: number;
  /** Scores are q k / sqrt(queryScalar). Default: headDim. */
  readonly queryScalar?: number | undefined;
  /** Scores become cap tanh(score / cap). */
  readonly cap?: number | undefined;
}

/** `q` is [heads, headDim], `kv` is [2, slots, kvHeads, headDim], `keySlots` are the slots it may see, in order. */
export function attentionRow(
  q: ArrayLike<number>,
  kv: ArrayLike<number>,
  keySlots: readonly number[],
  { heads, kvHeads, headDim, slots, queryScalar = headDim, cap }: AttentionSize,
): AttentionRow {
  const out = new Float64Array(heads * headDim);
  const scores: number[][] = [];
  const chances: number[][] = [];
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads));
    const at = (slot: number, i: number): number => (slot * kvHeads + kvHead) * headDim + i;
    const row = keySlots.map((slot) => {
      let dot = 0;
      for (let i = 0; i < headDim; i++) dot += q[head * headDim + i]! * kv[at(slot, i)]!;
      const score = dot / Math.sqrt(queryScalar);
      return cap === undefined ? score : cap * Math.tanh(score / cap);
    });
    const highest = Math.max(...row);
    const powers = row.map((score) => Math.exp(score - highest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const share = powers.map((power) => power / total);
    keySlots.forEach((slot, l) => {
      for (let i = 0; i < headDim; i++)
        out[head * headDim + i]! += share[l]! * kv[at(slots + slot, i)]!;
    });
    scores.push(row);
    chances.push(share);
  }
  return { scores, chances, out };
}

/** The slots of the prefix, then of the node's ancestors and itself, following parents; -1 ends the walk. */
export function keySlots(base: number, node: number, parent: readonly number[]): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = parent[at]!) path.unshift(base + at);
  return [...Array.from({ length: base }, (_, l) => l), ...path];
}
