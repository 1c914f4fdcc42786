/**
 * A model as an ONNX graph: one pass over some tokens, given the keys and values of those before them. Written so that a row's
 * numbers do not depend on the rows beside it; docs/fallback.md says how.
 */
import type { ModelConfig } from "../model/config.ts";
import { GraphWriter, int } from "./graph-writer.ts";
import { distinctAngles, distinctWindows } from "./layer-kinds.ts";
import type { OnnxGraph, OnnxValue } from "./onnx-writer.ts";

/** Inputs beside each layer's past. `R` rows, `P` tokens before them, `Q` of padding, `T` all of these, `N` rows of logits. */
export const INPUT = {
  /** int32 [R] */ ids: "ids",
  /** float [Q, kvHeads, headDim]: zeros. */ padding: "padding",
  /** int32 [N]: the rows whose logits are wanted. */ wanted: "wanted",
} as const;

/** Of each kind of rotation: float [R, 1, headDim / 2]. */
export const angleNames = (kind: number) => ({ cos: `cos.${kind}`, sin: `sin.${kind}` });
/** Of each window: float [R, 1, T], 0 where a row sees a token, else very low. */
export const maskName = (kind: number): string => `mask.${kind}`;
/** A layer's keys and values, in and out: float [P, kvHeads, headDim] and [R, kvHeads, headDim]. */
export const cacheNames = (layer: number) => ({
  pastKey: `past_key.${layer}`,
  pastValue: `past_value.${layer}`,
  newKey: `new_key.${layer}`,
  newValue: `new_value.${layer}`,
});

export const LOGITS = "logits";

/** The graph; its large constants are the tensors of the model's own files, as f32, by their names. */
export function modelGraph(config: ModelConfig): OnnxGraph {
  const { hiddenSize, vocabSize, kvHeads, headDim, layers, tieWordEmbeddings } = config;
  const graph = new GraphWriter();
  const embedding = graph.weight("model.embed_tokens.weight", vocabSize, hiddenSize);
  const embedded = graph.add("Gather", [embedding, INPUT.ids], { axis: int(0) });
  let hidden = graph.scale(embedded, config.embeddingScale);
  const past: OnnxValue[] = [];
  const fresh: OnnxValue[] = [];
  for (let layer = 0; layer < layers; layer++) {
    hidden = new LayerWriter(graph, config, layer).write(hidden);
    const { pastKey, pastValue, newKey, newValue } = cacheNames(layer);
    const value = (name: string, rows: string): OnnxValue => ({
      name,
      type: "float",
      dims: [rows, kvHeads, headDim],
    });
    past.push(value(pastKey, "P"), value(pastValue, "P"));
    fresh.push(value(newKey, "R"), value(newValue, "R"));
  }
  const last = graph.add("Gather", [hidden, INPUT.wanted], { axis: int(0) });
  const normed = norm(graph, config, last, "model.norm.weight", hiddenSize);
  const head = tieWordEmbeddings
    ? embedding
    : graph.weight("lm_head.weight", vocabSize, hiddenSize);
  const products = graph.add("Gemm", [normed, head], { transB: int(1) });
  graph.add("Identity", [graph.softcap(products, config.logitSoftcap)], {}, LOGITS);
  const angles = distinctAngles(config).flatMap((_, kind) => Object.values(angleNames(kind)));
  const masks = distinctWindows(config).map((_, kind) => maskName(kind));
  return {
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [
      { name: INPUT.ids, type: "int32", dims: ["R"] },
      { name: INPUT.padding, type: "float", dims: ["Q", kvHeads, headDim] },
      { name: INPUT.wanted, type: "int32", dims: ["N"] },
      ...angles.map((name) => ({ name, type: "float", dims: ["R", 1, headDim / 2] }) as const),
      ...masks.map((name) => ({ name, type: "float", dims: ["R", 1, "T"] }) as const),
      ...past,
    ],
    outputs: [{ name: LOGITS, type: "float", dims: ["N", vocabSize] }, ...fresh],
  };
}

class LayerWriter {
  readonly #graph: GraphWriter;
  readonly #config: ModelConfig;
  readonly #layer: number;
  readonly #at: string;

  constructor(graph: GraphWriter, config: ModelConfig, layer: number) {
    this.#graph = graph;
    this.#config = config;
    this.#layer = layer;
    this.#at = `model.layers.${layer}`;
  }

  write(x: string): string {
    const { postNorms } = this.#config;
    const attended = this.#attention(this.#norm(x, "input_layernorm"));
    const after = postNorms ? this.#norm(attended, "post_attention_layernorm") : attended;
    const mixed = this.#graph.add("Add", [x, after]);
    const before = postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
    const fed = this.#feedForward(this.#norm(mixed, before));
    const out = postNorms ? this.#norm(fed, "post_feedforward_layernorm") : fed;
    return this.#graph.add("Add", [mixed, out]);
  }

