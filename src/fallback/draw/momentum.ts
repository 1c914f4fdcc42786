/** Momentum decoding's choice, as shaders/momentum-candidates.wgsl makes it: a token that repeats meets resistance. */
import type { ResolvedMomentum } from "../../options.ts";
import { argmax, largest, logSum, type Row } from "./rows.ts";

/** The token after `text`; the more probable one on a tie. */
export function momentumToken(
  row: Row,
  text: readonly number[],
  { topK, alpha, resistance }: ResolvedMomentum,
): number {
  const sum = logSum(row);
  let best: { id: number; allowed: boolean; s: number } | undefined;
  for (const id of largest(row, topK)) {
    const p = Math.exp(Math.min(row[id]! - sum, 0));
    const length = repetitionLength(text, id, resistance.length + 1);
    const allowed = alpha === 0 || length <= resistance.length;
    const against = length === 0 || alpha === 0 ? 0 : alpha * (resistance[length - 1] ?? 0);
    // What would repeat too much is chosen only where everything would; then by probability alone.
    const one = { id, allowed, s: allowed ? p - against : p };
    const isBetter =
      best === undefined ||
      (one.allowed === best.allowed ? one.s > best.s : one.allowed && !best.allowed);
    if (isBetter) best = one;
  }
  return best?.id ?? argmax(row);
}

/** The largest n, at most `longest`, for which the text has its own last n - 1 tokens with `id` after them; 0: it has no `id`. */
function repetitionLength(text: readonly number[], id: number, longest: number): number {
  let most = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== id) continue;
    let n = 1;
    while (n < longest && n <= at && text[at - n] === text[text.length - n]) n += 1;
    most = Math.max(most, n);
  }
  return most;
}
