/** Rows as they are. */
export function copyRows(logits: ArrayLike<number>): number[] {
  return Array.from(logits);
}
