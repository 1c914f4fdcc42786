/** The constants that an ONNX graph multiplies with: matrices plain, turned around, or in blocks of few bits. */
import { CoppiceError } from "../../errors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./onnx-graph.ts";

/** A matrix `[rows, k]` in blocks along k, as MatMulNBits and GatherBlockQuantized have it. */
export interface OnnxBlocks {
  readonly bits: number;
  /** Elements that share a scale. */
  readonly block: number;
  /** One per block, rows first. */
  readonly scales: OnnxTensor;
  readonly zeros: OnnxTensor | undefined;
  /** The zero point where there are none. */
  readonly zero: number;
}

/** A matrix `[rows, k]` of the model, and how the file holds it. */
export interface OnnxMatrix {
  readonly tensor: OnnxTensor;
  readonly rows: number;
  readonly k: number;
  /** True where the file holds `[k, rows]`. */
  readonly turned: boolean;
  readonly blocks: OnnxBlocks | undefined;
}

/** A node that multiplies with a matrix, and the bias added to what comes out. */
export interface OnnxLinear extends OnnxMatrix {
  readonly input: string;
  readonly output: string;
  readonly bias: OnnxTensor | undefined;
}

/** Multiply with weights in ways that are not read. */
const UNREADABLE =
  /^(MatMulInteger|DynamicQuantizeMatMul|MatMulIntegerToFloat|QLinearMatMul|QGemm|MatMulFpQ4|MatMulBnb4)$/;

/** What every look at a graph needs: who makes a value, who takes it, and an end to looking. */
export class GraphIndex {
  readonly graph: OnnxGraph;
  readonly #makers = new Map<string, OnnxNode>();
  readonly #takers = new Map<string, OnnxNode[]>();
  #steps = 0;

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#makers.set(output, node);
      for (const input of new Set(node.inputs)) {
        const takers = this.#takers.get(input);
        if (takers) takers.push(node);
        else this.#takers.set(input, [node]);
      }
    }
  }

  maker(value: string): OnnxNode | undefined {
    return this.#makers.get(value);
  }

  takers(value: string): readonly OnnxNode[] {
    return this.#takers.get(value) ?? [];
  }

  constant(value: string | undefined): OnnxTensor | undefined {
    return value === undefined ? undefined : this.graph.constants.get(value);
  }

  /** The value that this one is, but for its element type. */
  origin(value: string): string {
    let node = this.maker(value);
    while (node && /^(Cast|Identity|Dropout)$/.test(node.op)) {
      this.step();
      value = node.inputs[0] ?? "";
      node = this.maker(value);
    }
    return value;
  }

  /** Counts one look; a graph may lead in circles, or from everything to everything. */
  step(): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw unreadable("leads in circles");
  }
}

const MAX_STEPS = 5_000_000;

/** All nodes that multiply with a constant matrix, in the graph's order. */
export function findLinears(index: GraphIndex): Map<OnnxNode, OnnxLinear> {
  const linears = new Map<OnnxNode, OnnxLinear>();
  for (const node of index.graph.nodes) {
    if (UNREADABLE.test(node.op)) throw unreadable(`multiplies by ${node.op}`);
    const matrix = matrixOf(index, node);
    if (!matrix) continue;
    const [output, bias] = biasOf(index, node, matrix.rows);
    linears.set(node, { ...matrix, input: index.origin(node.inputs[0] ?? ""), output, bias });
  }
  return linears;
}

function matrixOf(index: GraphIndex, node: OnnxNode): OnnxMatrix | undefined {
  if (node.op === "MatMulNBits") return blockMatrix(index, node);
  if (node.op !== "MatMul" && node.op !== "Gemm") return undefined;
  let value = index.origin(node.inputs[1] ?? "");
  let turned = node.ints.get("transB")?.[0] !== 1;
  let maker = index.maker(value);
  if (maker?.op === "Transpose") {
    turned = !turned;
    value = index.origin(maker.inputs[0] ?? "");
    maker = index.maker(value);
  }
  if (maker?.op === "DequantizeLinear")
    throw unreadable("multiplies by what DequantizeLinear gives");
  const tensor = index.constant(value);
  if (!tensor || tensor.shape.length !== 2) return undefined;
  const [first, second] = tensor.shape as [number, number];
  return {
    tensor,
    rows: turned ? second : first,
    k: turned ? first : second,
    turned,
    blocks: undefined,
  };
}

function blockMatrix(index: GraphIndex, node: OnnxNode): OnnxMatrix {
  const int = (name: string): number => node.ints.get(name)?.[0] ?? Number.NaN;
  const [, data, scales, zeros, groups] = node.inputs.map((input) => index.constant(input));
  if (groups || node.inputs[4]) throw unreadable("multiplies by MatMulNBits with a g_idx");
  const [rows, k, block] = [int("N"), int("K"), int("block_size")];
  const bits = node.ints.get("bits")?.[0] ?? 4;
  if (!data || !scales) throw unreadable("multiplies by MatMulNBits without constants");
  const zero = 2 ** (bits - 1);
  return { tensor: data, rows, k, turned: false, blocks: { bits, block, scales, zeros, zero } };
}

/** The bias that is a part of the node, or that the one next to it adds; and the value after it. */
function biasOf(
  index: GraphIndex,
  node: OnnxNode,
  rows: number,
): [output: string, bias: OnnxTensor | undefined] {
  const output = node.outputs[0] ?? "";
  const own = node.op === "Gemm" ? node.inputs[2] : node.op === "MatMulNBits" ? node.inputs[5] : "";
  if (own) return [output, index.constant(own)];
  const takers = index.takers(output);
  const [next] = takers;
  if (takers.length !== 1 || next?.op !== "Add") return [output, undefined];
  const bias = next.inputs.map((input) => index.constant(index.origin(input))).find(Boolean);
  if (bias?.shape.length !== 1 || bias.shape[0] !== rows) return [output, undefined];
  return [next.outputs[0] ?? "", bias];
}

/** The table that token ids are looked up in. */
export function findEmbedding(index: GraphIndex): OnnxMatrix | undefined {
  for (const node of index.graph.nodes) {
    if (node.op !== "Gather" && node.op !== "GatherBlockQuantized") continue;
    const ids = index.origin(node.inputs[1] ?? "");
    const tensor = index.constant(index.origin(node.inputs[0] ?? ""));
    if (!tensor || tensor.shape.length < 2 || !index.graph.inputs.has(ids)) continue;
    const [rows, width] = tensor.shape as [number, number];
    if (node.op === "Gather") {
      if (tensor.shape.length > 2) continue;
      return { tensor, rows, k: width, turned: false, blocks: undefined };
    }
    const int = (name: string, fallback: number): number => node.ints.get(name)?.[0] ?? fallback;
    const scales = index.constant(node.inputs[2]);
    const block = int("block_size", 128);
    const bits = int("bits", 4);
    if (!scales) throw unreadable("looks tokens up in blocks without constant scales");
    const inBytes = tensor.type === 2;
    const k = inBytes ? (tensor.bytes / rows) * (8 / bits) : width;
    const zero = inBytes ? 2 ** (bits - 1) : 0;
    const blocks = { bits, block, scales, zeros: index.constant(node.inputs[3]), zero };
    return { tensor, rows, k, turned: false, blocks };
  }
  return undefined;
}

export function unreadable(problem: string): CoppiceError {
  return new CoppiceError(
    "architecture-unknown",
    `The ONNX graph ${problem}: its weights cannot be read out of it.`,
    'Use the model\'s safetensors or GGUF files, or an ONNX file in f32, f16, "q4" or "q4f16" as onnx-community publishes them.',
  );
}
