import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../../src/model/config.ts";
import { fixtureJson, hasStories } from "../../support/fixtures.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const BASE = tinyModel({ layers: 1, vocab: 80 }).config;

function refusal(changes: object, generation?: unknown, options = {}) {
  try {
    parseModelConfig({ ...BASE, ...changes }, generation, options);
  } catch (error) {
    return error as { code: string; message: string; fix: string };
  }
  throw new Error(`${JSON.stringify(changes)} was accepted`);
}

test("a Llama config in full", () => {
  expect(parseModelConfig(BASE)).toEqual({
    architecture: "llama",
    multimodal: false,
    hiddenSize: 32,
    intermediateSize: 88,
    layers: 1,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    vocabSize: 80,
    contextLength: 256,
    longestContext: 256,
    rmsNormEps: 1e-5,
    gainOffset: 0,
    embeddingScale: 1,
    activation: "silu",
    qkvBias: false,
    qkNorm: false,
    postNorms: false,
    queryScalar: 8,
    attentionSoftcap: undefined,
    logitSoftcap: undefined,
    layerAttention: [{ window: undefined, rope: { theta: 10000, scaling: undefined } }],
    tieWordEmbeddings: true,
    bosTokenId: 1,
    eosTokenIds: [2],
  });
});

test.skipIf(!hasStories)("the real model's config", () => {
  const config = fixtureJson("models/stories260K-hf/config.json");
  const generation = fixtureJson("models/stories260K-hf/generation_config.json");
  expect(parseModelConfig(config, generation)).toMatchObject({
    hiddenSize: 64,
    layers: 5,
    kvHeads: 4,
    bosTokenId: 1,
  });
});

test("what is left out takes Llama's own defaults", () => {
  const bare = {
    model_type: "llama",
    hidden_size: 64,
    intermediate_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    vocab_size: 9,
  };
  expect(parseModelConfig(bare)).toMatchObject({
    kvHeads: 4,
    headDim: 16,
    contextLength: 2048,
    rmsNormEps: 1e-6,
    tieWordEmbeddings: false,
    bosTokenId: undefined,
    eosTokenIds: [],
  });
});

test("null counts as left out, and heads may be wider than hidden / heads", () => {
  const config = parseModelConfig({
    ...BASE,
    head_dim: 64,
    num_key_value_heads: null,
    rope_scaling: null,
    sliding_window: null,
  });
  expect(config).toMatchObject({ headDim: 64, kvHeads: 4 });
});

test("end tokens: one or several, and the generation config's win", () => {
  const ends = (own: unknown, generation?: unknown) =>
    parseModelConfig({ ...BASE, eos_token_id: own }, generation).eosTokenIds;
  expect(ends([2, 5])).toEqual([2, 5]);
  expect(ends(2, { eos_token_id: [7, 8] })).toEqual([7, 8]);
  expect(ends(2, { eos_token_id: null })).toEqual([2]);
  expect(ends(null, {})).toEqual([]);
  expect(parseModelConfig({ ...BASE, bos_token_id: null }, { bos_token_id: 6 }).bosTokenId).toBe(6);
});

test("newer files keep the rotary base in rope_parameters", () => {
  const newer = {
    ...BASE,
    rope_theta: undefined,
    rope_parameters: { rope_type: "default", rope_theta: 5e5 },
  };
  expect(parseModelConfig(newer).layerAttention[0]!.rope.theta).toBe(5e5);
});

describe("layers", () => {
  const four = { num_hidden_layers: 4 };
  test("cuts the model short", () => {
    expect(parseModelConfig({ ...BASE, ...four }, undefined, { layers: 3 }).layers).toBe(3);
  });
  test.each([0, 5, 1.5, -1, NaN])("%s of 4 is option-invalid", (layers) => {
    expect(refusal(four, undefined, { layers })).toMatchObject({ code: "option-invalid" });
  });
});

describe("maths that the kernels do not do is refused by name, never ignored", () => {
  const cases: [string, object][] = [
    ["rope_type", { rope_scaling: { rope_type: "longrope", factor: 8 } }],
    ["rope_type", { rope_scaling: { type: "mrope" } }],
    ["partial_rotary_factor", { rope_parameters: { partial_rotary_factor: 0.5 } }],
    ["partial_rotary_factor", { partial_rotary_factor: 0.25 }],
    ["attention_bias", { attention_bias: true }],
    ["mlp_bias", { mlp_bias: true }],
    ["hidden_act", { hidden_act: "gelu" }],
    ["sliding_window", { sliding_window: 4096 }],
    ["rope_interleaved", { rope_interleaved: true }],
    ["no_rope_layers", { no_rope_layers: [1, 0] }],
    ["quantization_config", { quantization_config: { bits: 4 } }],
    ["final_logit_softcapping", { final_logit_softcapping: 30 }],
    ["residual_multiplier", { residual_multiplier: 0.2 }],
    ["num_local_experts", { num_local_experts: 8 }],
  ];
  test.each(cases)("%s %j", (name, changes) => {
    const error = refusal(changes);
    expect(error).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining(`"${name}"`) as string,
    });
    expect(error.fix).not.toBe("");
  });
});

