/**
 * A Llama as an ONNX graph: one pass over some tokens, given the keys and values of those before them. Written so that a
 * row's numbers do not depend on the rows beside it; docs/fallback.md says which ORT operators allow that.
 */
import type { ModelConfig } from "../model/config.ts";
import type { OnnxConstant, OnnxGraph, OnnxNode, OnnxValue } from "./onnx-writer.ts";

/** Inputs beside each layer's past. `R` rows, `P` tokens before them, `Q` of padding, `T` all of these, `N` rows of logits. */
export const INPUT = {
  /** int32 [R] */ ids: "ids",
  /** float [R, 1, headDim / 2] */ cos: "cos",
  /** float [R, 1, headDim / 2] */ sin: "sin",
  /** float [R, 1, T]: 0 where a row sees a token, else very low. */ mask: "mask",
  /** float [Q, kvHeads, headDim]: zeros. */ padding: "padding",
  /** int32 [N]: the rows whose logits are wanted. */ wanted: "wanted",
} as const;

/** Names of a layer's keys and values, in and out: float [P, kvHeads, headDim] and [R, kvHeads, headDim]. */
export const cacheNames = (layer: number) => ({
  pastKey: `past_key.${layer}`,
  pastValue: `past_value.${layer}`,
  newKey: `new_key.${layer}`,
  newValue: `new_value.${layer}`,
});

export const LOGITS = "logits";

class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  #names = 0;

  /** Adds a node with one output, and gives that. */
  add(op: string, inputs: string[], attributes: OnnxNode["attributes"] = {}, name?: string): string {
    const output = name ?? `${op}_${this.#names++}`;
    this.nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }

  split(input: string, sizes: number[], axis: number): string[] {
    const outputs = sizes.map(() => `Split_${this.#names++}`);
    const inputs = [input, this.integers(sizes)];
    this.nodes.push({ op: "Split", inputs, outputs, attributes: { axis: { int: axis } } });
    return outputs;
  }

  reshape(input: string, ...dims: number[]): string {
    return this.add("Reshape", [input, this.integers(dims)]);
  }

  transpose(input: string, ...perm: number[]): string {
    return this.add("Transpose", [input], { perm });
  }

  /** A weight of the model's files, by its name there. */
  weight(name: string, ...dims: number[]): string {
    if (this.constants.some((constant) => constant.name === name)) return name;
    const bytes = 4 * dims.reduce((product, size) => product * size, 1);
    this.constants.push({ name, type: "float", dims, file: name, bytes });
    return name;
  }

  number(value: number): string {
    return this.#constant("float", [], new Uint8Array(Float32Array.of(value).buffer));
  }

  integers(values: readonly number[]): string {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant("int64", [values.length], data);
  }

  #constant(type: OnnxConstant["type"], dims: number[], data: Uint8Array): string {
    const name = `constant_${this.#names++}`;
    this.constants.push({ name, type, dims, data });
    return name;
  }
}

/** The graph; its large constants are the tensors of the model's own files, as f32, by their names. */
export function llamaGraph(config: ModelConfig): OnnxGraph {
  const { hiddenSize, vocabSize, kvHeads, headDim, layers, tieWordEmbeddings } = config;
  const graph = new GraphWriter();
  const embedding = graph.weight("model.embed_tokens.weight", vocabSize, hiddenSize);
  let hidden = graph.add("Gather", [embedding, INPUT.ids], { axis: { int: 0 } });
  const caches: { inputs: OnnxValue[]; outputs: OnnxValue[] } = { inputs: [], outputs: [] };
  for (let layer = 0; layer < layers; layer++) {
    hidden = writeLayer(graph, config, layer, hidden);
    const names = cacheNames(layer);
    for (const name of [names.pastKey, names.pastValue]) {
      caches.inputs.push({ name, type: "float", dims: ["P", kvHeads, headDim] });
    }
    for (const name of [names.newKey, names.newValue]) {
      caches.outputs.push({ name, type: "float", dims: ["R", kvHeads, headDim] });
    }
  }
  const last = graph.add("Gather", [hidden, INPUT.wanted], { axis: { int: 0 } });
  const normed = norm(graph, config, last, "model.norm.weight");
  const head = tieWordEmbeddings
    ? embedding
    : graph.weight("lm_head.weight", vocabSize, hiddenSize);
  graph.add("Gemm", [normed, head], { transB: { int: 1 } }, LOGITS);
  const half = headDim / 2;
  return {
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [
      { name: INPUT.ids, type: "int32", dims: ["R"] },
      { name: INPUT.cos, type: "float", dims: ["R", 1, half] },
      { name: INPUT.sin, type: "float", dims: ["R", 1, half] },
      { name: INPUT.mask, type: "float", dims: ["R", 1, "T"] },
      { name: INPUT.padding, type: "float", dims: ["Q", kvHeads, headDim] },
      { name: INPUT.wanted, type: "int32", dims: ["N"] },
      ...caches.inputs,
    ],
    outputs: [{ name: LOGITS, type: "float", dims: ["N", vocabSize] }, ...caches.outputs],
  };
}

