// Numbers as integers in the same order. WGSL lets a compiler assume that no infinity and no NaN
// exists, so comparing the floats themselves would be neither exact nor total.

const NEGATIVE_INFINITY_KEY = 0x00800000u;
const NO_ID = 0xffffffffu;

// A larger number has a larger key; -0 equals +0; a NaN has the lowest key, 0.
fn order_key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0u; }
  return select(0x80000000u - magnitude, 0x80000000u + magnitude, bits == magnitude);
}

// The number that has this key.
fn key_number(key: u32) -> f32 {
  if (key >= 0x80000000u) { return bitcast<f32>(key - 0x80000000u); }
  return bitcast<f32>(0x80000000u | (0x80000000u - key));
}

struct Ranked {
  key: u32,
  id: u32,
}

// The order of every choice: the larger key, then the lower id.
fn beats(a: Ranked, b: Ranked) -> bool {
  return a.key > b.key || (a.key == b.key && a.id < b.id);
}
