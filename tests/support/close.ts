// Comparison of a kernel's output with its f64 reference, within a derived tolerance (docs/numerics.md).

/** Allowed error of one element; absolute. */
export type Tolerance = (index: number) => number;

interface Mismatch {
  readonly index: number;
  readonly expected: number;
  readonly actual: number;
  readonly allowed: number;
}

/** Elements that are further from the reference than allowed, or are not finite. */
export function mismatches(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Mismatch[] {
  if (actual.length !== expected.length)
    throw new Error(`${actual.length} elements, expected ${expected.length}`);
  const found: Mismatch[] = [];
  for (let index = 0; index < expected.length; index++) {
    const allowed = tolerance(index);
    // Written so that a NaN on any side is a mismatch.
    const close = Math.abs(actual[index]! - expected[index]!) <= allowed;
    if (!close) found.push({ index, expected: expected[index]!, actual: actual[index]!, allowed });
  }
  return found;
}

/** Throws with the first five mismatches; `what` names the case. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what: string,
): void {
  const found = mismatches(actual, expected, tolerance);
  if (found.length === 0) return;
  const lines = found.slice(0, 5).map(({ index, expected: want, actual: got, allowed }) => {
    const error = Math.abs(got - want);
    return `  [${index}] expected ${want}, got ${got}: off by ${error.toPrecision(3)} = ${units(error, want)} ulp, allowed ${allowed.toPrecision(3)}`;
  });
  const more = found.length > 5 ? [`  and ${found.length - 5} more`] : [];
  throw new Error(
    [`${what}: ${found.length} of ${expected.length} elements off`, ...lines, ...more].join("\n"),
  );
}

/** `error` in units in the last place of an f32 near `value`. */
function units(error: number, value: number): string {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(value))));
  return (error / 2 ** (exponent - 23)).toPrecision(3);
}

/** Number of elements whose bits differ. */
export function differingBits(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} elements, expected ${b.length}`);
  const [left, right] = [a, b].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
  return left!.reduce((count, word, i) => count + (word === right![i] ? 0 : 1), 0);
}
