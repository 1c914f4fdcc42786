/** The metadata of a GGUF file as `tokenizer.json` and `tokenizer_config.json`. */
import { CoppiceError } from "../../errors.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";

type Json = Readonly<Record<string, unknown>>;

/** `token_type` of the file. */
const [NORMAL, UNKNOWN, CONTROL, USER] = [1, 2, 3, 4];
const SPACE = "\u2581";

const GPT2 = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const BYTES = { ...GPT2, use_regex: false };
const split = (pattern: string): Json => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});
/** Contractions, words, numbers of at most so many digits, marks, line ends, spaces. */
const words = (digits: string): Json =>
  split(
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  );
const DIGITS = { type: "Digits", individual_digits: true };

interface PreTokenizer {
  readonly steps: readonly Json[];
  readonly normalizer?: Json;
  /** A whole word that is a token is that token, whatever the merges say. */
  readonly ignoreMerges?: boolean;
  /** Where the file does not say. */
  readonly addBos?: boolean;
}

const GPT2_STYLE: PreTokenizer = { steps: [GPT2] };
const DIGIT_STYLE: PreTokenizer = { steps: [DIGITS, GPT2] };
const LLAMA3_STYLE: PreTokenizer = {
  steps: [words("\\p{N}{1,3}"), BYTES],
  ignoreMerges: true,
  addBos: true,
};
const QWEN_STYLE: PreTokenizer = {
  steps: [words("\\p{N}"), BYTES],
  normalizer: { type: "NFC" },
};

/** `tokenizer.ggml.pre`: how text is cut into words before byte pairs are merged. */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  "gpt-2": GPT2_STYLE,
  olmo: GPT2_STYLE,
  phi2: GPT2_STYLE,
  "jina-en": GPT2_STYLE,
  smollm: DIGIT_STYLE,
  starcoder: DIGIT_STYLE,
  refact: DIGIT_STYLE,
  "command-r": DIGIT_STYLE,
  "llama-bpe": LLAMA3_STYLE,
  llama3: LLAMA3_STYLE,
  "llama-v3": LLAMA3_STYLE,
  "smaug-bpe": { steps: LLAMA3_STYLE.steps },
  dbrx: { steps: LLAMA3_STYLE.steps },
  qwen2: QWEN_STYLE,
  "deepseek-r1-qwen": QWEN_STYLE,
};

/** @throws CoppiceError `tokenizer-invalid` for a kind that is not known, or a broken one. */
export function ggufTokenizer({ metadata }: GgufHeader): { tokenizer: Json; config: Json } {
  const field = (name: string): GgufValue | undefined => metadata.get(`tokenizer.ggml.${name}`);
  const kind = field("model");
  if (kind !== "llama" && kind !== "gpt2") {
    throw wrong(`its tokenizer is of kind ${JSON.stringify(kind ?? null)}`);
  }
  const tokens = strings(field("tokens"), "tokens");
  const types = field("token_type");
  const typeOf = (id: number): unknown => (types instanceof Float64Array ? types[id] : NORMAL);
  const isAdded = (id: number): boolean => [UNKNOWN, CONTROL, USER].includes(typeOf(id) as number);
  const added_tokens = tokens.flatMap((content, id) =>
    isAdded(id)
      ? [
          {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: typeOf(id) !== USER,
          },
        ]
      : [],
  );
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const named = (name: string): string | undefined => {
    const id = field(`${name}_token_id`);
    return typeof id === "number" ? tokens[id] : undefined;
  };
  const { addBos, ...parts } =
    kind === "llama"
      ? sentencePiece(field, tokens, vocab, isAdded, named("unknown"))
      : bytePairs(field, vocab);
  const adds = (name: string, fallback: boolean): string | undefined =>
    (field(`add_${name}_token`) ?? fallback) === true ? named(name) : undefined;
  const [bos, eos] = [adds("bos", addBos), adds("eos", false)];
  const template = metadata.get("tokenizer.chat_template");
  return {
    tokenizer: {
      version: "1.0",
      added_tokens,
      ...parts,
      post_processor: around(bos, eos, vocab),
    },
    config: {
      add_bos_token: bos !== undefined,
      add_eos_token: eos !== undefined,
      bos_token: named("bos"),
      eos_token: named("eos"),
      clean_up_tokenization_spaces: false,
      ...(typeof template === "string" && { chat_template: template }),
    },
  };
}

