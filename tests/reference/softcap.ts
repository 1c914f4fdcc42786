/** cap tanh(x / cap) in f64. */
export function softcap(x: number, cap: number): number {
  return cap * Math.tanh(x / cap);
}
