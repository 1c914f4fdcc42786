// Rotary tables against the reference's formulas, and against numbers that were worked out by hand.
import { describe, expect, test } from "vitest";
import type { RopeConfig } from "../../../src/model/rope-config.ts";
import { parseModelConfig } from "../../../src/model/config.ts";
import { ropeFrequencies, ropeTable } from "../../../src/model/rope.ts";
import { type ReferenceScaling, rotation } from "../../reference/rope-frequencies.ts";

const MOST = 4096;

function parsed(scaling: ReferenceScaling, theta: number, headDim: number): RopeConfig {
  const config = {
    model_type: "llama",
    hidden_size: 32,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    head_dim: headDim,
    vocab_size: 9,
    max_position_embeddings: MOST,
    rope_theta: theta,
    rope_scaling: scaling,
  };
  return parseModelConfig(config).layerAttention[0]!.rope;
}

const LLAMA_31 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};
const CASES: [ReferenceScaling, number, number, number][] = [
  [{ rope_type: "default" }, 10_000, 64, MOST],
  [{ type: "linear", factor: 8 }, 1e6, 256, MOST],
  [{ type: "dynamic", factor: 2 }, 10_000, 128, MOST],
  [{ type: "dynamic", factor: 2 }, 10_000, 128, 8000],
  [LLAMA_31, 500_000, 128, MOST],
  [{ ...LLAMA_31, factor: 32 }, 500_000, 64, MOST],
  [{ type: "yarn", factor: 4, original_max_position_embeddings: 32_768 }, 1e6, 128, MOST],
  [{ type: "yarn", factor: 16, beta_fast: 8, beta_slow: 3, truncate: false }, 10_000, 12, MOST],
  [{ type: "yarn", factor: 40, mscale: 0.7, mscale_all_dim: 1 }, 10_000, 64, MOST],
  // Both ends of the ramp in one dimension.
  [{ type: "yarn", factor: 4, beta_fast: 1e5, beta_slow: 9e4 }, 10_000, 64, MOST],
];

test.each(CASES)("%j, base %d, %d dimensions, context %d", (scaling, theta, dim, context) => {
  const rope = parsed(scaling, theta, dim);
  const expected = rotation(dim, theta, scaling, MOST, context);
  const frequencies = ropeFrequencies(dim, rope, context);
  frequencies.forEach((found, i) => {
    expect(Math.abs(found / expected.frequencies[i]! - 1), `pair ${i}`).toBeLessThan(1e-13);
  });
  const table = ropeTable(3, dim, rope, context);
  for (const i of [0, 1, dim / 2 - 1]) {
    const angle = 2 * expected.frequencies[i]!;
    expect(table[2 * dim + i]).toBeCloseTo(expected.attention * Math.cos(angle), 6);
    expect(table[2 * dim + dim / 2 + i]).toBeCloseTo(expected.attention * Math.sin(angle), 6);
  }
});

describe("by hand", () => {
  test("linear: position 8 turns as position 1 did", () => {
    const plain = ropeTable(2, 8, parsed({ rope_type: "default" }, 100, 8), MOST);
    const linear = ropeTable(9, 8, parsed({ type: "linear", factor: 8 }, 100, 8), MOST);
    expect([...linear.subarray(64)]).toEqual([...plain.subarray(8)]);
  });
  test("llama3: waves over 8192 tokens are 8 times as long, those under 2048 stay", () => {
    const frequencies = ropeFrequencies(128, parsed(LLAMA_31, 500_000, 128), MOST);
    const plain = (i: number) => 500_000 ** (-i / 64);
    // 2 pi / frequency: pair 28 has 1,956 tokens to a turn, pair 35 has 8,214.
    expect(frequencies[28]).toBe(plain(28));
    expect(frequencies[35]! / plain(35)).toBeCloseTo(1 / 8, 12);
    const between = frequencies[31]! / plain(31);
    expect(between).toBeGreaterThan(1 / 8);
    expect(between).toBeLessThan(1);
  });
  test("dynamic: nothing changes up to the trained length, and the slowest pair is slowed by the stretch beyond", () => {
    const rope = parsed({ type: "dynamic", factor: 2 }, 10_000, 64);
    const plain = ropeFrequencies(64, { theta: 10_000, scaling: undefined }, MOST);
    expect(ropeFrequencies(64, rope, MOST)).toEqual(plain);
    const twice = ropeFrequencies(64, rope, 2 * MOST);
    // The base grows by 3^(64/62), so the last pair, at base^(-62/64), slows down by 3.
    expect(plain[31]! / twice[31]!).toBeCloseTo(3, 10);
    expect(twice[0]).toBe(1);
  });
  test("yarn of Qwen2.5: the first pairs stay, the last are 4 times as slow, all are 1.139 times as long", () => {
    const scaling = { type: "yarn", factor: 4, original_max_position_embeddings: 32_768 };
    const rope = parsed(scaling, 1e6, 128);
    const frequencies = ropeFrequencies(128, rope, MOST);
    const plain = (i: number) => 1e6 ** (-i / 64);
    // 32 turns in 32,768 tokens are at pair 23.6, one turn at 39.7: the ramp goes from 23 to 40.
    expect(frequencies[23]).toBe(plain(23));
    expect(frequencies[24]! / plain(24)).toBeCloseTo(1 - 0.75 / 17, 12);
    expect(frequencies[40]! / plain(40)).toBeCloseTo(1 / 4, 12);
    expect(ropeTable(1, 128, rope, MOST)[0]).toBe(Math.fround(0.1 * Math.log(4) + 1));
  });
});
