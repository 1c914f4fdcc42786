/** Finds the n-grams that a request names: the model's own table, a file, a text, the prompt. */
import { CoppiceError } from "../errors.ts";
import type { PromptEncoder } from "../decoder/prompt.ts";
import { countSections } from "../decoder/superposed/ngram-count.ts";
import {
  headBytes,
  parseTable,
  TABLE_START,
  tableBytes,
} from "../decoder/superposed/ngram-file.ts";
import {
  nameOf,
  type ResolvedSource,
  type ResolvedSuperposed,
} from "../decoder/superposed/options.ts";
import {
  openSource,
  type ModelFiles,
  type OpenSourceOptions,
  type TensorFile,
} from "../model/source/index.ts";
import type { ModelSource } from "../options.ts";
import type { NgramSection, ScaledSection } from "../tree/index.ts";

const MODEL_TABLE = "ngrams.bin";

/** The table beside a model's configuration, read when first asked for; undefined where there is none. */
export class ModelNgrams {
  readonly #source: ModelSource;
  readonly #vocabSize: number;
  readonly #options: OpenSourceOptions;
  #sections: Promise<NgramSection[] | undefined> | undefined;

  /** `options` as the model's own files were opened with. */
  constructor(source: ModelSource, vocabSize: number, options: OpenSourceOptions) {
    this.#source = source;
    this.#options = options;
    this.#vocabSize = vocabSize;
    // Files that were handed in are large; of these only the table is kept, and what says that the folder is one.
    if (typeof source === "string") return;
    const kept = Object.entries(source.files).filter(([name]) =>
      /(^|\/)(ngrams\.bin|config\.json)$/.test(name),
    );
    this.#source = { files: Object.fromEntries(kept) };
  }

  read(): Promise<NgramSection[] | undefined> {
    this.#sections ??= this.#read();
    // A failure may be the network's; the next request tries again.
    this.#sections.catch(() => (this.#sections = undefined));
    return this.#sections;
  }

  async #read(): Promise<NgramSection[] | undefined> {
    const files = await openSource(this.#source, this.#options);
    // Many servers answer with a page for files they do not have; a first good answer tells them apart.
    await files.json("config.json");
    return readTable(files, MODEL_TABLE, MODEL_TABLE, this.#vocabSize);
  }
}

/** The n-grams of a request. */
export interface FoundNgrams {
  /** How many sources there are. */
  readonly count: number;
  /** Names those that stay the same, for a session that is made with them. */
  readonly key: string;
  readonly fixed: readonly ScaledSection[];
  /** The weight of what is counted in the prompt; 0: nothing is. */
  readonly promptWeight: number;
}

export interface NgramFinder {
  readonly model: { read(): Promise<readonly NgramSection[] | undefined> };
  readonly tokenizer: PromptEncoder;
  readonly vocabSize: number;
}

/** @throws CoppiceError `file-missing`, `source-invalid`, `vocabulary-mismatch` or `network`. */
export async function findNgrams(
  { ngrams, lambdas }: ResolvedSuperposed,
  finder: NgramFinder,
): Promise<FoundNgrams> {
  const sources = ngrams ?? (await defaultSources(finder));
  const fixed: ScaledSection[] = [];
  const keys: string[] = [];
  let promptWeight = 0;
  for (const source of sources) {
    if ("from" in source && source.from === "prompt") {
      promptWeight += source.weight;
      continue;
    }
    const { sections, key } = await sectionsOf(source, lambdas.length, finder);
    keys.push(`${source.weight} ${key}`);
    fixed.push(...scale(sections, source.weight, lambdas));
  }
  return { count: sources.length, key: keys.join("\n"), fixed, promptWeight };
}

/** The sections of the orders that count, with what their shares count for. */
export function scale(
  sections: readonly NgramSection[],
  weight: number,
  lambdas: readonly number[],
): ScaledSection[] {
  return sections.flatMap((section) => {
    const lambda = lambdas[section.length - 1] ?? 0;
    return lambda > 0 ? [{ section, scale: weight * lambda }] : [];
  });
}

async function defaultSources({ model }: NgramFinder): Promise<readonly ResolvedSource[]> {
  const table = await model.read();
  return table ? [{ from: "model", weight: 1 }] : [];
}

async function sectionsOf(
  source: ResolvedSource,
  lengths: number,
  finder: NgramFinder,
): Promise<{ sections: readonly NgramSection[]; key: string }> {
  if ("text" in source) {
    const ids = finder.tokenizer.encode(source.text);
    // Every text would seem to begin alike.
    const own = ids[0] === finder.tokenizer.beginOfText ? ids.slice(1) : ids;
    return { sections: countSections(own, lengths), key: source.text };
  }
  if ("file" in source) return fileSections(source.file, nameOf(source), finder.vocabSize);
  const sections = await finder.model.read();
  if (sections) return { sections, key: '"model"' };
  throw new CoppiceError(
    "file-missing",
    `decoder.ngrams is "model", but the model has no ${MODEL_TABLE}.`,
    'Put the table beside the model\'s config.json, or give other n-grams: { text }, { file } or "prompt".',
  );
}

async function fileSections(
  file: Extract<ResolvedSource, { file: unknown }>["file"],
  name: string,
  vocabSize: number,
): Promise<{ sections: readonly NgramSection[]; key: string }> {
  if (typeof file === "string") {
    const at = file.lastIndexOf("/") + 1;
    const files = await openSource(file.slice(0, at));
    const sections = await readTable(files, file.slice(at), name, vocabSize);
    if (sections) return { sections, key: file };
    throw new CoppiceError("file-missing", `There is nothing at ${file}.`, "Check the address.");
  }
  const bytes = file instanceof Blob ? await file.arrayBuffer() : file;
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", view));
  return { sections: parseTable(name, view, vocabSize), key: digest.join() };
}

async function readTable(
  files: ModelFiles,
  file: string,
  name: string,
  vocabSize: number,
): Promise<NgramSection[] | undefined> {
  const opened = await files.open(file);
  if (!opened) return undefined;
  try {
    return parseTable(name, await readWhole(opened, name, vocabSize), vocabSize);
  } finally {
    opened.dispose();
  }
}

/** A server need not say how large a file is; the table itself does. */
async function readWhole(
  file: TensorFile,
  name: string,
  vocabSize: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts = [await file.read(0, TABLE_START)];
  const head = headBytes(name, parts[0]!);
  parts.push(await file.read(TABLE_START, head));
  const end = tableBytes(name, joined(parts), vocabSize);
  parts.push(await file.read(head, end));
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
