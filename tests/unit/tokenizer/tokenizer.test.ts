import { describe, expect, test } from "vitest";
import { createTokenizer } from "../../../src/tokenizer/index.ts";
import { fixtureJson, hasFixture, hasStories, storiesGolden } from "../../support/fixtures.ts";
import { tinyTokenizer } from "../../support/tiny-tokenizer.ts";

const STORIES = "models/stories260K-hf/";

describe.skipIf(!hasStories)("the real 512-token vocabulary", () => {
  const create = () =>
    createTokenizer(
      fixtureJson(`${STORIES}tokenizer.json`),
      fixtureJson(`${STORIES}tokenizer_config.json`),
    );

  test("encodes the golden text to the golden ids, and back", () => {
    const { text, tokens } = storiesGolden();
    expect(create().encode(text)).toEqual(tokens);
    expect(create().decode(tokens)).toBe(text);
  });

  test("streams the golden text after BOS alone, and after a part of it as prompt", () => {
    const { text, tokens } = storiesGolden();
    const tokenizer = create();
    for (const promptLength of [1, 2, 63, 150]) {
      const stream = tokenizer.stream(tokens.slice(0, promptLength));
      const pieces = tokens.slice(promptLength).map((id) => stream.push(id));
      const prompt = tokenizer.decode(tokens.slice(0, promptLength));
      expect(prompt + pieces.join("") + stream.end()).toBe(text);
    }
  });

  test("an empty prompt is BOS alone", () => {
    expect(create().encode("")).toEqual([1]);
  });

  test("characters outside the vocabulary become bytes and come back", () => {
    const tokenizer = create();
    for (const text of ["héllo 🌲 世界", "a\u0000b", "ends with é"]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});

test.skipIf(!hasFixture("tokenizers/vectors/ggml-vocab-llama-spm.gguf.inp"))(
  "Llama 2's vocabulary agrees with llama.cpp's vectors, but for the rules that differ",
  async () => {
    const { fixtureBytes } = await import("../../support/fixtures.ts");
    const read = (end: string): string =>
      new TextDecoder().decode(fixtureBytes(`tokenizers/vectors/ggml-vocab-llama-spm.gguf.${end}`));
    const inputs = read("inp").split("\n__ggml_vocab_test__\n");
    const outputs = read("out").split("\n");
    const tokenizer = createTokenizer(fixtureJson("tokenizers/llama2/tokenizer.json"));
    let compared = 0;
    for (const [i, input] of inputs.entries()) {
      const expected = (outputs[i] ?? "").trim().split(/\s+/).filter(Boolean).map(Number);
      if (input === "" || expected.length === 0) continue;
      expect([input, tokenizer.encode(input)]).toEqual([input, [1, ...expected]]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(30);
  },
);

describe("special tokens", () => {
  const { tokenizer: file, config } = tinyTokenizer(200);

  test("come from the model's configuration, else from tokenizer_config.json", () => {
    expect(createTokenizer(file, config)).toMatchObject({ beginOfText: 1, endOfText: [2] });
    const own = createTokenizer(file, config, { bosTokenId: 5, eosTokenIds: [7, 8] });
    expect(own).toMatchObject({ beginOfText: 5, endOfText: [7, 8] });
    const written = { bos_token: { content: "<s>" }, eos_token: null };
    expect(createTokenizer(file, written)).toMatchObject({ beginOfText: 1, endOfText: [] });
    expect(createTokenizer(file)).toMatchObject({ beginOfText: undefined, endOfText: [] });
  });

  test("an empty text is BOS also where the tokenizer adds none, and nothing without one", () => {
    const bare = { ...file, post_processor: null };
    expect(createTokenizer(bare, config).encode("")).toEqual([1]);
    expect(createTokenizer(bare).encode("")).toEqual([]);
    expect(createTokenizer(bare, config).encode("e")).not.toContain(1);
  });

  test("have no text; ids that are no tokens have none either", () => {
    const tokenizer = createTokenizer(file, config);
    const ids = tokenizer.encode("a tree");
    expect(tokenizer.decode([1, ...ids, 2, 199_999, -1])).toBe("a tree");
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([1, 2])).toBe("");
  });

  test("ids and tokens map to each other", () => {
    const tokenizer = createTokenizer(file, config);
    expect(tokenizer.vocabSize).toBe(200);
    for (const id of [0, 1, 3, 199]) expect(tokenizer.idOf(tokenizer.tokenOf(id)!)).toBe(id);
    expect(tokenizer.tokenOf(200)).toBeUndefined();
    expect(tokenizer.idOf("no such token")).toBeUndefined();
  });

  test("text keeps its spaces: there is no clean-up of decoded text", () => {
    const tokenizer = createTokenizer(file, { ...config, clean_up_tokenization_spaces: true });
    const text = "a , b . c ' d";
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

describe("a broken tokenizer is tokenizer-invalid", () => {
  const { tokenizer: file } = tinyTokenizer(120);
  const model = file["model"] as Record<string, unknown>;
  const cases: [string, unknown, unknown?][] = [
    ["not an object", "tokenizer"],
    ["null", null],
    ["a list", []],
    ["empty", {}],
    ["no model", { ...file, model: null }],
    ["no vocabulary", { ...file, model: { ...model, vocab: undefined } }],
    ["an id that is text", { ...file, model: { ...model, vocab: { a: "1" } } }],
    ["an id beyond reason", { ...file, model: { ...model, vocab: { a: 4e9 } } }],
    ["a fractional id", { ...file, model: { ...model, vocab: { a: 0.5 } } }],
    ["no merges", { ...file, model: { ...model, merges: undefined } }],
    ["an unknown model", { ...file, model: { ...model, type: "Nonsense" } }],
    ["an unknown decoder", { ...file, decoder: { type: "Nonsense" } }],
    ["an unknown normalizer", { ...file, normalizer: { type: "Nonsense" } }],
    ["an added token without content", { ...file, added_tokens: [{ id: 3 }] }],
    ["added tokens that are no list", { ...file, added_tokens: {} }],
    [
      "a template naming a token that is not there",
      {
        ...file,
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "<none>", type_id: 0 } }],
          pair: [],
        },
        model: { ...model, unk_token: null },
      },
    ],
    ["a config that is a list", file, []],
  ];
  test.each(cases)("%s", (_, tokenizer, config) => {
    expect(() => createTokenizer(tokenizer, config)).toThrowError(
      expect.objectContaining({ code: "tokenizer-invalid" }) as Error,
    );
  });
});
