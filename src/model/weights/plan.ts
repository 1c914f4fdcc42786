/** Which tensors of a file become which buffers: names and shapes, checked before anything is loaded. */
import { CoppiceError } from "../../errors.ts";
import type { ModelConfig } from "../config.ts";
import { DTYPE_LAYOUT, isTensorDtype, type LocatedTensor } from "../formats/tensor-store.ts";

/** One buffer on the GPU. */
export interface BufferPlan {
  readonly label: string;
  /** "matrix" takes the chosen weight type, "vector" is always f32. */
  readonly kind: "matrix" | "vector";
  /** Row length of a matrix; 1 for a vector. */
  readonly k: number;
  /** Tensors stacked by rows, in order. */
  readonly parts: readonly { readonly name: string; readonly rows: number }[];
}

export interface LayerPlan {
  readonly attentionNorm: BufferPlan;
  readonly qkv: BufferPlan;
  readonly attentionOut: BufferPlan;
  readonly mlpNorm: BufferPlan;
  readonly gateUp: BufferPlan;
  readonly down: BufferPlan;
}

export interface LlamaPlan {
  readonly embedding: BufferPlan;
  readonly layers: readonly LayerPlan[];
  readonly norm: BufferPlan;
  /** Absent when the embedding serves as the head. */
  readonly head: BufferPlan | undefined;
}

/** The buffers that a configuration asks for. */
export function planLlama(config: ModelConfig): LlamaPlan {
  const { hiddenSize, intermediateSize, vocabSize } = config;
  const matrix = (
    label: string,
    k: number,
    ...parts: [name: string, rows: number][]
  ): BufferPlan => ({
    label,
    kind: "matrix",
    k,
    parts: parts.map(([name, rows]) => ({ name: `${name}.weight`, rows })),
  });
  const vector = (name: string): BufferPlan => ({
    label: name,
    kind: "vector",
    k: 1,
    parts: [{ name: `${name}.weight`, rows: hiddenSize }],
  });
  const queryDim = config.heads * config.headDim;
  const kvDim = config.kvHeads * config.headDim;
  const layer = (index: number): LayerPlan => {
    const at = `model.layers.${index}`;
    const attention = `${at}.self_attn`;
    return {
      attentionNorm: vector(`${at}.input_layernorm`),
      qkv: matrix(
        `${at}.qkv`,
        hiddenSize,
        [`${attention}.q_proj`, queryDim],
        [`${attention}.k_proj`, kvDim],
        [`${attention}.v_proj`, kvDim],
      ),
      attentionOut: matrix(`${at}.o_proj`, queryDim, [`${attention}.o_proj`, hiddenSize]),
      mlpNorm: vector(`${at}.post_attention_layernorm`),
      gateUp: matrix(
        `${at}.gate_up`,
        hiddenSize,
        [`${at}.mlp.gate_proj`, intermediateSize],
        [`${at}.mlp.up_proj`, intermediateSize],
      ),
      down: matrix(`${at}.down_proj`, intermediateSize, [`${at}.mlp.down_proj`, hiddenSize]),
    };
  };
  return {
    embedding: matrix("embed_tokens", hiddenSize, ["model.embed_tokens", vocabSize]),
    layers: Array.from({ length: config.layers }, (_, index) => layer(index)),
    norm: vector("model.norm"),
    head: config.tieWordEmbeddings
      ? undefined
      : matrix("lm_head", hiddenSize, ["lm_head", vocabSize]),
  };
}

/** Every buffer of a plan. */
export function planBuffers(plan: LlamaPlan): BufferPlan[] {
  const layers = plan.layers.flatMap((layer) => Object.values(layer) as BufferPlan[]);
  return [plan.embedding, ...layers, plan.norm, ...(plan.head ? [plan.head] : [])];
}

/**
 * Holds a plan against what the files contain.
 * @throws CoppiceError `tensor-missing`; `tensor-invalid` for a wrong shape or element type, or for a
 * tensor that this architecture has no place for, such as a bias, which would change the result.
 */
export function checkTensors(
  plan: LlamaPlan,
  entries: ReadonlyMap<string, Pick<LocatedTensor, "dtype" | "shape">>,
  layers: number,
): void {
  const wanted = new Set<string>();
  for (const { kind, k, parts } of planBuffers(plan)) {
    for (const { name, rows } of parts) {
      wanted.add(name);
      checkTensor(entries.get(name), name, kind === "vector" ? [rows] : [rows, k]);
    }
  }
  for (const name of entries.keys()) {
    if (!wanted.has(name) && !isIgnored(name, layers)) {
      throw tensorInvalid(`There is a tensor "${name}", which Coppice's Llama does not use.`);
    }
  }
}

function checkTensor(
  entry: Pick<LocatedTensor, "dtype" | "shape"> | undefined,
  name: string,
  shape: number[],
): void {
  const expected = `[${shape.join(", ")}]`;
  if (!entry) {
    throw new CoppiceError(
      "tensor-missing",
      `There is no tensor "${name}" (${expected}).`,
      "Check that config.json and the weights belong together, and that all files of the model are there.",
    );
  }
  const found = `[${entry.shape.join(", ")}]`;
  if (found !== expected) {
    throw tensorInvalid(`Tensor "${name}" has shape ${found}; config.json makes it ${expected}.`);
  }
  const layout = isTensorDtype(entry.dtype) ? DTYPE_LAYOUT[entry.dtype] : undefined;
  if (!layout || shape.at(-1)! % layout.elements !== 0) {
    throw tensorInvalid(`Tensor "${name}" is stored as ${entry.dtype}; F32, F16 and BF16 work.`);
  }
}

/** Left out on purpose: derived tables, a tied head stored twice, and layers that were cut off. */
function isIgnored(name: string, layers: number): boolean {
  if (name.endsWith("rotary_emb.inv_freq") || name === "lm_head.weight") return true;
  const index = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  return index !== undefined && Number(index) >= layers;
}

function tensorInvalid(message: string): CoppiceError {
  return new CoppiceError(
    "tensor-invalid",
    message,
    "Use weights and config.json of the same plain Llama model, in F32, F16 or BF16.",
  );
}
