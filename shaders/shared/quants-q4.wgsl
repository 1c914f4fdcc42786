// Unsigned nibbles, the lowest first: a place is 32 weights, its word p their parts 2p and 2p + 1.

const PARTS = 8u;
const ZERO = 8.0;

fn quants_of(words: vec4<u32>, part: u32) -> vec4<f32> {
  let nibbles = word_of(words, part / 2u) >> (part % 2u * 16u);
  return vec4<f32>((vec4(nibbles) >> vec4(0u, 4u, 8u, 12u)) & vec4(15u));
}
