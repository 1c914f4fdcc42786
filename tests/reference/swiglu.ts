/** The two products that swiglu joins, [rows, cols] each, in f64. */
export interface GateAndUp {
  readonly gate: Float64Array<ArrayBuffer>;
  readonly up: Float64Array<ArrayBuffer>;
}

/** Wg n and Wu n with n = x * gain / rms(x): x is [rows, k], w is [2 cols, k], gate first. */
export function gateAndUp(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  w: ArrayLike<number>,
  size: { rows: number; cols: number; k: number; eps: number },
): GateAndUp {
  const { rows, cols, k, eps } = size;
  const gate = new Float64Array(rows * cols);
  const up = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    let squares = 0;
    for (let i = 0; i < k; i++) squares += x[r * k + i]! ** 2;
    const rms = Math.sqrt(squares / k + eps);
    for (let c = 0; c < cols; c++) {
      for (let i = 0; i < k; i++) {
        const normed = (x[r * k + i]! * gain[i]!) / rms;
        gate[r * cols + c]! += w[c * k + i]! * normed;
        up[r * cols + c]! += w[(cols + c) * k + i]! * normed;
      }
    }
  }
  return { gate, up };
}

/** gelu(gate) * up, element by element, with gelu in its approximation by tanh (arXiv 1606.08415). */
export function geglu({ gate, up }: GateAndUp): Float64Array<ArrayBuffer> {
  const inner = (g: number) => Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3);
  return gate.map((g, i) => (g / (1 + Math.exp(-2 * inner(g)))) * up[i]!);
}

/** silu(gate) * up, element by element. */
export function swiglu({ gate, up }: GateAndUp): Float64Array<ArrayBuffer> {
  return gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
}
