// Rotary frequencies in f64, as transformers' modeling_rope_utils.py defines them; shares no code with src/.

/** A `rope_scaling` section of `config.json`. */
export interface ReferenceScaling {
  rope_type?: string;
  type?: string;
  factor?: number;
  low_freq_factor?: number;
  high_freq_factor?: number;
  original_max_position_embeddings?: number;
  attention_factor?: number;
  mscale?: number;
  mscale_all_dim?: number;
  beta_fast?: number;
  beta_slow?: number;
  truncate?: boolean;
}

export interface Rotation {
  /** Radians per position, `[dim / 2]`. */
  readonly frequencies: number[];
  /** Multiplies cosine and sine. */
  readonly attention: number;
}

/** `maxPositions` is `max_position_embeddings`, `length` that of the text, which only "dynamic" looks at. */
export function rotation(
  dim: number,
  theta: number,
  scaling: ReferenceScaling | null | undefined,
  maxPositions: number,
  length = 0,
): Rotation {
  const wave = (base: number) =>
    Array.from({ length: dim / 2 }, (_, i) => 1 / Math.pow(base, (2 * i) / dim));
  const kind = scaling?.rope_type ?? scaling?.type ?? "default";
  const factor = scaling?.factor ?? 1;
  const original = scaling?.original_max_position_embeddings ?? maxPositions;
  if (kind === "default") return { frequencies: wave(theta), attention: 1 };
  if (kind === "linear") {
    return { frequencies: wave(theta).map((f) => f / factor), attention: 1 };
  }
  if (kind === "dynamic") {
    const seen = Math.max(length, maxPositions);
    const base = theta * Math.pow((factor * seen) / maxPositions - factor + 1, dim / (dim - 2));
    return { frequencies: wave(base), attention: 1 };
  }
  if (kind === "llama3") {
    const [low, high] = [scaling!.low_freq_factor!, scaling!.high_freq_factor!];
    const frequencies = wave(theta).map((f) => {
      const wavelength = (2 * Math.PI) / f;
      if (wavelength < original / high) return f;
      if (wavelength > original / low) return f / factor;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * f) / factor + smooth * f;
    });
    return { frequencies, attention: 1 };
  }
  if (kind !== "yarn") throw new Error(`reference: no rope_type "${kind}"`);
  const bound = (turns: number) =>
    (dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = bound(scaling!.beta_fast ?? 32);
  let high = bound(scaling!.beta_slow ?? 1);
  if (scaling!.truncate ?? true) {
    low = Math.floor(low);
    high = Math.ceil(high);
  }
  low = Math.max(low, 0);
  high = Math.min(high, dim - 1);
  if (low === high) high += 0.001;
  const frequencies = wave(theta).map((f, i) => {
    const ramp = Math.max(0, Math.min(1, (i - low) / (high - low)));
    return (f / factor) * ramp + f * (1 - ramp);
  });
  const scale = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const { attention_factor: given, mscale, mscale_all_dim: all } = scaling!;
  return {
    frequencies,
    attention: given ?? (mscale && all ? scale(mscale) / scale(all) : scale(1)),
  };
}
