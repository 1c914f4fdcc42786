/**
 * The header of a safetensors file, read as untrusted bytes: nothing in it is believed before it has
 * been checked against the file itself. Format: 8-byte little-endian length N, N bytes of JSON, data.
 */
import { CoppiceError } from "../../errors.ts";
import type { TensorFile } from "../source/types.ts";

/** One tensor in a file. */
export interface TensorEntry {
  readonly name: string;
  /** As the file says; may be one that is not supported. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, counted from its start. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

const MAX_HEADER_BYTES = 100_000_000; // the limit of the format's own library
const DTYPE_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
};

/**
 * Reads the header and returns the tensors in file order.
 * @throws CoppiceError `weights-invalid` for anything that is not a well-formed, complete file.
 */
export async function readSafetensorsHeader(file: TensorFile): Promise<TensorEntry[]> {
  const size = file.size ?? Infinity;
  if (size < 8) throw invalid(file.name, `is ${size} bytes long; even the header's length takes 8`);
  const lead = await file.read(0, 8);
  const length = new DataView(lead.buffer, lead.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || length < 2n) {
    throw invalid(file.name, `claims a header of ${length} bytes`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > size) {
    throw invalid(
      file.name,
      `has a header that points past its end: ${dataStart} bytes needed, ${size} there`,
    );
  }
  return parseSafetensorsHeader(file.name, await file.read(8, dataStart), dataStart, file.size);
}

/** Checks the header's JSON; `fileSize` in bytes, undefined where the server does not say. */
export function parseSafetensorsHeader(
  file: string,
  json: Uint8Array,
  dataStart: number,
  fileSize: number | undefined,
): TensorEntry[] {
  const header = parseObject(file, json);
  const entries = Object.keys(header)
    .filter((name) => name !== "__metadata__")
    .map((name) => parseEntry(file, name, header[name], dataStart));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = dataStart;
  for (const { name, start, end } of entries) {
    if (start < covered) throw invalid(file, `has tensor "${name}" overlapping another`);
    covered = end;
  }
  if (fileSize !== undefined && covered > fileSize) {
    throw invalid(file, `is cut short: its tensors need ${covered} bytes, ${fileSize} are there`);
  }
  return entries;
}

function parseObject(file: string, json: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
    if (typeof header === "object" && header !== null && !Array.isArray(header)) {
      return header as Record<string, unknown>;
    }
  } catch {
    // Falls through: broken UTF-8, broken JSON and JSON of another kind are the same to the reader.
  }
  throw invalid(file, "has a header that is not a JSON object");
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw invalid(file, `describes tensor "${name}" without a valid dtype, shape and data_offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw invalid(file, `has tensor "${name}" ending before it begins`);
  const elements = shape.reduce((product, n) => product * n, 1);
  const bits = DTYPE_BITS[dtype];
  if (
    !Number.isSafeInteger(elements) ||
    (bits !== undefined && Math.ceil((elements * bits) / 8) !== end - begin)
  ) {
    const where = `${end - begin} bytes`;
    throw invalid(
      file,
      `gives tensor "${name}" (${dtype} [${shape.join(", ")}]) ${where}, which does not fit its shape`,
    );
  }
  return { name, dtype, shape, start: dataStart + begin, end: dataStart + end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** `weights-invalid` about a file. */
export function invalid(file: string, problem: string): CoppiceError {
  return new CoppiceError(
    "weights-invalid",
    `${file} ${problem}.`,
    "Download the file again, or save it again with the safetensors library.",
  );
}
