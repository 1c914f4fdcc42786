// Reads weights kept as f32: [rows, k]. Its kernel declares `w`; docs/kernels.md has what every reader declares.

alias weight_word = vec4<f32>;
alias WeightPlace = vec4<f32>;
const PARTS = 1u;

fn places(k4: u32) -> u32 { return k4; }

fn chunk_of(place: u32, part: u32) -> u32 { return place; }

fn load_place(row: u32, place: u32, k4: u32) -> WeightPlace { return w[row * k4 + place]; }

fn unpack_part(place: WeightPlace, part: u32) -> vec4<f32> { return place; }

fn load_chunk(row: u32, chunk: u32, k4: u32) -> vec4<f32> { return w[row * k4 + chunk]; }
