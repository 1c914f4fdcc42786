// Quantisation in blocks of 32 along k: of a block's largest |w| = m, the scale s is the smallest f16 with STEPS s >= m, and
// a weight becomes round(w / s), halves to even; in q4 s has the sign opposite to the largest's, and what would be 8 is 7.
//
// Grid: x = ceil(rows * groups / 64), groups = ceil(k / 64); a lane takes a group, two blocks. Whatever the adapter, the
// bits are the same: no decision rests on a rounded number.

struct Params {
  rows: u32,       // of this piece
  k: u32,          // a multiple of 4
  first_row: u32,  // of w
  tensor_row: u32, // the piece's first row in its tensor
  source: u32,     // what a weight is stored as: F32, F16 or BF16
  slot: u32,       // the tensor's place in faults
}

@group(0) @binding(0) var<storage, read> source: array<u32>;                    // [rows, k], as in the file
@group(0) @binding(1) var<storage, read_write> w: array<u32>;                   // [all rows, k] in blocks
@group(0) @binding(2) var<storage, read_write> faults: array<atomic<u32>>;      // [tensors]: the first weight not taken
@group(0) @binding(3) var<uniform> params: Params;

const F32 = 0u;
const F16 = 1u;
const BLOCK = 32u;
const STEPS = f32((1u << (BITS - 1u)) - BITS / 8u); // 127 or 8
const LARGEST_F16 = 65504.0;
const INFINITE = 0x7f800000u;
const ZERO = 8u - BITS / 8u * 8u; // the zero point

// The bits of a weight as f32, subnormal numbers as 0. `at` counts from the piece's start.
fn weight_bits(at: u32) -> u32 {
  var bits: u32;
  if (params.source == F32) {
    bits = source[at];
  } else {
    let half = (source[at / 2u] >> (at % 2u * 16u)) & 0xffffu;
    bits = select(half << 16u, widened(half), params.source == F16);
  }
  return select(bits, bits & 0x80000000u, (bits & INFINITE) == 0u);
}

// f16 bits to f32 bits, exactly.
fn widened(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let size = half & 0x7fffu;
  if (size >= 0x7c00u) { return sign | INFINITE | (size << 13u); }
  if (size >= 0x400u) { return sign | ((size << 13u) + 0x38000000u); }
  return sign | bitcast<u32>(f32(size) * 0x1p-24);
}

// The smallest f16 s >= 0 with STEPS s >= largest, as bits. STEPS s has at most 18 bits, so it is exact.
fn scale_for(largest: f32) -> u32 {
  let estimate = largest / STEPS;
  var bits = 0u;
  if (estimate >= 0x1p-14) {
    bits = (bitcast<u32>(estimate) - 0x38000000u) >> 13u;
  } else {
    bits = u32(estimate * 0x1p24);
  }
  // The division may be off by a little: start below and climb.
  bits -= min(bits, 1u);
  for (var i = 0u; i < 3u && STEPS * bitcast<f32>(widened(bits)) < largest; i++) { bits += 1u; }
  return bits;
}

// round(size / scale) of positive numbers, halves to even. scale times a half-integer up to 127.5 is exact.
fn rounded_quotient(size: f32, scale: f32) -> f32 {
  let near = floor(size / scale + 0.5);
  let odd = near != 2.0 * floor(near * 0.5);
  let above = scale * (near + 0.5);
  let below = scale * (near - 0.5);
  if (size > above || (size == above && odd)) { return near + 1.0; }
  if (size < below || (size == below && odd)) { return near - 1.0; }
  return near;
}

// Where a block's word number `word` lies in its group, and which of the block's weights is its number i: the places of
// blocks.wgsl. A block has BITS words.
fn word_at(block: u32, word: u32) -> u32 {
  if (BITS == 8u) { return word % 4u * 4u + 2u * block + word / 4u; }
  return word % 2u * 4u + 2u * block + word / 2u;
}

fn weight_of(word: u32, i: u32) -> u32 {
  if (BITS == 8u) { return word * 4u + i; }
  return (word % 2u + word / 2u * 4u + i / 4u * 2u) * 4u + i % 4u;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let groups = (params.k + 2u * BLOCK - 1u) / (2u * BLOCK);
  let row = id.x / groups;
  let group = id.x % groups;
  if (row >= params.rows) { return; }
  let quant_words = groups * 2u * BITS;
  let group_scales = 1u + 3u * WIDE; // in words
  let row_words = (quant_words + groups * group_scales + 3u) / 4u * 4u;
  let row_at = (params.first_row + row) * row_words;
  let first = store_block(row, 2u * group, row_at + group * 2u * BITS);
  let second = store_block(row, 2u * group + 1u, row_at + group * 2u * BITS);
  let at = row_at + quant_words + group * group_scales;
  if (WIDE == 1u) {
    w[at] = widened(first);
    w[at + 1u] = widened(second);
    w[at + 2u] = ZERO;
    w[at + 3u] = ZERO;
  } else {
    w[at] = first | (second << 16u);
  }
}

// Stores the integers of a row's block in its group and returns the scale's bits.
fn store_block(row: u32, block: u32, group_at: u32) -> u32 {
  let start = block * BLOCK;
  let count = min(BLOCK, max(params.k, start) - start);
  let at = row * params.k + start;
  var largest = 0u; // as bits, which are in the order of the numbers, NaN last
  var sign = 0u;
  for (var i = 0u; i < count; i++) {
    let bits = weight_bits(at + i);
    let size = bits & 0x7fffffffu;
    if (size > bitcast<u32>(STEPS * LARGEST_F16)) {
      atomicMin(&faults[params.slot], (params.tensor_row + row) * params.k + start + i);
      return 0u;
    }
    if (size > largest) {
      largest = size;
      sign = bits & 0x80000000u;
    }
  }
  let scale_bits = scale_for(bitcast<f32>(largest));
  let scale = bitcast<f32>(widened(scale_bits));
  for (var word = 0u; word < BITS; word++) {
    var packed = 0u;
    for (var i = 0u; i < 32u / BITS; i++) {
      let k = weight_of(word, i);
      var quant = 0;
      if (k < count && largest > 0u) {
        quant = quant_of(weight_bits(at + k), scale, sign);
      }
      packed |= (u32(quant + i32(ZERO)) & ((1u << BITS) - 1u)) << (i * BITS);
    }
    w[group_at + word_at(block % 2u, word)] = packed;
  }
  // In q4 the largest becomes -8: its scale has the other sign.
  return scale_bits | select(0u, (sign ^ 0x80000000u) >> 16u, BITS == 4u && largest > 0u);
}

// `sign`: that of the block's largest weight.
fn quant_of(bits: u32, scale: f32, sign: u32) -> i32 {
  let size = i32(rounded_quotient(bitcast<f32>(bits & 0x7fffffffu), scale));
  let negative = (bits & 0x80000000u) != 0u;
  if (BITS == 8u) { return select(size, -size, negative); }
  return select(min(size, 7), -size, (bits & 0x80000000u) == sign);
}
