// Signed bytes: a place is 16 weights, its word p their part p.

const PARTS = 4u;
const ZERO = 0.0;

fn quants_of(words: vec4<u32>, part: u32) -> vec4<f32> {
  return vec4<f32>(vec4<i32>(vec4(word_of(words, part)) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u));
}
