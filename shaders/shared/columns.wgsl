// Four columns of a weight matrix at a time: they fill a vec4, so one load of weights and one fma serve four
// outputs. The weights' reader says what a load gives.

const COLUMNS = 4u;

// The same place of four rows of w.
fn load_columns(rows_of_w: vec4<u32>, place: u32, k4: u32) -> array<WeightPlace, COLUMNS> {
  return array<WeightPlace, COLUMNS>(
    load_place(rows_of_w.x, place, k4),
    load_place(rows_of_w.y, place, k4),
    load_place(rows_of_w.z, place, k4),
    load_place(rows_of_w.w, place, k4),
  );
}

// One part's weights: result[i] has the i-th of each column's four.
fn unpack_columns(loaded: array<WeightPlace, COLUMNS>, part: u32) -> mat4x4<f32> {
  return transpose(mat4x4(
    unpack_part(loaded[0], part),
    unpack_part(loaded[1], part),
    unpack_part(loaded[2], part),
    unpack_part(loaded[3], part),
  ));
}

// sum + dot(column, x) for each column, one fma after another.
fn add_columns(sum: vec4<f32>, weights: mat4x4<f32>, x: vec4<f32>) -> vec4<f32> {
  let first = fma(weights[1], vec4(x.y), fma(weights[0], vec4(x.x), sum));
  return fma(weights[3], vec4(x.w), fma(weights[2], vec4(x.z), first));
}