describe("malformed values are refused with the field's name", () => {
  const cases: [string, object][] = [
    ["hidden_size", { hidden_size: undefined }],
    ["hidden_size", { hidden_size: "32" }],
    ["hidden_size", { hidden_size: 30 }],
    ["hidden_size", { hidden_size: -32 }],
    ["hidden_size", { hidden_size: 1e300 }],
    ["intermediate_size", { intermediate_size: 87 }],
    ["intermediate_size", { intermediate_size: 4.5 }],
    ["head_dim", { head_dim: 6 }],
    ["head_dim", { head_dim: 260 }],
    ["head_dim", { head_dim: undefined, num_attention_heads: 5, num_key_value_heads: 5 }],
    ["num_key_value_heads", { num_key_value_heads: 3 }],
    ["num_key_value_heads", { num_key_value_heads: 8 }],
    ["num_attention_heads", { num_attention_heads: 0 }],
    ["num_hidden_layers", { num_hidden_layers: [] }],
    ["vocab_size", { vocab_size: 2 ** 30 }],
    ["max_position_embeddings", { max_position_embeddings: 0 }],
    ["rms_norm_eps", { rms_norm_eps: 0 }],
    ["rms_norm_eps", { rms_norm_eps: "1e-5" }],
    ["rope_theta", { rope_theta: -1 }],
    ["tie_word_embeddings", { tie_word_embeddings: 1 }],
    ["bos_token_id", { bos_token_id: 80 }],
    ["eos_token_id", { eos_token_id: [2, "3"] }],
    ["eos_token_id", { eos_token_id: -1 }],
    ["rope_scaling", { rope_scaling: "llama3" }],
    ["factor", { rope_scaling: { type: "linear" } }],
    ["factor", { rope_scaling: { type: "dynamic", factor: 0.5 } }],
    ["low_freq_factor", { rope_scaling: { rope_type: "llama3", factor: 8, high_freq_factor: 4 } }],
    [
      "high_freq_factor",
      { rope_scaling: { rope_type: "llama3", low_freq_factor: 4, high_freq_factor: 4, factor: 8 } },
    ],
    ["truncate", { rope_scaling: { rope_type: "yarn", factor: 4, truncate: 1 } }],
    [
      "rope_parameters",
      { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_type: "default" } },
    ],
    ["layer_types", { layer_types: ["sliding_attention"] }],
    ["layer_types", { layer_types: ["full_attention", "full_attention"] }],
    ["layer_types", { layer_types: ["chunked_attention"] }],
  ];
  test.each(cases)("%s %j", (name, changes) => {
    expect(refusal(changes)).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining(name) as string,
    });
  });
  test.each([null, 7, "text", [], true])("%j as a whole", (config) => {
    expect(() => parseModelConfig(config)).toThrowError(
      expect.objectContaining({ code: "config-invalid" }) as Error,
    );
  });
  test("a generation config that is no object", () => {
    expect(refusal({}, [])).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining("generation_config.json") as string,
    });
  });
});

test("other architectures are named, with what is supported", () => {
  const cases = [
    { architectures: ["Gemma2ForCausalLM"], model_type: "gemma2" },
    { architectures: ["MistralForCausalLM"], model_type: "llama" },
    { architectures: ["Qwen3MoeForCausalLM"], model_type: "qwen3_moe" },
    { architectures: undefined, model_type: "gpt2" },
    { architectures: undefined, model_type: undefined },
    { architectures: "LlamaForCausalLM", model_type: undefined },
  ];
  for (const changes of cases) {
    const error = refusal(changes);
    expect(error.code).toBe("architecture-unknown");
    for (const name of ["Llama", "Mistral", "Qwen2", "Qwen3", "Gemma3"]) {
      expect(error.fix).toContain(`${name}ForCausalLM`);
    }
    expect(error.fix).toContain("ONNX");
  }
  expect(refusal(cases[0]!).message).toContain("Gemma2ForCausalLM");
});

test("own properties only: a config cannot borrow from Object.prototype", () => {
  expect(() => parseModelConfig(JSON.parse('{"__proto__": {"model_type": "llama"}}'))).toThrowError(
    expect.objectContaining({ code: "architecture-unknown" }) as Error,
  );
});
