// Tokenizers out of GGUF metadata, against llama.cpp's vectors and the tokenizer.json of the same vocabulary.
import { describe, expect, test } from "vitest";
import { ggufTokenizer } from "../../../src/model/formats/gguf-tokenizer.ts";
import { readGgufHeader } from "../../../src/model/formats/gguf.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { createTokenizer, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { fixtureBytes, fixtureJson, hasFixture, hasStories } from "../../support/fixtures.ts";
import { bpeFields, spmFields, tokenList } from "../../support/gguf-models.ts";
import { type GgufField, writeGguf } from "../../support/gguf-writer.ts";

async function tokenizerOf(fields: Readonly<Record<string, GgufField>>): Promise<Tokenizer> {
  const source = await openSource({ files: { "m.gguf": writeGguf(fields, []) } });
  const { tokenizer, config } = ggufTokenizer(await readGgufHeader((await source.open("m.gguf"))!));
  return createTokenizer(tokenizer, config);
}

/** llama.cpp's texts and the ids that it gives them. */
function vectors(name: string): [string, number[]][] {
  const read = (end: string): string =>
    new TextDecoder().decode(fixtureBytes(`tokenizers/vectors/ggml-vocab-${name}.gguf.${end}`));
  const outputs = read("out").split("\n");
  return read("inp")
    .split("\n__ggml_vocab_test__\n")
    .map((input, i) => [input, (outputs[i] ?? "").trim().split(/\s+/).filter(Boolean).map(Number)]);
}

const text = (path: string): string => new TextDecoder().decode(fixtureBytes(path));
const mergeLines = (path: string): string[] =>
  text(path)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#version"));

test.skipIf(!hasFixture("tokenizers/llama2/tokenizer.json"))(
  "Llama 2's pieces and scores give llama.cpp's ids",
  async () => {
    const tokenizer = await tokenizerOf(spmFields("tokenizers/llama2/tokenizer.json"));
    let compared = 0;
    for (const [input, ids] of vectors("llama-spm")) {
      if (input === "" || ids.length === 0) continue;
      expect([input, tokenizer.encode(input)]).toEqual([input, [1, ...ids]]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(30);
    expect(tokenizer.decode(tokenizer.encode("Grüße, 世界 🌲"))).toBe("Grüße, 世界 🌲");
  },
);

test.skipIf(!hasFixture("tokenizers/gpt2/gpt2_vocab.json"))(
  "GPT-2's byte pairs give llama.cpp's ids",
  async () => {
    const vocab = fixtureJson("tokenizers/gpt2/gpt2_vocab.json") as Record<string, number>;
    const tokens = tokenList({ model: { vocab, merges: [] } });
    const merges = mergeLines("tokenizers/gpt2/gpt2_merges.txt");
    const tokenizer = await tokenizerOf(bpeFields(tokens, merges, "gpt-2", new Set([50256])));
    for (const [input, ids] of vectors("gpt-2")) {
      expect([input, tokenizer.encode(input)]).toEqual([input, ids]);
    }
  },
);

test.skipIf(!hasFixture("tokenizers/qwen3/vocab.json"))(
  "Qwen's byte pairs give llama.cpp's ids",
  async () => {
    const vocab = fixtureJson("tokenizers/qwen3/vocab.json") as Record<string, number>;
    const tokens = tokenList({ model: { vocab, merges: [] } });
    const merges = mergeLines("tokenizers/qwen3/merges.txt");
    const tokenizer = await tokenizerOf(bpeFields(tokens, merges, "qwen2"));
    for (const [input, ids] of vectors("qwen2")) {
      expect([input, tokenizer.encode(input)]).toEqual([input, ids]);
    }
  },
);

test.skipIf(!hasFixture("tokenizers/smollm/tokenizer.json"))(
  "SmolLM's byte pairs cut text as its own tokenizer.json does, special tokens too",
  async () => {
    const file = fixtureJson("tokenizers/smollm/tokenizer.json") as Parameters<typeof tokenList>[0];
    const merges = file.model.merges.map((merge) =>
      typeof merge === "string" ? merge : merge.join(" "),
    );
    const control = new Set(file.added_tokens!.map(({ id }) => id));
    const tokenizer = await tokenizerOf(bpeFields(tokenList(file), merges, "smollm", control));
    const own = createTokenizer(file);
    for (const [input] of vectors("gpt-2")) {
      expect([input, tokenizer.encode(input)]).toEqual([input, own.encode(input)]);
    }
    const chat = "<|im_start|>user\nIt's 1234.<|im_end|>";
    expect(tokenizer.encode(chat)).toEqual(own.encode(chat));
    expect(tokenizer.decode(tokenizer.encode(chat))).toBe("user\nIt's 1234.");
  },
);

describe.skipIf(!hasStories)("what the file says of beginnings and ends", () => {
  const STORIES = spmFields("models/stories260K-hf/tokenizer.json");
  const ids = async (fields: Record<string, GgufField>) =>
    (await tokenizerOf({ ...STORIES, ...fields })).encode("Once");

  test("a text begins with BOS unless the file says no, and ends with EOS where it says so", async () => {
    const plain = await ids({});
    expect(plain[0]).toBe(1);
    expect(await ids({ "tokenizer.ggml.add_bos_token": { bool: false } })).toEqual(plain.slice(1));
    expect(await ids({ "tokenizer.ggml.add_eos_token": { bool: true } })).toEqual([...plain, 2]);
  });

  test("without a space before the text, a first word is cut otherwise", async () => {
    const tokenizer = await tokenizerOf({
      ...STORIES,
      "tokenizer.ggml.add_space_prefix": { bool: false },
    });
    expect(tokenizer.tokenOf(tokenizer.encode(" Once")[1]!)).toMatch(/^▁/);
    expect(tokenizer.tokenOf(tokenizer.encode("Once")[1]!)).not.toMatch(/^▁/);
    expect(tokenizer.decode(tokenizer.encode("Once"))).toBe("Once");
  });
});

test.each([
  ["a kind that is not known", { "tokenizer.ggml.model": { text: "t5" } }, /"t5"/],
  ["no tokenizer", {}, /null/],
  ["no tokens", { "tokenizer.ggml.model": { text: "gpt2" } }, /ggml\.tokens/],
  ["unknown rules for words", bpeFields(["a"], [], "tomorrow's"), /tomorrow's.*qwen2/],
  [
    "a score too few",
    {
      "tokenizer.ggml.model": { text: "llama" },
      "tokenizer.ggml.tokens": { texts: ["a", "b"] },
      "tokenizer.ggml.scores": { f32s: [1] },
    },
    /scores/,
  ],
] as [string, Record<string, GgufField>, RegExp][])(
  "%s is tokenizer-invalid",
  async (_, fields, message) => {
    await expect(tokenizerOf(fields)).rejects.toMatchObject({
      code: "tokenizer-invalid",
      message: expect.stringMatching(message) as string,
    });
  },
);
