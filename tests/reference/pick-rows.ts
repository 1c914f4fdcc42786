/** Each row's column with the largest number, the lowest on a tie, and what another table holds there. */
export function pickRows(
  logits: ArrayLike<number>,
  logProbabilities: ArrayLike<number>,
  vocab: number,
): { token: number; score: number }[] {
  const rows = Math.floor(logits.length / vocab);
  const picked = [];
  for (let row = 0; row < rows; row++) {
    const values = Array.from({ length: vocab }, (_, c) => logits[row * vocab + c]!);
    const largest = values.reduce((a, b) => (b > a ? b : a), -Infinity);
    const token = Math.max(values.indexOf(largest), 0);
    picked.push({ token, score: logProbabilities[row * vocab + token]! });
  }
  return picked;
}
