/** Reads a table of n-grams; models/tales/NGRAMS.md has the format. */
import { CoppiceError } from "../../errors.ts";
import type { NgramSection } from "../../tree/superposed-steps.ts";

const HEADER = 32;
const SECTION = 24;
const MOST_SECTIONS = 5;
/** "NGRM" as a little-endian word. */
const MAGIC = 0x4d52474e;

/** The first bytes to read: they say how many say how long the table is. */
export const TABLE_START = HEADER;

interface Section {
  readonly contexts: number;
  readonly entries: number;
  readonly keys: number;
  readonly starts: number;
  readonly tokens: number;
  readonly steps: number;
}

interface Head {
  readonly vocabulary: number;
  /** Nats per step of a stored log-probability. */
  readonly step: number;
  readonly sections: readonly Section[];
}

/** How many bytes the table's head has, from its first `TABLE_START`. Throws `source-invalid` where this is no table. */
export function headBytes(name: string, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC) {
    throw invalidTable(name, 'it does not begin with "NGRM"');
  }
  const [version, count] = [view.getUint32(4, true), view.getUint32(12, true)];
  if (version !== 1) throw invalidTable(name, `its version is ${version}, not 1`);
  if (count < 1 || count > MOST_SECTIONS) throw invalidTable(name, `it has ${count} sections`);
  return HEADER + count * SECTION;
}

/**
 * How many bytes the table has, from its head.
 * @throws CoppiceError `source-invalid` where this is no table, `vocabulary-mismatch` where it is another vocabulary's.
 */
export function tableBytes(name: string, head: Uint8Array, vocabSize: number): number {
  const { sections } = readHead(name, head, vocabSize);
  return sections.reduce((end, { entries, steps }) => Math.max(end, steps + entries), HEADER);
}

/** The sections of a whole table. Throws as `tableBytes` does. */
export function parseTable(name: string, bytes: Uint8Array, vocabSize: number): NgramSection[] {
  const { step, sections } = readHead(name, bytes, vocabSize);
  if (tableBytes(name, bytes, vocabSize) > bytes.length)
    throw invalidTable(name, "it is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return sections.map((section, i) => readSection(name, view, section, i + 1, step, vocabSize));
}

function readHead(name: string, bytes: Uint8Array, vocabSize: number): Head {
  const length = headBytes(name, bytes);
  if (bytes.length < length) throw invalidTable(name, "it is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => view.getUint32(at, true);
  const vocabulary = word(8);
  if (vocabulary !== vocabSize) {
    throw new CoppiceError(
      "vocabulary-mismatch",
      `The n-grams of ${name} are of a vocabulary of ${vocabulary} tokens; the model's has ${vocabSize}.`,
      "Use a table that was made with this model's tokenizer, or give the n-grams as text.",
    );
  }
  const count = word(12);
  const sections = Array.from({ length: count }, (_, i) => {
    const at = HEADER + i * SECTION;
    const [contexts, entries, keys] = [word(at), word(at + 4), word(at + 8)];
    return {
      contexts,
      entries,
      keys,
      starts: word(at + 12),
      tokens: word(at + 16),
      steps: word(at + 20),
    };
  });
  return { vocabulary, step: view.getFloat32(16, true), sections };
}

/** A table lists the likeliest token first; the lookup wants tokens in ascending order. */
function readSection(
  name: string,
  view: DataView,
  { contexts, entries, keys, starts, tokens, steps }: Section,
  length: number,
  step: number,
  vocabSize: number,
): NgramSection {
  const ends = [keys + 2 * contexts * length, starts + 4 * (contexts + 1), tokens + 2 * entries];
  if (Math.max(...ends) > view.byteLength) throw invalidTable(name, "it is cut short");
  const startOf = Uint32Array.from({ length: contexts + 1 }, (_, i) =>
    view.getUint32(starts + 4 * i, true),
  );
  const key = Uint32Array.from({ length: contexts * length }, (_, i) =>
    view.getUint16(keys + 2 * i, true),
  );
  const rising = startOf.every((start, i) => (i === 0 ? start === 0 : start >= startOf[i - 1]!));
  if (!rising || startOf[contexts] !== entries)
    throw invalidTable(name, "its contexts do not cover its entries");
  const token = new Uint32Array(entries);
  const share = new Float32Array(entries);
  const tokenAt = (entry: number): number => view.getUint16(tokens + 2 * entry, true);
  for (let context = 0; context < contexts; context++) {
    const [first, end] = [startOf[context]!, startOf[context + 1]!];
    const order = Array.from({ length: end - first }, (_, i) => first + i);
    order.sort((a, b) => tokenAt(a) - tokenAt(b));
    for (const [i, entry] of order.entries()) {
      token[first + i] = tokenAt(entry);
      share[first + i] = Math.exp(-view.getUint8(steps + entry) * step);
    }
  }
  if (token.some((id) => id >= vocabSize)) throw invalidTable(name, "it has tokens that are none");
  return { length, keys: key, starts: startOf, tokens: token, shares: share };
}

function invalidTable(name: string, reason: string): CoppiceError {
  return new CoppiceError(
    "source-invalid",
    `${name} is no table of n-grams: ${reason}.`,
    "Give a file in the format of models/tales/NGRAMS.md, or the n-grams as text.",
  );
}
