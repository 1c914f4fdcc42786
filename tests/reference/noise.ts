// The random numbers of shaders/shared/noise.wgsl: the same bits, then f64. PCG4D is by Jarzynski and Olano, "Hash
// Functions for GPU Rendering", JCGT 9(3), 2020.

export const TOKEN_NOISE = 0;
export const DRAFT_NOISE = 1;
export const ACCEPTANCE = 2;
export const RESIDUAL = 3;

/** The place of a draw that belongs to a node of the round's tree. */
export function drawPlace(base: number, node: number): number {
  return (Math.imul(base, 512) + node) >>> 0;
}

const lcg = (x: number) => (Math.imul(x, 1664525) + 1013904223) | 0;

/** 32 bits as a number from 0 to 2^32 - 1. */
export function randomBits(seed: number, purpose: number, place: number, token: number): number {
  let [x, y, z, w] = [lcg(token), lcg(place), lcg(seed), lcg(purpose)];
  const stir = () => {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
  };
  stir();
  [x, y, z, w] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16), w ^ (w >>> 16)];
  stir();
  return w >>> 0;
}

/** In [0, 1), a multiple of 2^-24: the upper 24 bits. Exact in f32. */
export function uniformNumber(seed: number, purpose: number, place: number, token: number): number {
  return (randomBits(seed, purpose, place, token) >>> 8) / 2 ** 24;
}

/** What the bits mean: u = (bits + 1/2) / 2^32, in (0, 1). */
export function fineUniform(seed: number, purpose: number, place: number, token: number): number {
  return (randomBits(seed, purpose, place, token) + 0.5) / 2 ** 32;
}

/** Standard Gumbel noise, -log(-log(1 - u)), from the bits that the kernels use. */
export function gumbel(seed: number, purpose: number, place: number, token: number): number {
  return -Math.log(-Math.log1p(-fineUniform(seed, purpose, place, token)));
}
