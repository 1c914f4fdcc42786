/** Which tensors of a file become which buffers: names and shapes, checked before anything is loaded. */
import { CoppiceError } from "../../errors.ts";
import type { ModelConfig } from "../config.ts";
import { DTYPE_LAYOUT, isTensorDtype, type LocatedTensor } from "../formats/tensor-store.ts";

export interface TensorPart {
  readonly name: string;
  readonly rows: number;
  /** Added to the numbers of a vector as they are uploaded. Default: nothing. */
  readonly offset?: number;
}

/** One buffer on the GPU. */
export interface BufferPlan {
  readonly label: string;
  /** "matrix" takes the chosen weight type, "vector" is always f32. */
  readonly kind: "matrix" | "vector";
  /** Row length of a matrix; 1 for a vector. */
  readonly k: number;
  /** Tensors stacked by rows, in order. */
  readonly parts: readonly TensorPart[];
}

export interface LayerPlan {
  /** With biases of queries, keys and values behind it, where there are any. */
  readonly attentionNorm: BufferPlan;
  readonly qkv: BufferPlan;
  /** Gains of a query head's norm and of a key head's. */
  readonly headNorms?: BufferPlan;
  readonly attentionOut: BufferPlan;
  readonly attentionPostNorm?: BufferPlan;
  readonly mlpNorm: BufferPlan;
  readonly gateUp: BufferPlan;
  readonly down: BufferPlan;
  readonly mlpPostNorm?: BufferPlan;
}

export interface TensorPlan {
  readonly config: ModelConfig;
  readonly embedding: BufferPlan;
  readonly layers: readonly LayerPlan[];
  readonly norm: BufferPlan;
  /** Absent when the embedding serves as the head. */
  readonly head: BufferPlan | undefined;
  /** What the names of the layers begin with, up to their number. */
  readonly layerRoot: string;
}

/** Where the text model's tensors are: by themselves, or beside a vision tower as older and newer files name it. */
const ROOTS = [
  { body: "model.", head: "lm_head" },
  { body: "language_model.model.", head: "language_model.lm_head" },
  { body: "model.language_model.", head: "lm_head" },
];
const EMBEDDING = "embed_tokens.weight";

/** The buffers that a configuration asks for; `names` are those of the files' tensors, where a model has several ways. */
export function planTensors(
  config: ModelConfig,
  names?: { has(name: string): boolean },
): TensorPlan {
  const { hiddenSize, vocabSize, gainOffset } = config;
  const root = ROOTS.find(({ body }) => names?.has(body + EMBEDDING));
  const { body, head } = (config.multimodal ? root : undefined) ?? ROOTS[0]!;
  const layerRoot = `${body}layers.`;
  return {
    config,
    embedding: matrix("embed_tokens", hiddenSize, [body + "embed_tokens", vocabSize]),
    layers: Array.from({ length: config.layers }, (_, i) => planLayer(config, layerRoot + i)),
    norm: vector(`${body}norm`, [`${body}norm.weight`, hiddenSize, gainOffset]),
    head: config.tieWordEmbeddings ? undefined : matrix("lm_head", hiddenSize, [head, vocabSize]),
    layerRoot,
  };
}

function planLayer(config: ModelConfig, at: string): LayerPlan {
  const { hiddenSize, intermediateSize, headDim, gainOffset } = config;
  const queryDim = config.heads * headDim;
  const kvDim = config.kvHeads * headDim;
  const attention = `${at}.self_attn`;
  const projections: [name: string, rows: number][] = [
    [`${attention}.q_proj`, queryDim],
    [`${attention}.k_proj`, kvDim],
    [`${attention}.v_proj`, kvDim],
  ];
  const norm = (name: string): VectorPart => [`${at}.${name}.weight`, hiddenSize, gainOffset];
  const biases = projections.map(([name, rows]): VectorPart => [`${name}.bias`, rows, 0]);
  const headNorms = ["q_norm", "k_norm"].map((name): VectorPart => [
    `${attention}.${name}.weight`,
    headDim,
    gainOffset,
  ]);
  // Where there are norms after the blocks, the second block's own has another name.
  const mlpNorm = config.postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  return {
    attentionNorm: vector(
      `${at}.input_layernorm`,
      norm("input_layernorm"),
      ...(config.qkvBias ? biases : []),
    ),
    qkv: matrix(`${at}.qkv`, hiddenSize, ...projections),
    ...(config.qkNorm && { headNorms: vector(`${at}.qk_norm`, ...headNorms) }),
    attentionOut: matrix(`${at}.o_proj`, queryDim, [`${attention}.o_proj`, hiddenSize]),
    mlpNorm: vector(`${at}.mlp_norm`, norm(mlpNorm)),
    gateUp: matrix(
      `${at}.gate_up`,
      hiddenSize,
      [`${at}.mlp.gate_proj`, intermediateSize],
      [`${at}.mlp.up_proj`, intermediateSize],
    ),
    down: matrix(`${at}.down_proj`, intermediateSize, [`${at}.mlp.down_proj`, hiddenSize]),
    ...(config.postNorms && {
      attentionPostNorm: vector(`${at}.post_attention`, norm("post_attention_layernorm")),
      mlpPostNorm: vector(`${at}.post_feedforward`, norm("post_feedforward_layernorm")),
    }),
  };
}

