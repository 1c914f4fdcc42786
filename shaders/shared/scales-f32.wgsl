// Wide blocks: a group's two scales as f32, then their two zero points, which are whole numbers.

struct WeightPlace {
  words: vec4<u32>,
  scales: vec2<f32>, // of the group's two blocks
  zeros: vec2<f32>,
}

// 16-byte words per row.
fn row_words(k4: u32) -> u32 { return places(k4) + groups(k4); }

fn with_scales(words: vec4<u32>, scales_at: u32, group: u32) -> WeightPlace {
  let packed = w[scales_at + group];
  return WeightPlace(words, bitcast<vec2<f32>>(packed.xy), vec2<f32>(bitcast<vec2<i32>>(packed.zw)));
}

fn unpack_part(place: WeightPlace, part: u32) -> vec4<f32> {
  let scale = select(place.scales.x, place.scales.y, part >= PARTS / 2u);
  let zero = select(place.zeros.x, place.zeros.y, part >= PARTS / 2u);
  return scale * (quants_of(place.words, part) - zero);
}
