/**
 * Which constant of an ONNX decoder is which part of the model. Names say nothing: a matrix is known by what its
 * products flow into - keys by the cache that they end in, the gate by its activation, the head by the logits.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./onnx-graph.ts";
import {
  findEmbedding,
  findLinears,
  GraphIndex,
  type OnnxLinear,
  type OnnxMatrix,
  unreadable,
} from "./onnx-linear.ts";

/** A part of the model under transformers' name; `rows` of the matrix from `firstRow` on. */
export interface OnnxPart {
  readonly name: string;
  readonly matrix: OnnxMatrix;
  readonly firstRow: number;
  readonly rows: number;
}

/** The same of a norm's gain or a bias: `rows` numbers from `firstRow` on. */
export interface OnnxVector {
  readonly name: string;
  readonly tensor: OnnxTensor;
  readonly firstRow: number;
  readonly rows: number;
}

export interface OnnxRoles {
  readonly parts: readonly OnnxPart[];
  readonly vectors: readonly OnnxVector[];
  /** True where the head is not the embedding table itself. */
  readonly ownHead: boolean;
}

const ATTENTION = /^(GroupQueryAttention|MultiHeadAttention|Attention)$/;
const ACTIVATION = /^(Sigmoid|Tanh|Erf|Silu|Swish|Gelu|FastGelu|QuickGelu|BiasGelu|HardSwish)$/;
/** Where products join the stream that runs through all layers. */
const JOIN = /^Skip(Simplified)?LayerNormalization$/;

/** What the products of a matrix flow into before they reach another matrix. */
interface Flow {
  readonly attention: Map<OnnxNode, number>;
  readonly outputs: Set<string>;
  readonly next: Set<OnnxLinear>;
  readonly gains: OnnxTensor[];
  activated: boolean;
}

/** `heads` of queries and keys tell apart what a packed matrix holds. Throws `architecture-unknown`. */
export function findRoles(
  graph: OnnxGraph,
  heads: { readonly query: number; readonly keyValue: number },
): OnnxRoles {
  const index = new GraphIndex(graph);
  const linears = findLinears(index);
  const embedding = findEmbedding(index);
  if (!embedding) throw unreadable("has no table of tokens");
  const flows = new Map(
    [...linears.values()].map((one) => [one, follow(index, linears, one.output)]),
  );
  const roles = new Roles();
  const whole = (name: string, matrix: OnnxMatrix): void => roles.add(name, matrix, 0, matrix.rows);
  whole("model.embed_tokens", embedding);
  const groups = new Map<string, OnnxLinear[]>();
  for (const linear of linears.values()) {
    const group = groups.get(linear.input);
    if (group) group.push(linear);
    else groups.set(linear.input, [linear]);
  }
  let layer = 0;
  let ownHead = false;
  for (const [input, group] of groups) {
    const [first] = group as [OnnxLinear];
    const flow = flows.get(first)!;
    const isHead = [...flow.outputs].some((name) => !/past|present/.test(name));
    if (isHead && group.length === 1 && flow.next.size === 0) {
      ownHead = first.tensor !== embedding.tensor;
      if (ownHead) roles.linear("lm_head", first);
      roles.norm("model.norm", gainOf(index, input));
      continue;
    }
    const attention = attentionOf(group, flows);
    if (!attention) continue;
    const at = `model.layers.${layer}`;
    layer += 1;
    const { q, k, v, packed } = attention;
    roles.norm(`${at}.input_layernorm`, gainOf(index, input));
    if (packed) {
      const headDim = packed.rows / (heads.query + 2 * heads.keyValue);
      let row = 0;
      for (const [part, count] of [
        ["q", heads.query],
        ["k", heads.keyValue],
        ["v", heads.keyValue],
      ] as const) {
        roles.linear(`${at}.self_attn.${part}_proj`, packed, row, count * headDim);
        row += count * headDim;
      }
    } else {
      for (const [part, linear] of [
        ["q", q],
        ["k", k],
        ["v", v],
      ] as const) {
        roles.linear(`${at}.self_attn.${part}_proj`, linear!);
        const gain = part === "v" ? undefined : flows.get(linear!)!.gains[0];
        if (gain) roles.norm(`${at}.self_attn.${part}_norm`, gain);
      }
    }
    const out = onlyNext(afterAttention(index, linears, attention, flows), "attention");
    roles.linear(`${at}.self_attn.o_proj`, out);
    const after = flows.get(out)!.gains[0];
    if (after) roles.norm(`${at}.post_attention_layernorm`, after);
    const mlp = mlpAfter(index, groups, out, flows);
    roles.norm(
      `${at}.${after ? "pre_feedforward_layernorm" : "post_attention_layernorm"}`,
      gainOf(index, mlp.gate.input),
    );
    roles.linear(`${at}.mlp.gate_proj`, mlp.gate);
    roles.linear(`${at}.mlp.up_proj`, mlp.up);
    const down = onlyNext(flows.get(mlp.up)!.next, "an MLP");
    roles.linear(`${at}.mlp.down_proj`, down);
    const last = flows.get(down)!.gains[0];
    if (last) roles.norm(`${at}.post_feedforward_layernorm`, last);
  }
  if (layer === 0) throw unreadable("has no attention that is known");
  return { ...roles, ownHead };
}

class Roles {
  readonly parts: OnnxPart[] = [];
  readonly vectors: OnnxVector[] = [];

  add(name: string, matrix: OnnxMatrix, firstRow: number, rows: number): void {
    this.parts.push({ name: `${name}.weight`, matrix, firstRow, rows });
  }

  linear(name: string, linear: OnnxLinear, firstRow = 0, rows = linear.rows): void {
    this.add(name, linear, firstRow, rows);
    if (!linear.bias) return;
    this.vectors.push({ name: `${name}.bias`, tensor: linear.bias, firstRow, rows });
  }

