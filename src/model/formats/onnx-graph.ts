/** The graph of an ONNX file: its nodes, and where its constants lie. */
import type { TensorFile } from "../source/types.ts";
import {
  ONNX_FIELDS,
  type PlacedField,
  protoFields,
  ProtoFault,
  ProtoFile,
  protoNumbers,
  protoText,
  withFaults,
} from "./onnx-proto.ts";
import { elementsOf } from "./tensor-store.ts";

export interface OnnxNode {
  readonly op: string;
  /** Names of values; empty for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whole numbers and lists of them; other attributes do not matter here. */
  readonly ints: ReadonlyMap<string, readonly number[]>;
}

/** A constant of the graph. */
export interface OnnxTensor {
  readonly name: string;
  /** ONNX's number of the element type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Name of the file that holds its bytes. */
  readonly file: string;
  readonly start: number;
  readonly bytes: number;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
}

/** ONNX's element types that weights come in, and their bits. */
export const ONNX_TYPES = { f32: 1, u8: 2, i8: 3, f16: 10, bf16: 16, u4: 21, i4: 22 } as const;
const BITS: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  16: 16,
  21: 4,
  22: 4,
};

/** Far beyond any real graph; each takes a hundred bytes of memory and perhaps two of the file. */
const MAX_THINGS = 100_000;
const MAX_DIMENSIONS = 8;
const { model, graph, node, attribute, tensor, entry, valueInfo } = ONNX_FIELDS;

/**
 * Reads the graph. `name` is the file's path in the model's folder, beside which other files of weights lie.
 * @throws CoppiceError `weights-invalid` for anything that is not a well-formed model.
 */
export async function readOnnxGraph(file: TensorFile, name = file.name): Promise<OnnxGraph> {
  return withFaults(file.name, async () => {
    const proto = new ProtoFile(file);
    const size = file.size ?? Infinity;
    for (let at = 0; at < size;) {
      const field = await proto.field(at, size);
      // What follows the graph says nothing that matters here.
      if (field.id === model.graph) return walkGraph(proto, field, name);
      at = field.end;
    }
    throw new ProtoFault("no graph");
  });
}

async function walkGraph(proto: ProtoFile, whole: PlacedField, file: string): Promise<OnnxGraph> {
  const nodes: OnnxNode[] = [];
  const constants = new Map<string, OnnxTensor>();
  const ends = { inputs: new Set<string>(), outputs: new Set<string>() };
  let things = 0;
  for (let at = whole.start; at < whole.end;) {
    const field = await proto.field(at, whole.end);
    at = field.end;
    if ((things += 1) > MAX_THINGS) throw new ProtoFault(`more than ${MAX_THINGS} parts`);
    if (field.id === graph.node) nodes.push(parseNode(await proto.message(field)));
    else if (field.id === graph.initializer) {
      const constant = await walkTensor(proto, field, file);
      if (constants.has(constant.name)) throw new ProtoFault(`"${constant.name}" twice`);
      constants.set(constant.name, constant);
    } else if (field.id === graph.input || field.id === graph.output) {
      const set = field.id === graph.input ? ends.inputs : ends.outputs;
      for (const one of protoFields(await proto.message(field))) {
        if (one.id === valueInfo.name) set.add(protoText(one));
      }
    }
  }
  return { nodes, constants, ...ends };
}

function parseNode(bytes: Uint8Array): OnnxNode {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const ints = new Map<string, readonly number[]>();
  let op = "";
  for (const field of protoFields(bytes)) {
    if (field.id === node.input) inputs.push(protoText(field));
    else if (field.id === node.output) outputs.push(protoText(field));
    else if (field.id === node.opType) op = protoText(field);
    else if (field.id === node.attribute && "bytes" in field) {
      let name = "";
      const values: number[] = [];
      for (const part of protoFields(field.bytes)) {
        if (part.id === attribute.name) name = protoText(part);
        else if (part.id === attribute.i || part.id === attribute.ints) {
          values.push(...protoNumbers(part).slice(0, MAX_DIMENSIONS));
        }
      }
      if (values.length > 0) ints.set(name, values);
    }
  }
  return { op, inputs, outputs, ints };
}

/** A constant: everything but its numbers. */
async function walkTensor(proto: ProtoFile, whole: PlacedField, file: string): Promise<OnnxTensor> {
  const shape: number[] = [];
  const external = new Map<string, string>();
  let [name, type, isExternal] = ["", 0, false];
  let place: PlacedField | undefined;
  for (let at = whole.start; at < whole.end;) {
    const field = await proto.field(at, whole.end);
    at = field.end;
    if (field.id === tensor.raw || field.id === tensor.floats) place = field;
    else if (field.id === tensor.type) type = field.number;
    else if (field.id === tensor.location) isExternal = field.number === 1;
    else if (field.id === tensor.dims) {
      const isPacked = field.end > field.start;
      if (isPacked) shape.push(...protoNumbers({ id: 0, bytes: await proto.message(field) }));
      else shape.push(field.number);
      if (shape.length > MAX_DIMENSIONS) throw new ProtoFault("a tensor of too many dimensions");
    } else if (field.id === tensor.name) {
      name = protoText({ id: 0, bytes: await proto.message(field) });
    } else if (field.id === tensor.external) {
      const parts = [...protoFields(await proto.message(field))];
      const text = (id: number): string =>
        parts
          .filter((part) => part.id === id)
          .map(protoText)
          .join("");
      external.set(text(entry.key), text(entry.value));
    }
  }
  const elements = elementsOf(shape);
  const bytes = Math.ceil((elements * (BITS[type] ?? 0)) / 8);
  if (Number.isNaN(bytes)) throw new ProtoFault(`"${name}" of shape [${shape.join(", ")}]`);
  const described = { name, type, shape, bytes };
  if (isExternal) {
    return { ...described, ...externalPlace(external, bytes, file) };
  }
  const held = place ? place.end - place.start : 0;
  // Small whole numbers lie in fields of their own, and are not weights.
  const isHeld = held === bytes && bytes > 0;
  return { ...described, file, start: place?.start ?? 0, bytes: isHeld ? bytes : 0 };
}

function externalPlace(
  external: ReadonlyMap<string, string>,
  bytes: number,
  file: string,
): { file: string; start: number } {
  const location = external.get("location") ?? "";
  if (!/^[\w.-]+$/.test(location) || /^\.+$/.test(location)) {
    throw new ProtoFault(
      `weights in ${JSON.stringify(location.slice(0, 80))}, which is no file beside it`,
    );
  }
  const number = (key: string, fallback: number): number => {
    const text = external.get(key);
    const value = text === undefined ? fallback : Number(text);
    if (/^\d*$/.test(text ?? "") && Number.isSafeInteger(value)) return value;
    throw new ProtoFault(`weights whose ${key} is ${JSON.stringify(text?.slice(0, 80))}`);
  };
  if (number("length", bytes) !== bytes)
    throw new ProtoFault("weights of another length than their shape");
  return { file: file.slice(0, file.lastIndexOf("/") + 1) + location, start: number("offset", 0) };
}
