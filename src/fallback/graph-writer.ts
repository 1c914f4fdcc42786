/** Collects the nodes and constants of a graph, and names what lies between them. */
import type { OnnxConstant, OnnxNode } from "./onnx-writer.ts";

/** An attribute that is a whole number. */
export const int = (value: number) => ({ int: value });

export class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  #names = 0;

  /** Adds a node with one output, and gives that. */
  add(
    op: string,
    inputs: string[],
    attributes: OnnxNode["attributes"] = {},
    name?: string,
  ): string {
    const output = name ?? this.#name(op);
    this.nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }

  split(input: string, sizes: number[], axis: number): string[] {
    const outputs = sizes.map(() => this.#name("Split"));
    const inputs = [input, this.integers(sizes)];
    this.nodes.push({ op: "Split", inputs, outputs, attributes: { axis: int(axis) } });
    return outputs;
  }

  /** -1 stands for what is left. */
  reshape(input: string, ...dims: number[]): string {
    return this.add("Reshape", [input, this.integers(dims)]);
  }

  transpose(input: string, ...perm: number[]): string {
    return this.add("Transpose", [input], { perm });
  }

  scale(input: string, factor: number): string {
    return factor === 1 ? input : this.add("Mul", [input, this.number(factor)]);
  }

  /** cap tanh(x / cap) */
  softcap(input: string, cap: number | undefined): string {
    if (cap === undefined) return input;
    return this.scale(this.add("Tanh", [this.scale(input, 1 / cap)]), cap);
  }

  /** A tensor of the model's files, by its name there. */
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
    const name = this.#name("constant");
    this.constants.push({ name, type, dims, data });
    return name;
  }

  #name(what: string): string {
    this.#names += 1;
    return `${what}_${this.#names}`;
  }
}
