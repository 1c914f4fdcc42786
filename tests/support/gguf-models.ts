// The fixtures as GGUF files, with the metadata that llama.cpp's conversion writes.
import { fixtureBytes, fixtureJson } from "./fixtures.ts";
import {
  type GgufEncoding,
  type GgufField,
  type GgufTensorData,
  llamaToGguf,
  writeGguf,
} from "./gguf-writer.ts";
import { readSafetensors } from "./safetensors-writer.ts";

interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

/** Tokens by id; those that a file lists apart included. */
export function tokenList({ model, added_tokens: added = [] }: TokenizerJson): string[] {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  return tokens;
}

/** A SentencePiece vocabulary: a token's score is the rank of the merge that makes it, negated. */
export function spmFields(path: string): Record<string, GgufField> {
  const file = fixtureJson(path) as TokenizerJson;
  const tokens = tokenList(file);
  const ranks = new Map<string, number>();
  for (const merge of file.model.merges) {
    const token = (typeof merge === "string" ? merge.split(" ") : merge).join("");
    if (!ranks.has(token)) ranks.set(token, ranks.size);
  }
  const typeOf = (token: string, id: number): number => {
    if (id < 3) return id === 0 ? 2 : 3;
    return /^<0x..>$/.test(token) ? 6 : 1;
  };
  return {
    "tokenizer.ggml.model": { text: "llama" },
    "tokenizer.ggml.tokens": { texts: tokens },
    "tokenizer.ggml.scores": { f32s: tokens.map((token) => -(ranks.get(token) ?? 1e6)) },
    "tokenizer.ggml.token_type": { i32s: tokens.map(typeOf) },
    "tokenizer.ggml.bos_token_id": { u32: 1 },
    "tokenizer.ggml.eos_token_id": { u32: 2 },
    "tokenizer.ggml.unknown_token_id": { u32: 0 },
  };
}

/** A vocabulary of byte pairs; `control` are the ids of special tokens. */
export function bpeFields(
  tokens: readonly string[],
  merges: readonly string[],
  pre: string,
  control: ReadonlySet<number> = new Set(),
): Record<string, GgufField> {
  return {
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: pre },
    "tokenizer.ggml.tokens": { texts: tokens },
    "tokenizer.ggml.token_type": { i32s: tokens.map((_, id) => (control.has(id) ? 3 : 1)) },
    "tokenizer.ggml.merges": { texts: merges },
  };
}

export const STORIES_FIELDS: Readonly<Record<string, GgufField>> = {
  "general.architecture": { text: "llama" },
  "general.name": { text: "stories260K" },
  "llama.context_length": { u32: 512 },
  "llama.embedding_length": { u32: 64 },
  "llama.block_count": { u32: 5 },
  "llama.feed_forward_length": { u32: 172 },
  "llama.rope.dimension_count": { u32: 8 },
  "llama.attention.head_count": { u32: 8 },
  "llama.attention.head_count_kv": { u32: 4 },
  "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
};

/** The real 260K model as one GGUF file. */
export function storiesGguf(encoding: GgufEncoding, version = 3): Uint8Array<ArrayBuffer> {
  const folder = "models/stories260K-hf/";
  const tensors: GgufTensorData[] = llamaToGguf(
    readSafetensors(fixtureBytes(`${folder}model.safetensors`)),
    { q: 8, k: 4 },
    encoding,
  );
  const fields = { ...STORIES_FIELDS, ...spmFields(`${folder}tokenizer.json`) };
  return writeGguf(fields, tensors, version);
}
