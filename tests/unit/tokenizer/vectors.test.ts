// llama.cpp's own vectors: texts that are awkward to split, and the ids that they become.
import { describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { fixtureBytes, fixtureJson, hasFixture } from "../../support/fixtures.ts";

const text = (path: string): string => new TextDecoder().decode(fixtureBytes(`tokenizers/${path}`));

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false };
const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** As models had it before `tokenizer.json`: a vocabulary, merges, and a way to split that was code. */
function create(vocab: string, merges: string, parts: object): Tokenizer {
  return createTokenizer({
    added_tokens: [],
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: fixtureJson(`tokenizers/${vocab}`),
      merges: text(merges)
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#version")),
    },
    ...parts,
  });
}

const VOCABULARIES: [string, string, string, object][] = [
  [
    "gpt-2",
    "gpt2/gpt2_vocab.json",
    "gpt2/gpt2_merges.txt",
    { normalizer: null, pre_tokenizer: { ...BYTE_LEVEL, use_regex: true } },
  ],
  [
    "qwen2",
    "qwen3/vocab.json",
    "qwen3/merges.txt",
    {
      normalizer: { type: "NFC" },
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: QWEN_PATTERN }, behavior: "Isolated", invert: false },
          { ...BYTE_LEVEL, use_regex: false },
        ],
      },
    },
  ],
];

describe.each(VOCABULARIES)("%s", (name, vocab, merges, parts) => {
  const vectors = `tokenizers/vectors/ggml-vocab-${name}.gguf`;
  const isThere = hasFixture(`${vectors}.inp`) && hasFixture(`tokenizers/${vocab}`);

  test.skipIf(!isThere)("every text becomes its ids, and comes back", () => {
    const inputs = text(`vectors/ggml-vocab-${name}.gguf.inp`).split("\n__ggml_vocab_test__\n");
    const outputs = text(`vectors/ggml-vocab-${name}.gguf.out`).split("\n");
    const tokenizer = create(vocab, merges, parts);
    expect(inputs).toHaveLength(outputs.length);
    for (const [i, input] of inputs.entries()) {
      const ids = outputs[i]!.split(" ").filter(Boolean).map(Number);
      expect([input, tokenizer.encode(input)]).toEqual([input, ids]);
      expect(tokenizer.decode(ids)).toBe(input);
    }
  });
});
