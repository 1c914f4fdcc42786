/** An ONNX model as bytes, from nodes written in memory. Field numbers: onnx.proto3 of ONNX 1.12 (IR version 8). */
import { PbfWriter } from "pbf";

/** A number is an INT where `int` wraps it, a FLOAT otherwise. */
export type Attribute = number | readonly number[] | { readonly int: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Operator set; default ONNX's own. */
  readonly domain?: string;
}

export type ElementType = "float" | "int32" | "int64";

/** A name in place of a size: it is known only at a run. */
export type Dimensions = readonly (number | string)[];

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: Dimensions;
}

/** A constant of the graph: small ones with their numbers, large ones by the name of the file that holds them. */
export type OnnxConstant = OnnxValue & {
  readonly dims: readonly number[];
} & ({ readonly data: Uint8Array } | { readonly file: string; readonly bytes: number });

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const IR_VERSION = 8;
const OPSET = 17;
const ELEMENT = { float: 1, int32: 6, int64: 7 } as const satisfies Record<ElementType, number>;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;
const EXTERNAL = 1;

/** The model as a file's bytes. */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  const out = new PbfWriter();
  out.writeVarintField(1, IR_VERSION);
  out.writeMessage(7, writeGraph, graph);
  const domains = new Set(["", ...graph.nodes.map(({ domain = "" }) => domain)]);
  for (const domain of domains) out.writeMessage(8, writeOpset, domain);
  return out.finish();
}

function writeOpset(domain: string, out: PbfWriter): void {
  out.writeStringField(1, domain);
  out.writeVarintField(2, domain === "" ? OPSET : 1);
}

function writeGraph(graph: OnnxGraph, out: PbfWriter): void {
  for (const node of graph.nodes) out.writeMessage(1, writeNode, node);
  out.writeStringField(2, "coppice");
  for (const constant of graph.constants) out.writeMessage(5, writeConstant, constant);
  for (const value of graph.inputs) out.writeMessage(11, writeValue, value);
  for (const value of graph.outputs) out.writeMessage(12, writeValue, value);
}

function writeNode(node: OnnxNode, out: PbfWriter): void {
  for (const name of node.inputs) out.writeStringField(1, name);
  for (const name of node.outputs) out.writeStringField(2, name);
  out.writeStringField(3, node.outputs[0]!);
  out.writeStringField(4, node.op);
  for (const entry of Object.entries(node.attributes ?? {})) {
    out.writeMessage(5, writeAttribute, entry);
  }
  if (node.domain !== undefined) out.writeStringField(7, node.domain);
}

function writeAttribute([name, value]: readonly [string, Attribute], out: PbfWriter): void {
  out.writeStringField(1, name);
  if (typeof value === "number") {
    out.writeFloatField(2, value);
    out.writeVarintField(20, ATTRIBUTE.float);
  } else if ("int" in value) {
    out.writeVarintField(3, value.int);
    out.writeVarintField(20, ATTRIBUTE.int);
  } else {
    for (const one of value) out.writeVarintField(8, one);
    out.writeVarintField(20, ATTRIBUTE.ints);
  }
}

function writeConstant(constant: OnnxConstant, out: PbfWriter): void {
  out.writePackedVarint(1, [...constant.dims]);
  out.writeVarintField(2, ELEMENT[constant.type]);
  out.writeStringField(8, constant.name);
  if ("data" in constant) {
    out.writeBytesField(9, constant.data);
    return;
  }
  const place = { location: constant.file, offset: "0", length: String(constant.bytes) };
  for (const entry of Object.entries(place)) out.writeMessage(13, writeStrings, entry);
  out.writeVarintField(14, EXTERNAL);
}

function writeStrings([key, value]: readonly [string, string], out: PbfWriter): void {
  out.writeStringField(1, key);
  out.writeStringField(2, value);
}

function writeValue({ name, type, dims }: OnnxValue, out: PbfWriter): void {
  out.writeStringField(1, name);
  out.writeMessage(2, writeType, { type, dims });
}

function writeType({ type, dims }: Pick<OnnxValue, "type" | "dims">, out: PbfWriter): void {
  out.writeMessage(1, writeTensorType, { type, dims });
}

function writeTensorType({ type, dims }: Pick<OnnxValue, "type" | "dims">, out: PbfWriter): void {
  out.writeVarintField(1, ELEMENT[type]);
  out.writeMessage(2, writeShape, dims);
}

function writeShape(dims: Dimensions, out: PbfWriter): void {
  for (const dim of dims) out.writeMessage(1, writeDimension, dim);
}

function writeDimension(dim: number | string, out: PbfWriter): void {
  if (typeof dim === "number") out.writeVarintField(1, dim);
  else out.writeStringField(2, dim);
}