function matrix(label: string, k: number, ...parts: [name: string, rows: number][]): BufferPlan {
  const named = parts.map(([name, rows]) => ({ name: `${name}.weight`, rows }));
  return { label, kind: "matrix", k, parts: named };
}

type VectorPart = [name: string, rows: number, offset: number];

function vector(label: string, ...parts: VectorPart[]): BufferPlan {
  const named = parts.map(([name, rows, offset]) => ({ name, rows, ...(offset && { offset }) }));
  return { label, kind: "vector", k: 1, parts: named };
}

/** Numbers in the tensors of a plan, a table that is used twice counted once. */
export function countNumbers(plan: TensorPlan): number {
  const sizes = planBuffers(plan).flatMap(({ k, parts }) => parts.map(({ rows }) => rows * k));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Every buffer of a plan. */
export function planBuffers(plan: TensorPlan): BufferPlan[] {
  const layers = plan.layers.flatMap((layer) => Object.values(layer) as BufferPlan[]);
  return [plan.embedding, ...layers, plan.norm, ...(plan.head ? [plan.head] : [])];
}

/**
 * Holds a plan against what the files contain.
 * @throws CoppiceError `tensor-missing`; `tensor-invalid` for a wrong shape or element type, or for a
 * tensor that this architecture has no place for, such as a bias, which would change the result.
 */
export function checkTensors(
  plan: TensorPlan,
  entries: ReadonlyMap<string, Pick<LocatedTensor, "dtype" | "shape">>,
): void {
  const wanted = new Set<string>();
  for (const { kind, k, parts } of planBuffers(plan)) {
    for (const { name, rows } of parts) {
      wanted.add(name);
      checkTensor(entries.get(name), name, kind === "vector" ? [rows] : [rows, k]);
    }
  }
  for (const name of entries.keys()) {
    if (!wanted.has(name) && !isIgnored(name, plan)) {
      const { architecture } = plan.config;
      throw tensorInvalid(
        `There is a tensor "${name}", which Coppice's ${architecture} does not use.`,
      );
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
  const { dtype } = entry;
  const stored = `Tensor "${name}" is stored as ${dtype}`;
  if (!isTensorDtype(dtype)) {
    throw tensorInvalid(`${stored}; ${Object.keys(DTYPE_LAYOUT).join(", ")} work.`);
  }
  const { elements } = DTYPE_LAYOUT[dtype];
  if (shape.at(-1)! % elements !== 0) {
    throw tensorInvalid(`${stored}, in blocks of ${elements}, into which its rows do not divide.`);
  }
}

/** Left out on purpose: derived tables, a tied head stored twice, a vision tower, and layers that were cut off. */
function isIgnored(name: string, { config, layerRoot }: TensorPlan): boolean {
  if (name.endsWith("rotary_emb.inv_freq") || name.endsWith("lm_head.weight")) return true;
  if (config.multimodal && VISION.test(name)) return true;
  const index = name.startsWith(layerRoot) ? /^\d+(?=\.)/.exec(name.slice(layerRoot.length)) : null;
  return index !== null && Number(index[0]) >= config.layers;
}

const VISION = /^(model\.)?(vision_tower|multi_modal_projector)\./;

function tensorInvalid(message: string): CoppiceError {
  return new CoppiceError(
    "tensor-invalid",
    message,
    "Use weights and config.json of the same plain model, in F32, F16 or BF16.",
  );
}
