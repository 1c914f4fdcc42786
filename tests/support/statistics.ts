// Tests of samples against a law. Bounds are for a chance of about 1e-6 per test that a right sample fails.

/** Standard deviations that a sum of many independent numbers may be off. */
export const SIGMAS = 5;

/** Kolmogorov's distance between a sample and a law, times the square root of the sample's size. */
export function kolmogorov(sample: ArrayLike<number>, law: (x: number) => number): number {
  const sorted = Float64Array.from(sample).sort();
  let distance = 0;
  sorted.forEach((x, i) => {
    const p = law(x);
    distance = Math.max(distance, p - i / sorted.length, (i + 1) / sorted.length - p);
  });
  return distance * Math.sqrt(sorted.length);
}

/** 2 exp(-2 x^2) is the chance that `kolmogorov` exceeds x. */
export const KOLMOGOROV_BOUND = 2.7;

/** Correlation of two samples, in standard deviations from none. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]!, b[i]!];
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const covariance = sab - (sa * sb) / n;
  return (covariance / Math.sqrt((saa - (sa * sa) / n) * (sbb - (sb * sb) / n))) * Math.sqrt(n);
}

/** Of all pairs of a bit of `a` and a bit of `b`: how far the most dependent one is from chance, in standard deviations. */
export function worstBitPair(a: Uint32Array, b: Uint32Array): number {
  let worst = 0;
  for (let turn = 0; turn < 32; turn++) {
    const ones = new Int32Array(32);
    for (let i = 0; i < a.length; i++) {
      const word = b[i]!;
      const differing = a[i]! ^ ((word << turn) | (turn ? word >>> (32 - turn) : 0));
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (differing >>> bit) & 1;
    }
    for (const count of ones)
      worst = Math.max(worst, Math.abs(2 * count - a.length) / Math.sqrt(a.length));
  }
  return worst;
}
