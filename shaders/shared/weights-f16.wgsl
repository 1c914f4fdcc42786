// Reads weights kept as f16, two to a word: [rows, k]. Its kernel declares `w`; needs no `shader-f16`.

alias weight_word = vec2<u32>;
alias WeightPlace = vec2<u32>;
const PARTS = 1u;

fn places(k4: u32) -> u32 { return k4; }

fn chunk_of(place: u32, part: u32) -> u32 { return place; }

fn load_place(row: u32, place: u32, k4: u32) -> WeightPlace { return w[row * k4 + place]; }

fn unpack_part(place: WeightPlace, part: u32) -> vec4<f32> {
  return vec4(unpack2x16float(place.x), unpack2x16float(place.y));
}

fn load_chunk(row: u32, chunk: u32, k4: u32) -> vec4<f32> {
  return unpack_part(load_place(row, chunk, k4), 0u);
}
