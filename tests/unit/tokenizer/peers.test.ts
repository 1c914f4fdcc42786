// Tokenizers of transformers.js, both lines of it, handed in by a page: what crosses to the worker is the same tokenizer.
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { PROBE, type SentTokenizer, tokenizerParts } from "../../../src/worker/tokenizer-parts.ts";
import { fixtureBytes, fixtureJson, hasFixture } from "../../support/fixtures.ts";

type Made = { encode(text: string): number[] | { ids: number[] }; decode(ids: number[]): string };
type Make = new (json: object, config: object) => Made;

const MODELS = ["gpt2", "llama2", "smollm"].filter((name) =>
  hasFixture(`tokenizers/${name}/tokenizer.json`),
);
const CLASSES: Record<string, { v2: string; config: object }> = {
  gpt2: { v2: "GPT2Tokenizer", config: { bos_token: "<|endoftext|>" } },
  llama2: { v2: "LlamaTokenizer", config: { bos_token: "<s>", eos_token: "</s>" } },
  smollm: { v2: "GPT2Tokenizer", config: { bos_token: "<|endoftext|>" } },
};
const TEXTS = hasFixture("tokenizers/vectors/ggml-vocab-gpt-2.gguf.inp")
  ? new TextDecoder()
      .decode(fixtureBytes("tokenizers/vectors/ggml-vocab-gpt-2.gguf.inp"))
      .split("\n__ggml_vocab_test__\n")
  : [];

const peers: [string, (model: string) => Promise<Made>][] = [
  [
    "@xenova/transformers 2",
    async (model) => {
      const library = (await import("@xenova/transformers")) as unknown as Record<string, Make>;
      return make(library[CLASSES[model]!.v2]!, model);
    },
  ],
  [
    "@huggingface/transformers 4",
    async (model) => {
      const { PreTrainedTokenizer } = await import("@huggingface/transformers");
      return make(PreTrainedTokenizer as unknown as Make, model);
    },
  ],
  [
    "@huggingface/tokenizers",
    (model) => Promise.resolve(make(LibraryTokenizer as unknown as Make, model)),
  ],
];

function make(Class: Make, model: string): Made {
  // Each changes what it is given.
  const json = structuredClone(fixtureJson(`tokenizers/${model}/tokenizer.json`)) as object;
  return new Class(json, { ...CLASSES[model]!.config });
}

/** As the worker builds it again. */
function crossed(object: Made): { tokenizer: Tokenizer; probe: unknown } {
  const sent = structuredClone(tokenizerParts(object)) as SentTokenizer;
  return { tokenizer: createTokenizer(sent.tokenizer, sent.config), probe: sent.probe };
}

const idsOf = (object: Made, text: string): number[] => {
  const made = object.encode(text);
  return Array.isArray(made) ? made : made.ids;
};

describe.each(peers)("%s", (_, open) => {
  test.each(MODELS)("%s", async (model) => {
    const object = await open(model);
    const { config } = CLASSES[model]!;
    const own = createTokenizer(fixtureJson(`tokenizers/${model}/tokenizer.json`), config);
    const { tokenizer, probe } = crossed(object);
    expect(tokenizer.encode(PROBE)).toEqual(probe);
    expect(tokenizer.vocabSize).toBe(own.vocabSize);
    expect(tokenizer).toMatchObject({ beginOfText: own.beginOfText, endOfText: own.endOfText });
    for (const text of TEXTS) {
      const ids = own.encode(text);
      expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
      if (text !== "") expect([text, idsOf(object, text)]).toEqual([text, ids]);
      const stream = tokenizer.stream([]);
      expect(ids.map((id) => stream.push(id)).join("") + stream.end()).toBe(own.decode(ids));
    }
  });
});

test("what is no tokenizer object crosses as it is, to be refused or used there", () => {
  const files = { tokenizer: { model: {} }, config: {} };
  expect(tokenizerParts(files)).toBe(files);
  expect(tokenizerParts(undefined)).toBeUndefined();
  expect(tokenizerParts("gpt2")).toBe("gpt2");
});
