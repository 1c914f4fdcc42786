/** Sorts numbers from large to small. Not `b - a`, which is NaN for two infinities. */
export function compareDown(a: number, b: number): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}
