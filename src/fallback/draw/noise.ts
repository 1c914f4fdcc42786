/**
 * The noise that tokens are drawn with: shaders/shared/noise.wgsl, by the same keys and to the same bits (PCG4D, Jarzynski and
 * Olano, Hash Functions for GPU Rendering, JCGT 9(3), 2020). So a seed draws the same tokens here, unless two are closer than
 * the GPU's rounding.
 */

/** `TOKEN_NOISE` of the shader: what draft and target share. */
const TOKEN_NOISE = 0;

const congruent = (x: number): number => (Math.imul(x, 1664525) + 1013904223) | 0;

/** 32 bits, 0 to 2^32 - 1, of a token id at a position. */
export function tokenBits(seed: number, position: number, id: number): number {
  let x = congruent(id);
  let y = congruent(position);
  let z = congruent(seed);
  let w = congruent(TOKEN_NOISE);
  for (let round = 0; round < 2; round++) {
    if (round === 1) {
      x ^= x >>> 16;
      y ^= y >>> 16;
      z ^= z >>> 16;
      w ^= w >>> 16;
    }
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
  }
  return w >>> 0;
}

/** Standard Gumbel noise, -log(-log(1 - u)) with u = (bits + 1/2) / 2^32. */
export function gumbel(seed: number, position: number, id: number): number {
  return -Math.log(-Math.log1p(-(tokenBits(seed, position, id) + 0.5) / 2 ** 32));
}