function writeLayer(graph: GraphWriter, config: ModelConfig, layer: number, x: string): string {
  const { hiddenSize, intermediateSize } = config;
  const at = `model.layers.${layer}`;
  const linear = (name: string, input: string, rows: number, k: number): string =>
    graph.add("Gemm", [input, graph.weight(`${at}.${name}.weight`, rows, k)], {
      transB: { int: 1 },
    });
  const attended = attention(graph, config, layer, x, linear);
  const mixed = graph.add("Add", [x, attended]);
  const normed = norm(graph, config, mixed, `${at}.post_attention_layernorm.weight`);
  const gate = linear("mlp.gate_proj", normed, intermediateSize, hiddenSize);
  const up = linear("mlp.up_proj", normed, intermediateSize, hiddenSize);
  const silu = graph.add("Mul", [gate, graph.add("Sigmoid", [gate])]);
  const inner = graph.add("Mul", [silu, up]);
  return graph.add("Add", [mixed, linear("mlp.down_proj", inner, hiddenSize, intermediateSize)]);
}

function attention(
  graph: GraphWriter,
  config: ModelConfig,
  layer: number,
  x: string,
  linear: (name: string, input: string, rows: number, k: number) => string,
): string {
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const group = heads / kvHeads;
  const names = cacheNames(layer);
  const normed = norm(graph, config, x, `model.layers.${layer}.input_layernorm.weight`);
  const project = (part: string, count: number): string =>
    graph.reshape(
      linear(`self_attn.${part}_proj`, normed, count * headDim, hiddenSize),
      -1,
      count,
      headDim,
    );
  const query = rotate(graph, headDim, project("q", heads));
  const key = graph.add("Identity", [rotate(graph, headDim, project("k", kvHeads))], {}, names.newKey);
  const value = graph.add("Identity", [project("v", kvHeads)], {}, names.newValue);
  const all = (past: string, fresh: string): string =>
    graph.add("Concat", [past, fresh, INPUT.padding], { axis: { int: 0 } });
  const keys = graph.transpose(all(names.pastKey, key), 1, 2, 0); // [kvHeads, headDim, T]
  const values = graph.transpose(all(names.pastValue, value), 1, 0, 2); // [kvHeads, T, headDim]

  // [R, kvHeads, group, headDim] -> [kvHeads, R * group, headDim]
  const grouped = graph.transpose(graph.reshape(query, -1, kvHeads, group, headDim), 1, 0, 2, 3);
  const rows = graph.reshape(grouped, kvHeads, -1, headDim);
  const products = graph.add("MatMul", [rows, keys]);
  const scaled = graph.add("Mul", [products, graph.number(1 / Math.sqrt(headDim))]);
  // [kvHeads, R, group, T], so that a row's mask serves all heads.
  const shape = graph.add("Concat", [
    graph.integers([kvHeads, -1, group]),
    graph.add("Shape", [INPUT.mask], { start: { int: 2 } }),
  ], { axis: { int: 0 } });
  const masked = graph.add("Add", [graph.add("Reshape", [scaled, shape]), INPUT.mask]);
  const weights = graph.add("Softmax", [masked], { axis: { int: -1 } });
  const flat = graph.add("Reshape", [weights, graph.add("Shape", [products])]);
  const mixed = graph.reshape(graph.add("MatMul", [flat, values]), kvHeads, -1, group, headDim);
  const out = graph.reshape(graph.transpose(mixed, 1, 0, 2, 3), -1, heads * headDim);
  return linear("self_attn.o_proj", out, hiddenSize, heads * headDim);
}

/** Half-split rotation of [R, heads, headDim] by the angles given. */
function rotate(graph: GraphWriter, headDim: number, x: string): string {
  const [a, b] = graph.split(x, [headDim / 2, headDim / 2], 2) as [string, string];
  const turn = (first: string, second: string, op: "Add" | "Sub"): string =>
    graph.add(op, [
      graph.add("Mul", [first, INPUT.cos]),
      graph.add("Mul", [second, INPUT.sin]),
    ]);
  return graph.add("Concat", [turn(a, b, "Sub"), turn(b, a, "Add")], { axis: { int: 2 } });
}

function norm(graph: GraphWriter, config: ModelConfig, x: string, name: string): string {
  const gain = graph.weight(name, config.hiddenSize);
  // ORT's own name for RMS norm, in ONNX's operator set.
  return graph.add("SimplifiedLayerNormalization", [x, gain], {
    axis: { int: -1 },
    epsilon: config.rmsNormEps,
    stash_type: { int: 1 },
  });
}
