// What each architecture's config.json means: its parts, its defaults, and what of it is refused.
import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../../src/model/config.ts";
import { tinyModel, type TinyArchitecture } from "../../support/tiny-model.ts";
import { ARCHITECTURES } from "../../support/architectures.ts";

const base = (architecture: TinyArchitecture, layers = 4) =>
  tinyModel({ architecture, layers, vocab: 80, headDim: 12 }).config;
const parse = (architecture: TinyArchitecture, changes: object = {}, layers?: number) =>
  parseModelConfig({ ...base(architecture), ...changes }, undefined, { layers });
const windows = (architecture: TinyArchitecture, changes: object, layers?: number) =>
  parse(architecture, changes, layers).layerAttention.map(({ window }) => window);

function refusal(config: unknown): { code: string; message: string; fix: string } {
  try {
    parseModelConfig(config);
  } catch (error) {
    return error as { code: string; message: string; fix: string };
  }
  throw new Error(`${JSON.stringify(config)} was accepted`);
}

test.each(ARCHITECTURES)("%s: what the tests of the engine run on is accepted", (_, options) => {
  expect(parseModelConfig(tinyModel(options).config).layers).toBeGreaterThan(0);
});

describe("parts", () => {
  const plain = {
    gainOffset: 0,
    embeddingScale: 1,
    activation: "silu",
    qkvBias: false,
    qkNorm: false,
    postNorms: false,
    queryScalar: 12,
    attentionSoftcap: undefined,
    logitSoftcap: undefined,
  };
  test("mistral has Llama's, qwen2 biases, qwen3 normed heads", () => {
    expect(parse("mistral")).toMatchObject({ architecture: "mistral", ...plain });
    expect(parse("qwen2")).toMatchObject({ architecture: "qwen2", ...plain, qkvBias: true });
    expect(parse("qwen3")).toMatchObject({ architecture: "qwen3", ...plain, qkNorm: true });
  });
  test("gemma3 differs in nearly all", () => {
    const caps = { attn_logit_softcapping: 50, final_logit_softcapping: 30 };
    expect(parse("gemma3_text", { ...caps, query_pre_attn_scalar: 168 })).toMatchObject({
      architecture: "gemma3",
      multimodal: false,
      gainOffset: 1,
      embeddingScale: Math.fround(Math.sqrt(32)),
      activation: "gelu-tanh",
      qkvBias: false,
      qkNorm: true,
      postNorms: true,
      queryScalar: 168,
      attentionSoftcap: 50,
      logitSoftcap: 30,
    });
    expect(parse("gemma3_text")).toMatchObject({
      queryScalar: 256,
      attentionSoftcap: undefined,
      logitSoftcap: undefined,
    });
  });
  test("the embedding scale has the precision that the model was made in", () => {
    const scale = (changes: object) => parse("gemma3_text", changes).embeddingScale;
    const wide = { hidden_size: 1152, torch_dtype: undefined };
    // sqrt(1152) = 33.94: bf16 steps by 1/4 there, f16 by 1/32.
    expect(scale({ ...wide, torch_dtype: "bfloat16" })).toBe(34);
    expect(scale({ ...wide, dtype: "bfloat16" })).toBe(34);
    expect(scale({ ...wide, torch_dtype: "float16" })).toBe(33.9375);
    expect(scale(wide)).toBe(Math.fround(Math.sqrt(1152)));
    // sqrt(640) = 25.298: bf16 steps by 1/8.
    expect(scale({ hidden_size: 640, torch_dtype: "bfloat16" })).toBe(25.25);
  });
});

describe("windows", () => {
  test("mistral: all layers or none; null means none, and leaving it out 4096", () => {
    expect(windows("mistral", { sliding_window: 7 })).toEqual([7, 7, 7, 7]);
    expect(windows("mistral", { sliding_window: null })).toEqual(Array(4).fill(undefined));
    expect(windows("mistral", {})).toEqual([4096, 4096, 4096, 4096]);
  });
  test("qwen2 and qwen3: where use_sliding_window says so, from max_window_layers on", () => {
    for (const type of ["qwen2", "qwen3"] as const) {
      const none = Array(4).fill(undefined);
      expect(windows(type, { sliding_window: 7 })).toEqual(none);
      const on = { use_sliding_window: true, sliding_window: 7 };
      expect(windows(type, { ...on, max_window_layers: 3 })).toEqual([...none.slice(1), 7]);
      expect(windows(type, { ...on, max_window_layers: 0 })).toEqual([7, 7, 7, 7]);
      expect(windows(type, on)).toEqual(none);
      const layer_types = [
        "sliding_attention",
        "full_attention",
        "full_attention",
        "full_attention",
      ];
      expect(windows(type, { ...on, layer_types })).toEqual([7, undefined, undefined, undefined]);
    }
  });
  test("gemma3: every sixth layer without, another pattern, or a list; a cut keeps the first ones", () => {
    const six = { num_hidden_layers: 7, sliding_window: 5 };
    expect(windows("gemma3_text", six)).toEqual([5, 5, 5, 5, 5, undefined, 5]);
    expect(windows("gemma3_text", { ...six, sliding_window_pattern: 3 }, 4)).toEqual([
      5,
      5,
      undefined,
      5,
    ]);
    const older = { ...six, _sliding_window_pattern: 2 };
    expect(windows("gemma3_text", older, 3)).toEqual([5, undefined, 5]);
    const layer_types = ["full_attention", "sliding_attention", "full_attention", "full_attention"];
    expect(windows("gemma3_text", { sliding_window: 5, layer_types })).toEqual([
      undefined,
      5,
      undefined,
      undefined,
    ]);
  });
  test("llama: a list that says that there are none", () => {
    expect(windows("llama", { layer_types: Array(4).fill("full_attention") })).toEqual(
      Array(4).fill(undefined),
    );
  });
});

