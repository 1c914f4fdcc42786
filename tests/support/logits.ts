// Logits of a whole model against f64.
import { expect } from "vitest";

/**
 * Allowed error relative to the largest logit. A forward pass of L layers rounds each residual update a few dozen
 * times at 2^-24, and norms keep the activations at unit scale, so errors add up to some hundred units of 2^-24:
 * 2^-24 * 512 = 3e-5. A wrong position, mask or norm moves logits by whole units.
 */
export const LOGIT_ERROR = 2 ** -24 * 512;

export function expectLogits(actual: Float32Array, expected: ArrayLike<number>): void {
  const scale = Math.max(...Array.from(expected, Math.abs));
  let worst = 0;
  for (let i = 0; i < expected.length; i++)
    worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  expect(actual.length).toBe(expected.length);
  expect(worst / scale, "largest error relative to the largest logit").toBeLessThan(LOGIT_ERROR);
}