  #feedForward(x: string): string {
    const { hiddenSize, intermediateSize } = this.#config;
    const gate = this.#linear("mlp.gate_proj", x, intermediateSize, hiddenSize);
    const up = this.#linear("mlp.up_proj", x, intermediateSize, hiddenSize);
    const inner = this.#graph.add("Mul", [this.#activation(gate), up]);
    return this.#linear("mlp.down_proj", inner, hiddenSize, intermediateSize);
  }

  #activation(x: string): string {
    const graph = this.#graph;
    if (this.#config.activation === "silu") {
      return graph.add("Mul", [x, graph.add("Sigmoid", [x])]);
    }
    // x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
    const square = graph.scale(graph.add("Mul", [x, x]), 0.044715);
    const curved = graph.add("Add", [x, graph.add("Mul", [square, x])]);
    const bent = graph.add("Tanh", [graph.scale(curved, Math.sqrt(2 / Math.PI))]);
    const half = graph.scale(x, 0.5);
    return graph.add("Add", [half, graph.add("Mul", [half, bent])]);
  }

  /** Of the normed rows [R, hidden]. */
  #attention(x: string): string {
    const graph = this.#graph;
    const { hiddenSize, heads, kvHeads, headDim, queryScalar } = this.#config;
    const { pastKey, pastValue, newKey, newValue } = cacheNames(this.#layer);
    const group = heads / kvHeads;
    const query = this.#rotate(this.#headNorm(this.#heads("q", x, heads), "q"));
    const turned = this.#rotate(this.#headNorm(this.#heads("k", x, kvHeads), "k"));
    const key = graph.add("Identity", [turned], {}, newKey);
    const value = graph.add("Identity", [this.#heads("v", x, kvHeads)], {}, newValue);
    const all = (past: string, fresh: string): string =>
      graph.add("Concat", [past, fresh, INPUT.padding], { axis: int(0) });
    const keys = graph.transpose(all(pastKey, key), 1, 2, 0); // [kvHeads, headDim, T]
    const values = graph.transpose(all(pastValue, value), 1, 0, 2); // [kvHeads, T, headDim]

    // [R, kvHeads, group, headDim] -> [kvHeads, R * group, headDim]
    const grouped = graph.transpose(graph.reshape(query, -1, kvHeads, group, headDim), 1, 0, 2, 3);
    const products = graph.add("MatMul", [graph.reshape(grouped, kvHeads, -1, headDim), keys]);
    const scores = graph.softcap(
      graph.scale(products, 1 / Math.sqrt(queryScalar)),
      this.#config.attentionSoftcap,
    );
    const weights = graph.add("Softmax", [this.#masked(scores, group)], { axis: int(-1) });
    const flat = graph.add("Reshape", [weights, graph.add("Shape", [products])]);
    const mixed = graph.reshape(graph.add("MatMul", [flat, values]), kvHeads, -1, group, headDim);
    const out = graph.reshape(graph.transpose(mixed, 1, 0, 2, 3), -1, heads * headDim);
    return this.#linear("self_attn.o_proj", out, hiddenSize, heads * headDim);
  }

  /** [kvHeads, R, group, T], so that a row's mask serves all its heads. */
  #masked(scores: string, group: number): string {
    const graph = this.#graph;
    const { window } = this.#config.layerAttention[this.#layer]!;
    const mask = maskName(distinctWindows(this.#config).indexOf(window));
    const tokens = graph.add("Shape", [mask], { start: int(2) });
    const leading = graph.integers([this.#config.kvHeads, -1, group]);
    const shape = graph.add("Concat", [leading, tokens], { axis: int(0) });
    return graph.add("Add", [graph.add("Reshape", [scores, shape]), mask]);
  }

  /** Half-split rotation of [R, heads, headDim]. */
  #rotate(x: string): string {
    const graph = this.#graph;
    const { headDim } = this.#config;
    const { rope } = this.#config.layerAttention[this.#layer]!;
    const kind = distinctAngles(this.#config).indexOf(JSON.stringify(rope));
    const { cos, sin } = angleNames(kind);
    const [a, b] = graph.split(x, [headDim / 2, headDim / 2], 2) as [string, string];
    const product = (half: string, by: string): string => graph.add("Mul", [half, by]);
    const first = graph.add("Sub", [product(a, cos), product(b, sin)]);
    const second = graph.add("Add", [product(b, cos), product(a, sin)]);
    return graph.add("Concat", [first, second], { axis: int(2) });
  }

  #heads(part: "q" | "k" | "v", x: string, count: number): string {
    const { headDim, hiddenSize, qkvBias } = this.#config;
    const rows = count * headDim;
    const name = `self_attn.${part}_proj`;
    return this.#graph.reshape(
      this.#linear(name, x, rows, hiddenSize, qkvBias),
      -1,
      count,
      headDim,
    );
  }

  #headNorm(x: string, part: "q" | "k"): string {
    if (!this.#config.qkNorm) return x;
    const name = `${this.#at}.self_attn.${part}_norm.weight`;
    return norm(this.#graph, this.#config, x, name, this.#config.headDim);
  }

  #norm(x: string, name: string): string {
    const gain = `${this.#at}.${name}.weight`;
    return norm(this.#graph, this.#config, x, gain, this.#config.hiddenSize);
  }

  #linear(name: string, x: string, rows: number, k: number, hasBias = false): string {
    const weight = this.#graph.weight(`${this.#at}.${name}.weight`, rows, k);
    const bias = hasBias ? [this.#graph.weight(`${this.#at}.${name}.bias`, rows)] : [];
    return this.#graph.add("Gemm", [x, weight, ...bias], { transB: int(1) });
  }
}

/** RMS norm over the last dimension; ORT has it among ONNX's own operators. */
function norm(
  graph: GraphWriter,
  config: ModelConfig,
  x: string,
  name: string,
  size: number,
): string {
  const stored = graph.weight(name, size);
  const { gainOffset, rmsNormEps: epsilon } = config;
  const gain = gainOffset === 0 ? stored : graph.add("Add", [stored, graph.number(gainOffset)]);
  const attributes = { axis: int(-1), epsilon, stash_type: int(1) };
  return graph.add("SimplifiedLayerNormalization", [x, gain], attributes);
}
