// A sentencepiece-style tokenizer of any vocabulary size, for tiny models.

const LETTERS = " etaoinshrdlucmfwypvbgkjqxz.,'\"!?-ETAOINSHRDLUCMFWYPVBGKJQXZ0123456789\n";
const SPACE = "▁";

/** The token texts, in id order: specials, single characters, bytes where they fit, made-up words. */
export function tinyVocabulary(size: number): string[] {
  const tokens = ["<unk>", "<s>", "</s>", ...LETTERS.split("")].map((token) =>
    token === " " ? SPACE : token,
  );
  if (size >= tokens.length + 256) {
    for (let byte = 0; byte < 256; byte++) {
      tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    }
  }
  for (let i = 0; tokens.length < size; i++) tokens.push(`${i % 2 ? "" : SPACE}w${i.toString(36)}`);
  return tokens.slice(0, size);
}

/** An entry of `added_tokens`. */
function special(content: string, id: number): object {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...flags, special: true };
}

/** `tokenizer.json` and `tokenizer_config.json` as objects. */
export function tinyTokenizer(size: number): {
  tokenizer: Record<string, unknown>;
  config: object;
} {
  const vocab = Object.fromEntries(tinyVocabulary(size).map((token, id) => [token, id]));
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: ["<unk>", "<s>", "</s>"].map(special),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: SPACE },
        { type: "Replace", pattern: { String: " " }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: size >= LETTERS.length + 3 + 256,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  };
  const config = {
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    tokenizer_class: "LlamaTokenizer",
  };
  return { tokenizer, config };
}

/** A byte-level tokenizer as GPT-2's: 256 byte tokens and some that hold a part of a character. */
export function byteLevelTokenizer(): Record<string, unknown> {
  const letters = byteLetters();
  const spell = (...bytes: number[]): string => bytes.map((byte) => letters[byte]!).join("");
  const tokens = [
    ...letters,
    spell(0x20, 0xf0),
    spell(0x9f, 0x8c),
    spell(0xb2, 0x20),
    spell(0xe6, 0x97),
    spell(0xa5, 0xe6),
    spell(0x61, 0xff),
    "<|end|>",
    "<|shown|>",
  ];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return {
    added_tokens: [
      special("<|end|>", vocab["<|end|>"]!),
      { ...special("<|shown|>", vocab["<|shown|>"]!), special: false },
    ],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", unk_token: null, vocab, merges: [[spell(0x9f), spell(0x8c)]] },
  };
}

/** GPT-2's letter for each byte: printable ones stand for themselves, the others for U+0100 and on. */
function byteLetters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCharCode(plain ? byte : next++);
  });
}
