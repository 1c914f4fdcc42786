// Scales as f16: a group's two share a u32. scale * quant is exact in f32.

struct WeightPlace {
  words: vec4<u32>,
  scales: vec2<f32>, // of the group's two blocks
}

// 16-byte words per row.
fn row_words(k4: u32) -> u32 { return places(k4) + (groups(k4) + 3u) / 4u; }

fn with_scales(words: vec4<u32>, scales_at: u32, group: u32) -> WeightPlace {
  return WeightPlace(words, unpack2x16float(w[scales_at + group / 4u][group % 4u]));
}

fn unpack_part(place: WeightPlace, part: u32) -> vec4<f32> {
  let scale = select(place.scales.x, place.scales.y, part >= PARTS / 2u);
  return scale * (quants_of(place.words, part) - ZERO);
}