describe("rotary positions", () => {
  const ropes = (changes: object) =>
    parse("gemma3_text", { sliding_window: 5, sliding_window_pattern: 2, ...changes })
      .layerAttention.slice(0, 2)
      .map(({ rope }) => rope);
  const linear = { kind: "linear", factor: 8 };

  test("gemma3: layers with a window have a base of their own, and no scaling", () => {
    const fields = { rope_theta: undefined, rope_scaling: { rope_type: "linear", factor: 8 } };
    expect(ropes(fields)).toEqual([
      { theta: 10_000, scaling: undefined },
      { theta: 1e6, scaling: linear },
    ]);
    expect(ropes({ rope_theta: 5e5, rope_local_base_freq: 500 })).toEqual([
      { theta: 500, scaling: undefined },
      { theta: 5e5, scaling: undefined },
    ]);
  });
  test("gemma3: newer files nest both in rope_parameters", () => {
    const rope_parameters = {
      full_attention: { rope_type: "linear", factor: 8, rope_theta: 2e6 },
      sliding_attention: { rope_type: "default", rope_theta: 20_000 },
    };
    expect(ropes({ rope_theta: undefined, rope_parameters })).toEqual([
      { theta: 20_000, scaling: undefined },
      { theta: 2e6, scaling: linear },
    ]);
    const config = { ...base("gemma3_text"), rope_parameters: { rope_type: "default" } };
    expect(refusal(config)).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining("rope_parameters") as string,
    });
  });
  test("all kinds of scaling, with their defaults, and the contexts they were made for", () => {
    const of = (rope_scaling: object, rest: object = {}) => {
      const config = parse("llama", { rope_scaling, max_position_embeddings: 1000, ...rest });
      return [config.layerAttention[0]!.rope.scaling, config.longestContext];
    };
    expect(of({ type: "linear", factor: 2 })).toEqual([{ kind: "linear", factor: 2 }, 1000]);
    expect(of({ rope_type: "dynamic", factor: 2.5 })).toEqual([
      { kind: "dynamic", factor: 2.5, trainedLength: 1000 },
      2500,
    ]);
    const llama3 = {
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 250,
    };
    expect(of({ rope_type: "llama3", factor: 8, ...llama3 })).toEqual([
      {
        kind: "llama3",
        factor: 8,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        trainedLength: 250,
      },
      1000,
    ]);
    const yarn = { kind: "yarn", betaFast: 32, betaSlow: 1, truncate: true };
    expect(of({ type: "yarn", factor: 4, original_max_position_embeddings: 500 })).toEqual([
      { ...yarn, factor: 4, trainedLength: 500, attentionFactor: 0.1 * Math.log(4) + 1 },
      2000,
    ]);
    // Without a factor, the ratio of the contexts; mscale and mscale_all_dim are temperatures of which the ratio counts.
    const scales = { mscale: 1, mscale_all_dim: 0.5, beta_fast: 16, beta_slow: 2, truncate: false };
    const attentionFactor = (0.1 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1);
    expect(of({ type: "yarn", original_max_position_embeddings: 250, ...scales })).toEqual([
      {
        ...yarn,
        factor: 4,
        trainedLength: 250,
        attentionFactor,
        betaFast: 16,
        betaSlow: 2,
        truncate: false,
      },
      1000,
    ]);
    expect(of({ type: "yarn", factor: 4, attention_factor: 1.5 })[0]).toMatchObject({
      attentionFactor: 1.5,
    });
    const both = { type: "linear", factor: 2 };
    expect(of(both, { rope_parameters: both })[0]).toEqual({ kind: "linear", factor: 2 });
  });
});

