// Llama models as ONNX decoders: as onnx-community's builder makes them, and as older exports do.
import { type NBits, nbitsNumbers, toNBits } from "../reference/onnx-blocks.ts";
import { f16Bits, roundToF16 } from "./half.ts";
import type { OnnxConstant, OnnxTestGraph, OnnxTestNode } from "./onnx-writer.ts";
import { type TestTensor, testTensor } from "./safetensors-writer.ts";

export interface OnnxModelOptions {
  readonly layers: number;
  readonly heads: { readonly q: number; readonly kv: number };
  readonly type: "f32" | "f16" | "q4" | "q8";
  /** Of q4 and q8. Default 32. */
  readonly block?: number;
  readonly zeros?: boolean;
  /** One matrix for queries, keys and values. */
  readonly packed?: boolean;
  /** Norms, rotary positions and attention of many nodes; matrices as onnx::MatMul_123. */
  readonly spelledOut?: boolean;
  /** The head is the embedding turned around, as a node of its own. */
  readonly tiedHead?: boolean;
}

export interface OnnxModel {
  readonly graph: OnnxTestGraph;
  /** What the graph holds, under transformers' names. */
  readonly tensors: Record<string, TestTensor>;
}

/** `tensors` of a Llama, rounded as the type asks, in a graph. */
export function onnxLlama(
  tensors: Readonly<Record<string, TestTensor>>,
  options: OnnxModelOptions,
): OnnxModel {
  const writer = new GraphWriter(tensors, options);
  writer.model();
  const { nodes, constants, held } = writer;
  const caches = Array.from({ length: options.layers }, (_, i) => i);
  const graph = {
    nodes,
    constants,
    inputs: [
      "input_ids",
      "attention_mask",
      ...caches.flatMap((i) => [`past_key_values.${i}.key`, `past_key_values.${i}.value`]),
    ],
    outputs: ["logits", ...caches.flatMap((i) => [`present.${i}.key`, `present.${i}.value`])],
  };
  return { graph, tensors: held };
}

class GraphWriter {
  readonly nodes: OnnxTestNode[] = [];
  readonly constants: OnnxConstant[] = [];
  readonly held: Record<string, TestTensor> = {};
  readonly #tensors: Readonly<Record<string, TestTensor>>;
  readonly #options: OnnxModelOptions;
  #count = 0;

  constructor(tensors: Readonly<Record<string, TestTensor>>, options: OnnxModelOptions) {
    this.#tensors = tensors;
    this.#options = options;
  }

  model(): void {
    const { layers, spelledOut = false, tiedHead } = this.#options;
    const embedding = this.plain("model.embed_tokens.weight", "model.embed_tokens.weight");
    let stream = this.node("Gather", [embedding, "input_ids"]);
    let joined: string | undefined;
    for (let layer = 0; layer < layers; layer++) {
      const at = `model.layers.${layer}`;
      let normed: string;
      [normed, stream] = this.norm(`${at}.input_layernorm.weight`, stream, joined);
      const attention = spelledOut
        ? this.attention(at, layer, normed)
        : this.group(at, layer, normed);
      joined = this.matmul(`${at}.self_attn.o_proj.weight`, attention);
      [normed, stream] = this.norm(`${at}.post_attention_layernorm.weight`, stream, joined);
      const gate = this.matmul(`${at}.mlp.gate_proj.weight`, normed);
      const up = this.matmul(`${at}.mlp.up_proj.weight`, normed);
      const active = this.node("Mul", [gate, this.node("Sigmoid", [gate])]);
      joined = this.matmul(`${at}.mlp.down_proj.weight`, this.node("Mul", [active, up]));
    }
    const [last] = this.norm("model.norm.weight", stream, joined);
    if (tiedHead) {
      const turned = this.node("Transpose", [embedding], { perm: [1, 0] });
      this.node("MatMul", [last, turned], {}, ["logits"]);
    } else {
      this.matmul(
        "lm_head.weight" in this.#tensors ? "lm_head.weight" : "model.embed_tokens.weight",
        last,
        "logits",
        "lm_head.weight",
      );
    }
  }

