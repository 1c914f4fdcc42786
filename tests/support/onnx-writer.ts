// Writes ONNX models for tests with pbf, from onnx.proto's field numbers; it shares no code with the library's reader.
import { PbfWriter } from "pbf";

/** A constant; `type` is ONNX's number. */
export interface OnnxConstant {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface OnnxTestNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints?: Readonly<Record<string, number | readonly number[]>>;
  readonly domain?: string;
}

export interface OnnxTestGraph {
  readonly nodes: readonly OnnxTestNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OnnxFiles {
  readonly model: Uint8Array<ArrayBuffer>;
  /** Where constants were put into a file beside it. */
  readonly data: Uint8Array<ArrayBuffer> | undefined;
}

/** `external` names the file that takes constants of more than 64 bytes. */
export function writeOnnx(graph: OnnxTestGraph, external?: string): OnnxFiles {
  const data: Uint8Array[] = [];
  let offset = 0;
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 9);
  pbf.writeStringField(2, "test");
  pbf.writeMessage(7, writeGraph, graph);
  return { model: bytesOf(pbf), data: external === undefined ? undefined : joined(data) };

  function writeGraph({ nodes, constants, inputs, outputs }: OnnxTestGraph, out: PbfWriter): void {
    for (const node of nodes) out.writeMessage(1, writeNode, node);
    out.writeStringField(2, "main_graph");
    for (const constant of constants) out.writeMessage(5, writeTensor, constant);
    for (const name of inputs) out.writeMessage(11, writeName, name);
    for (const name of outputs) out.writeMessage(12, writeName, name);
  }

  function writeTensor({ name, type, shape, bytes }: OnnxConstant, out: PbfWriter): void {
    out.writePackedVarint(1, [...shape]);
    out.writeVarintField(2, type);
    out.writeStringField(8, name);
    if (external === undefined || bytes.length <= 64) {
      out.writeBytesField(9, bytes);
      return;
    }
    const place = { location: external, offset: String(offset), length: String(bytes.length) };
    for (const pair of Object.entries(place)) out.writeMessage(13, writeEntry, pair);
    out.writeVarintField(14, 1);
    // Aligned, as onnxruntime writes it.
    const padded = new Uint8Array(Math.ceil(bytes.length / 64) * 64);
    padded.set(bytes);
    data.push(padded);
    offset += padded.length;
  }
}

function writeNode(node: OnnxTestNode, out: PbfWriter): void {
  for (const input of node.inputs) out.writeStringField(1, input);
  for (const output of node.outputs) out.writeStringField(2, output);
  out.writeStringField(3, `/${node.outputs[0]}`);
  out.writeStringField(4, node.op);
  for (const [name, value] of Object.entries(node.ints ?? {})) {
    out.writeMessage(5, writeAttribute, { name, value });
  }
  if (node.domain) out.writeStringField(7, node.domain);
}

function writeAttribute(
  { name, value }: { name: string; value: number | readonly number[] },
  out: PbfWriter,
): void {
  out.writeStringField(1, name);
  if (typeof value === "number") out.writeVarintField(3, value);
  else out.writePackedVarint(8, [...value]);
  out.writeVarintField(20, typeof value === "number" ? 2 : 7);
}

function writeName(name: string, out: PbfWriter): void {
  out.writeStringField(1, name);
}

function writeEntry([key, value]: [string, string], out: PbfWriter): void {
  out.writeStringField(1, key);
  out.writeStringField(2, value);
}

const bytesOf = (pbf: PbfWriter): Uint8Array<ArrayBuffer> => new Uint8Array(pbf.finish());

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
