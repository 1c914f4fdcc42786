// Counter-based random numbers: a number is a function of its key, so that any of them can be
// recomputed, in any order. The hash is PCG4D (Jarzynski and Olano, Hash Functions for GPU
// Rendering, JCGT 9(3), 2020). A key is the seed, what the number is for, a place and a token id.

const TOKEN_NOISE = 0u; // shared by draft and target: place = the token's absolute position
const DRAFT_NOISE = 1u; // the draft's own draws: place = draw_place(base, node)
const ACCEPTANCE = 2u;  // whether a drafted token is accepted: place = draw_place(base, node)
const RESIDUAL = 3u;    // the token that ends a rejecting round: place = draw_place(base, node)

fn draw_place(base: u32, node: u32) -> u32 {
  return base * 512u + node; // no two rounds share a base, no tree has more nodes
}

fn random_bits(seed: u32, purpose: u32, place: u32, token: u32) -> u32 {
  var v = vec4(token, place, seed, purpose) * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v.w; // stirred last: the low bits of v.x depend on those of the neighbours'
}

// In [0, 1), a multiple of 2^-24: never 1, so that `u * q < p` accepts nothing of probability zero.
fn uniform_number(seed: u32, purpose: u32, place: u32, token: u32) -> f32 {
  return f32(random_bits(seed, purpose, place, token) >> 8u) * 0x1p-24;
}

// Standard Gumbel noise, -log(-log(1 - u)) with u = (bits + 1/2) / 2^32. Large noise comes from small
// u, where f32 is fine enough to keep a token of probability 1e-8 as likely as it should be. `fma`
// leaves compilers no choice: every kernel that asks for this noise gets the same bits.
fn gumbel(seed: u32, purpose: u32, place: u32, token: u32) -> f32 {
  let bits = random_bits(seed, purpose, place, token);
  let u = (f32(bits) + 0.5) * 0x1p-32;
  // log1p(-u): WGSL has none, and 1 - u loses the digits of a small u. 1 - u is that of the inverted bits.
  var exponential = -log((f32(~bits) + 0.5) * 0x1p-32);
  if (u < 0.03125) { exponential = u * fma(u, fma(u, fma(u, fma(u, 0.2, 0.25), 0.33333334), 0.5), 1.0); }
  return -log(exponential);
}