/** SentencePiece's byte pairs: pieces with scores, where the best score merges first. */
function sentencePiece(
  field: (name: string) => GgufValue | undefined,
  tokens: readonly string[],
  vocab: Readonly<Record<string, number>>,
  isAdded: (id: number) => boolean,
  unknown: string | undefined,
): Json & { addBos: boolean } {
  const scores = field("scores");
  if (!(scores instanceof Float64Array) || scores.length !== tokens.length) {
    throw wrong("its scores are not one per token");
  }
  const prefix = field("add_space_prefix") !== false;
  return {
    addBos: true,
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(prefix ? [{ type: "Prepend", prepend: SPACE }] : []),
        { type: "Replace", pattern: { String: " " }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      vocab,
      merges: mergesOf(tokens, scores, vocab, isAdded),
      unk_token: unknown ?? tokens[0],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
    },
  };
}

/** A token is merged from any two tokens that it consists of. */
function mergesOf(
  tokens: readonly string[],
  scores: Float64Array,
  vocab: Readonly<Record<string, number>>,
  isAdded: (id: number) => boolean,
): [string, string][] {
  const pieces = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (!isAdded(id)) pieces.set(token, id);
  const merges: { parts: [string, string]; ids: [number, number]; score: number }[] = [];
  for (const [token, id] of pieces) {
    if (vocab[token] !== id || token.length > MAX_PIECE) continue;
    for (let cut = 1; cut < token.length; cut++) {
      const parts: [string, string] = [token.slice(0, cut), token.slice(cut)];
      const [left, right] = [pieces.get(parts[0]), pieces.get(parts[1])];
      if (left === undefined || right === undefined) continue;
      merges.push({ parts, ids: [left, right], score: scores[id]! });
    }
  }
  merges.sort((a, b) => b.score - a.score || a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
  return merges.map(({ parts }) => parts);
}

/** Longer than any real piece: cutting a token at every place takes time with the square of its length. */
const MAX_PIECE = 128;

/** GPT-2's byte pairs: merges in order, over bytes written as letters. */
function bytePairs(
  field: (name: string) => GgufValue | undefined,
  vocab: Readonly<Record<string, number>>,
): Json & { addBos: boolean } {
  const pre = field("pre") ?? "default";
  const known = pre === "default" ? "gpt-2" : String(pre);
  if (!Object.hasOwn(PRE_TOKENIZERS, known)) {
    const names = Object.keys(PRE_TOKENIZERS).join(", ");
    throw wrong(
      `its text is cut into words by the rules of ${JSON.stringify(pre)}; of ${names} they are known`,
    );
  }
  const { steps, normalizer, ignoreMerges = false, addBos = false } = PRE_TOKENIZERS[known]!;
  return {
    addBos,
    normalizer: normalizer ?? null,
    pre_tokenizer: { type: "Sequence", pretokenizers: steps },
    decoder: { ...GPT2, add_prefix_space: true },
    model: {
      type: "BPE",
      vocab,
      merges: strings(field("merges"), "merges").filter((merge) => merge.includes(" ")),
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
    },
  };
}

function around(
  bos: string | undefined,
  eos: string | undefined,
  vocab: Readonly<Record<string, number>>,
): Json | null {
  const special = (token: string): Json => ({ SpecialToken: { id: token, type_id: 0 } });
  const single = [
    ...(bos === undefined ? [] : [special(bos)]),
    { Sequence: { id: "A", type_id: 0 } },
    ...(eos === undefined ? [] : [special(eos)]),
  ];
  if (single.length === 1) return null;
  const tokens = [bos, eos].filter((token) => token !== undefined);
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: Object.fromEntries(
      tokens.map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
    ),
  };
}

function strings(value: GgufValue | undefined, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === "string"))
    return value as string[];
  throw wrong(`it has no tokenizer.ggml.${name}`);
}

function wrong(problem: string): CoppiceError {
  return new CoppiceError(
    "tokenizer-invalid",
    `The GGUF file's tokenizer cannot be used: ${problem}.`,
    "Put the model's own tokenizer.json and tokenizer_config.json beside the file.",
  );
}
