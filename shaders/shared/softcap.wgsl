// cap tanh(x / cap), by one exponential that cannot overflow.
fn softcap(x: f32, cap: f32) -> f32 {
  // Beyond 20, tanh is 1 in f32.
  let power = exp(-2.0 * min(abs(x / cap), 20.0));
  return sign(x) * (cap * (1.0 - power) / (1.0 + power));
}
