// Four columns of a weight matrix at a time: they fill a vec4, so one load of weights and one fma serve four
// outputs. Its kernel declares `w`.

const COLUMNS = 4u;

// The weights at four places: result[i] has the i-th of each place's four.
fn load_columns(at: vec4<u32>) -> mat4x4<f32> {
  return transpose(mat4x4(unpack4(w[at.x]), unpack4(w[at.y]), unpack4(w[at.z]), unpack4(w[at.w])));
}

// sum + dot(column, x) for each column, one fma after another.
fn add_columns(sum: vec4<f32>, weights: mat4x4<f32>, x: vec4<f32>) -> vec4<f32> {
  let first = fma(weights[1], vec4(x.y), fma(weights[0], vec4(x.x), sum));
  return fma(weights[3], vec4(x.w), fma(weights[2], vec4(x.z), first));
}