  /** GroupQueryAttention, which turns by positions itself. */
  group(at: string, layer: number, input: string): string {
    const { heads, packed } = this.#options;
    const names = ["q", "k", "v"].map((part) => `${at}.self_attn.${part}_proj.weight`);
    const qkv = packed
      ? [this.packed(names, input), "", ""]
      : names.map((name) => this.matmul(name, input));
    const caches = [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`];
    const outputs = [this.value(), `present.${layer}.key`, `present.${layer}.value`];
    const ints = { num_heads: heads.q, kv_num_heads: heads.kv, do_rotary: 1 };
    this.node(
      "GroupQueryAttention",
      [...qkv, ...caches, "seqlens_k", "total", "cos", "sin"],
      ints,
      outputs,
      "com.microsoft",
    );
    return outputs[0]!;
  }

  /** Attention by single nodes, as PyTorch's exporter leaves it. */
  attention(at: string, layer: number, input: string): string {
    const heads = (value: string): string =>
      this.node("Transpose", [this.node("Reshape", [value, "shape"])], { perm: [0, 2, 1, 3] });
    const rotate = (value: string): string => {
      const turned = this.node("Concat", [
        this.node("Neg", [this.node("Slice", [value])]),
        this.node("Slice", [value]),
      ]);
      return this.node("Add", [
        this.node("Mul", [value, "cos"]),
        this.node("Mul", [turned, "sin"]),
      ]);
    };
    const [q, k, v] = ["q", "k", "v"].map((part) =>
      heads(this.matmul(`${at}.self_attn.${part}_proj.weight`, input)),
    ) as [string, string, string];
    const query = rotate(q);
    const keys = this.node("Concat", [`past_key_values.${layer}.key`, rotate(k)], {}, [
      `present.${layer}.key`,
    ]);
    const values = this.node("Concat", [`past_key_values.${layer}.value`, v], {}, [
      `present.${layer}.value`,
    ]);
    const scores = this.node("MatMul", [query, this.node("Transpose", [keys])]);
    const masked = this.node("Softmax", [this.node("Add", [scores, "mask"])]);
    const mixed = this.node("MatMul", [masked, this.node("Expand", [values, "shape"])]);
    return this.node("Reshape", [this.node("Transpose", [mixed]), "shape"]);
  }

  /** The normed stream, and the stream itself with `joined` added. */
  norm(name: string, stream: string, joined: string | undefined): [string, string] {
    const gain = this.plain(name, this.#options.spelledOut ? `gain_${this.#count}` : name);
    if (this.#options.spelledOut) {
      const sum = joined === undefined ? stream : this.node("Add", [stream, joined]);
      const mean = this.node("ReduceMean", [this.node("Pow", [sum, "two"])]);
      const scale = this.node("Div", ["one", this.node("Sqrt", [this.node("Add", [mean, "eps"])])]);
      return [this.node("Mul", [gain, this.node("Mul", [sum, scale])]), sum];
    }
    if (joined === undefined) {
      return [this.node("SimplifiedLayerNormalization", [stream, gain]), stream];
    }
    const outputs = [this.value(), "", "", this.value()];
    this.node(
      "SkipSimplifiedLayerNormalization",
      [stream, joined, gain],
      {},
      outputs,
      "com.microsoft",
    );
    return [outputs[0]!, outputs[3]!];
  }

  matmul(name: string, input: string, output?: string, heldAs = name): string {
    const { shape, data } = this.#tensors[name]!;
    return this.matrix([heldAs], [shape[0]!], shape[1]!, data, input, output);
  }

  packed(names: readonly string[], input: string): string {
    const parts = names.map((name) => this.#tensors[name]!);
    const data = Float64Array.from(parts.flatMap((part) => [...part.data]));
    return this.matrix(
      names,
      parts.map(({ shape }) => shape[0]!),
      parts[0]!.shape[1]!,
      data,
      input,
    );
  }

  /** A matrix of one or more tensors' rows, and the node that multiplies with it. */
  matrix(
    names: readonly string[],
    rows: readonly number[],
    k: number,
    data: Float64Array,
    input: string,
    output = this.value(),
  ): string {
    const { type, block = 32, zeros = false } = this.#options;
    const all = rows.reduce((a, b) => a + b, 0);
    const id = `onnx::MatMul_${1000 + this.#count}`;
    let numbers: Float64Array;
    if (type === "f32" || type === "f16") {
      const turned = new Float64Array(data.length);
      for (let row = 0; row < all; row++) {
        for (let i = 0; i < k; i++) turned[i * all + row] = data[row * k + i]!;
      }
      const weight = this.floats(id, [k, all], turned);
      this.node("MatMul", [input, weight], {}, [output]);
      numbers = type === "f16" ? data.map(roundToF16) : data.map(Math.fround);
    } else {
      const bits = type === "q4" ? 4 : 8;
      const blocks = toNBits(data, all, k, block, bits, zeros, roundToF16);
      const inputs = [input, ...this.blockConstants(id, blocks)];
      const ints = { K: k, N: all, bits, block_size: block };
      this.node("MatMulNBits", inputs, ints, [output], "com.microsoft");
      numbers = nbitsNumbers(blocks);
    }
    let row = 0;
    for (const [i, name] of names.entries()) {
      const part = numbers.subarray(row * k, (row + rows[i]!) * k);
      this.held[name] = testTensor("F32", [rows[i]!, k], part);
      row += rows[i]!;
    }
    return this.biased(names, output);
  }

  /** The node that adds the biases of these matrices, where they have any. */
  biased(names: readonly string[], value: string): string {
    const biases = names.map((name) => name.replace(/weight$/, "bias"));
    if (!biases.every((name) => name in this.#tensors)) return value;
    const data = biases.flatMap((name) => [...this.#tensors[name]!.data]);
    for (const name of biases) {
      const { shape, data: own } = this.#tensors[name]!;
      this.held[name] = testTensor(this.#options.type === "f16" ? "F16" : "F32", shape, own);
    }
    const bias = this.floats(`bias_${this.#count}`, [data.length], Float64Array.from(data));
    return this.node("Add", [bias, value]);
  }

  blockConstants(id: string, { rows, k, block, bits, data, scales, zeros }: NBits): string[] {
    const per = Math.ceil(k / block);
    this.constants.push({
      name: `${id}_quant`,
      type: 2,
      shape: [rows, per, (block * bits) / 8],
      bytes: data,
    });
    this.constants.push({
      name: `${id}_scales`,
      type: 10,
      shape: [rows * per],
      bytes: new Uint8Array(Uint16Array.from(scales, f16Bits).buffer),
    });
    if (!zeros) return [`${id}_quant`, `${id}_scales`];
    const stride = bits === 8 ? per : Math.ceil(per / 2);
    const bytes = new Uint8Array(rows * stride);
    for (const [at, zero] of zeros.entries()) {
      const [row, b] = [Math.floor(at / per), at % per];
      if (bits === 8) bytes[row * stride + b] = zero;
      else bytes[row * stride + (b >> 1)]! += b % 2 === 0 ? zero : 16 * zero;
    }
    this.constants.push({ name: `${id}_zero_points`, type: 2, shape: [bytes.length], bytes });
    return [`${id}_quant`, `${id}_scales`, `${id}_zero_points`];
  }

  /** A constant as it is, held in f16 where the model is of that kind. */
  plain(name: string, as: string): string {
    const { shape, data } = this.#tensors[name]!;
    const isHalf = this.#options.type === "f16";
    this.held[name] = testTensor(isHalf ? "F16" : "F32", shape, data);
    return this.floats(as, shape, data);
  }

  floats(name: string, shape: readonly number[], data: Float64Array): string {
    const isHalf = this.#options.type === "f16";
    const words = isHalf
      ? Uint16Array.from(data, (x) => f16Bits(roundToF16(x)))
      : Float32Array.from(data);
    this.constants.push({
      name,
      type: isHalf ? 10 : 1,
      shape,
      bytes: new Uint8Array(words.buffer),
    });
    return name;
  }

  node(
    op: string,
    inputs: readonly string[],
    ints: OnnxTestNode["ints"] = {},
    outputs: readonly string[] = [this.value()],
    domain?: string,
  ): string {
    this.nodes.push({ op, inputs, outputs, ints, ...(domain && { domain }) });
    return outputs[0]!;
  }

  value(): string {
    return `value_${(this.#count += 1)}`;
  }
}
