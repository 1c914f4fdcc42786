// Reads weights kept in blocks of 32 along k with a scale each. A row is its groups of 64 weights, two blocks each,
// and then its scales; what k lacks to a whole group is never read. Its kernel declares `w`.
//
// A group is LANES places of 16 bytes. Part p of place i is the group's chunk i + LANES * p, so that neighbouring
// lanes read neighbouring weights and neighbouring x, and the first half of a place's parts is in the first block.

alias weight_word = vec4<u32>;

const LANES = 16u / PARTS;

// words[i], without an index that is known only when it runs: compilers would put `words` into memory for it.
fn word_of(words: vec4<u32>, i: u32) -> u32 {
  return select(select(words.x, words.y, i == 1u), select(words.z, words.w, i == 3u), i >= 2u);
}

fn groups(k4: u32) -> u32 { return (k4 + 15u) / 16u; }

fn places(k4: u32) -> u32 { return groups(k4) * LANES; }

fn chunk_of(place: u32, part: u32) -> u32 {
  return place / LANES * 16u + place % LANES + part * LANES;
}

fn load_place(row: u32, place: u32, k4: u32) -> WeightPlace {
  let first = row * row_words(k4);
  return with_scales(w[first + place], first + places(k4), place / LANES);
}

fn load_chunk(row: u32, chunk: u32, k4: u32) -> vec4<f32> {
  let place = chunk / 16u * LANES + chunk % LANES;
  return unpack_part(load_place(row, place, k4), chunk % 16u / LANES);
}
