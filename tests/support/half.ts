// f16 and bf16 by arithmetic on values, not on bits: an oracle for the library's bit tricks.

/** `x` rounded to a float with `bits` explicit mantissa bits and smallest normal exponent `low`, half to even. */
function roundTo(x: number, bits: number, low: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  let exponent = Math.floor(Math.log2(Math.abs(x)));
  if (2 ** exponent > Math.abs(x)) exponent -= 1;
  const unit = 2 ** (Math.max(exponent, low) - bits);
  const scaled = Math.abs(x) / unit;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  // The sign last: a tiny negative number becomes -0.
  return Math.sign(x) * (floor + (up ? 1 : 0)) * unit;
}

/** `x` rounded to f16, half to even; beyond 65,519.99 it becomes infinite. */
export function roundToF16(x: number): number {
  const y = roundTo(x, 10, -14);
  return Math.abs(y) > 65504 ? Math.sign(x) * Infinity : y;
}

/** `x` rounded to bf16, half to even (far from its overflow). */
export function roundToBf16(x: number): number {
  return roundTo(x, 7, -126);
}

/** The bits of a value that f16 holds exactly. */
export function f16Bits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (size === Infinity) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | Math.round(size / 2 ** -24);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent -= 1;
  return sign | ((exponent + 15) << 10) | Math.round((size / 2 ** exponent - 1) * 1024);
}

/** The value of f16 bits. */
export function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