describe("defaults are the architecture's own", () => {
  const bare = (type: string, className: string) => ({
    model_type: type,
    architectures: [className],
    hidden_size: 512,
    intermediate_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 32,
    vocab_size: 9,
  });
  test("mistral, qwen2 and qwen3", () => {
    expect(parseModelConfig(bare("mistral", "MistralForCausalLM"))).toMatchObject({
      kvHeads: 8,
      headDim: 16,
      contextLength: 131_072,
      tieWordEmbeddings: false,
    });
    expect(parseModelConfig(bare("qwen2", "Qwen2ForCausalLM"))).toMatchObject({
      kvHeads: 32,
      headDim: 16,
      contextLength: 32_768,
    });
    expect(parseModelConfig(bare("qwen3", "Qwen3ForCausalLM"))).toMatchObject({
      kvHeads: 32,
      headDim: 128,
    });
    const none = { head_dim: null, num_key_value_heads: null };
    expect(parseModelConfig({ ...bare("qwen3", "Qwen3ForCausalLM"), ...none })).toMatchObject({
      kvHeads: 32,
      headDim: 16,
    });
  });

  /** All that the files of gemma-3-4b say of the text model. */
  const multimodal = {
    architectures: ["Gemma3ForConditionalGeneration"],
    model_type: "gemma3",
    eos_token_id: [1, 106],
    torch_dtype: "bfloat16",
    vision_config: { hidden_size: 1152, model_type: "siglip_vision_model" },
    text_config: {
      hidden_size: 2560,
      intermediate_size: 10240,
      model_type: "gemma3_text",
      num_hidden_layers: 34,
      rope_scaling: { factor: 8, rope_type: "linear" },
      sliding_window: 1024,
    },
  };
  test("gemma3 with a vision tower: the text model in text_config", () => {
    const config = parseModelConfig(multimodal);
    expect(config).toMatchObject({
      architecture: "gemma3",
      multimodal: true,
      hiddenSize: 2560,
      layers: 34,
      heads: 8,
      kvHeads: 4,
      headDim: 256,
      vocabSize: 262_208,
      contextLength: 131_072,
      tieWordEmbeddings: true,
      eosTokenIds: [1, 106],
      queryScalar: 256,
      embeddingScale: 50.5,
    });
    expect(config.layerAttention.slice(4, 6)).toEqual([
      { window: 1024, rope: { theta: 10_000, scaling: undefined } },
      { window: undefined, rope: { theta: 1e6, scaling: { kind: "linear", factor: 8 } } },
    ]);
    expect(parseModelConfig(multimodal, { eos_token_id: [5] }).eosTokenIds).toEqual([5]);
    expect(refusal({ ...multimodal, text_config: null })).toMatchObject({ code: "config-invalid" });
    const quantised = { ...multimodal, quantization_config: { bits: 4 } };
    expect(refusal(quantised)).toMatchObject({ code: "config-invalid" });
  });
});

describe("refused by name", () => {
  const cases: [TinyArchitecture, string, object][] = [
    ["gemma3_text", "hidden_activation", { hidden_activation: "gelu" }],
    ["gemma3_text", "hidden_act", { hidden_act: "silu" }],
    ["gemma3_text", "use_bidirectional_attention", { use_bidirectional_attention: true }],
    ["gemma3_text", "attention_bias", { attention_bias: true }],
    ["gemma3_text", "sliding_window_pattern", { sliding_window_pattern: 0 }],
    ["gemma3_text", "query_pre_attn_scalar", { query_pre_attn_scalar: -1 }],
    ["gemma3_text", "final_logit_softcapping", { final_logit_softcapping: 0 }],
    ["gemma3_text", "layer_types", { sliding_window: null }],
    ["qwen3", "attention_bias", { attention_bias: true }],
    ["qwen3", "final_logit_softcapping", { final_logit_softcapping: 30 }],
    ["qwen2", "hidden_act", { hidden_act: "gelu" }],
    ["qwen2", "use_sliding_window", { use_sliding_window: "yes" }],
    ["qwen2", "max_window_layers", { max_window_layers: -1 }],
    ["qwen2", "layer_types", { layer_types: Array(4).fill("sliding_attention") }],
    ["mistral", "sliding_window", { sliding_window: 0 }],
    ["mistral", "sliding_window", { sliding_window: 1.5 }],
    ["mistral", "layer_types", { sliding_window: 7, layer_types: Array(4).fill("full_attention") }],
  ];
  test.each(cases)("%s: %s %j", (type, name, changes) => {
    const error = refusal({ ...base(type), ...changes });
    expect(error).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining(`"${name}"`) as string,
    });
  });
});