  norm(name: string, tensor: OnnxTensor): void {
    const rows = tensor.shape[0]!;
    this.vectors.push({ name: `${name}.weight`, tensor, firstRow: 0, rows });
  }
}

/** Everything that `value` flows into, up to the next matrices and to where it joins the stream. */
function follow(
  index: GraphIndex,
  linears: ReadonlyMap<OnnxNode, OnnxLinear>,
  value: string,
): Flow {
  const flow: Flow = {
    attention: new Map(),
    outputs: new Set(),
    next: new Set(),
    gains: [],
    activated: false,
  };
  const reached = new Set([value]);
  const passed = new Set<OnnxNode>();
  // A sum is passed only once all that it adds is reached: the stream comes from elsewhere.
  for (const one of reached) {
    if (index.graph.outputs.has(one)) flow.outputs.add(one);
    for (const node of index.takers(one)) {
      index.step();
      const linear = linears.get(node);
      if (linear) flow.next.add(linear);
      else if (ATTENTION.test(node.op)) flow.attention.set(node, node.inputs.indexOf(one));
      else if (JOIN.test(node.op) || passed.has(node)) continue;
      else if (node.op !== "Add" || sumsReached(index, node, reached)) {
        passed.add(node);
        if (ACTIVATION.test(node.op)) flow.activated = true;
        const gain = gainIn(index, node);
        if (gain) flow.gains.push(gain);
        for (const output of node.outputs) if (output) reached.add(output);
      }
    }
  }
  return flow;
}

function sumsReached(index: GraphIndex, node: OnnxNode, reached: ReadonlySet<string>): boolean {
  return node.inputs.every((input) => reached.has(input) || isFixed(index, input));
}

/** A constant of the graph, or one that a node of its own makes. */
function isFixed(index: GraphIndex, value: string): boolean {
  const origin = index.origin(value);
  return index.constant(origin) !== undefined || index.maker(origin)?.op === "Constant";
}

/** The gain that a norm, or the product that ends a norm of several nodes, multiplies with. */
function gainIn(index: GraphIndex, { op, inputs }: OnnxNode): OnnxTensor | undefined {
  const isNorm = op === "SimplifiedLayerNormalization" || op === "RMSNormalization";
  if (!isNorm && op !== "Mul") return undefined;
  const from = isNorm ? inputs.slice(1, 2) : inputs;
  const gain = from.map((input) => index.constant(index.origin(input))).find(Boolean);
  return gain?.shape.length === 1 && gain.shape[0]! > 1 ? gain : undefined;
}

/** The gain of the norm that gives `value`. */
function gainOf(index: GraphIndex, value: string): OnnxTensor {
  const node = index.maker(value);
  if (node?.op === "SkipSimplifiedLayerNormalization") {
    const gain = index.constant(index.origin(node.inputs[2] ?? ""));
    if (gain && !node.inputs[3]) return gain;
  }
  const gain = node && gainIn(index, node);
  if (gain) return gain;
  throw unreadable(`norms by ${node?.op ?? "nothing"}, which is not known here`);
}

interface AttentionGroup {
  readonly q?: OnnxLinear;
  readonly k?: OnnxLinear;
  readonly v?: OnnxLinear;
  readonly packed?: OnnxLinear;
}

/** The matrices before an attention, told apart by where keys and values are kept. */
function attentionOf(
  group: readonly OnnxLinear[],
  flows: ReadonlyMap<OnnxLinear, Flow>,
): AttentionGroup | undefined {
  const found: { -readonly [K in keyof AttentionGroup]: AttentionGroup[K] } = {};
  for (const linear of group) {
    const { attention, outputs } = flows.get(linear)!;
    const [node, input] = [...attention][0] ?? [];
    const kept = [...outputs].join(" ");
    if (node && !node.inputs[1] && !node.inputs[2]) found.packed = linear;
    else if (input === 1 || /key/.test(kept)) found.k = linear;
    else if (input === 2 || /value/.test(kept)) found.v = linear;
    else found.q ??= linear;
  }
  if (found.packed) return { packed: found.packed };
  return group.length === 3 && found.q && found.k && found.v ? found : undefined;
}

function afterAttention(
  index: GraphIndex,
  linears: ReadonlyMap<OnnxNode, OnnxLinear>,
  { v, packed }: AttentionGroup,
  flows: ReadonlyMap<OnnxLinear, Flow>,
): ReadonlySet<OnnxLinear> {
  const own = flows.get((packed ?? v)!)!;
  const [node] = own.attention.keys();
  return node ? follow(index, linears, node.outputs[0] ?? "").next : own.next;
}

/** Gate and up of the layer whose attention ends in `out`: the next two matrices that share what they take. */
function mlpAfter(
  index: GraphIndex,
  groups: ReadonlyMap<string, readonly OnnxLinear[]>,
  out: OnnxLinear,
  flows: ReadonlyMap<OnnxLinear, Flow>,
): { gate: OnnxLinear; up: OnnxLinear } {
  let passed = false;
  for (const group of groups.values()) {
    index.step();
    if (!passed) passed = group.includes(out);
    else if (group.length === 2) {
      const gate = group.find((linear) => flows.get(linear)!.activated);
      const up = group.find((linear) => !flows.get(linear)!.activated);
      if (gate && up) return { gate, up };
      break;
    } else break;
  }
  throw unreadable("has no gated MLP after an attention");
}

function onlyNext(next: ReadonlySet<OnnxLinear>, where: string): OnnxLinear {
  const [linear] = next;
  if (linear && next.size === 1) return linear;
  throw unreadable(`has ${next.size} matrices after ${where}`);
}
