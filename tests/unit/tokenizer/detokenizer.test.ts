// The one law of streaming: the pieces together are the text, and no piece ends within a character.
import { describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { fixtureJson, hasFixture } from "../../support/fixtures.ts";
import { uniforms } from "../../support/random.ts";
import { byteLevelTokenizer, tinyTokenizer } from "../../support/tiny-tokenizer.ts";

/** Pieces of `ids` after `prompt`. */
function pieces(tokenizer: Tokenizer, prompt: number[], ids: number[]): string[] {
  const stream = tokenizer.stream(prompt);
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

function expectLaw(tokenizer: Tokenizer, prompt: number[], ids: number[]): void {
  const got = pieces(tokenizer, prompt, ids);
  expect(tokenizer.decode(prompt) + got.join("")).toBe(tokenizer.decode([...prompt, ...ids]));
}

const REAL = ["smollm", "gpt2", "llama2"].filter((name) =>
  hasFixture(`tokenizers/${name}/tokenizer.json`),
);
const SAMPLES = [
  "Coppice grows back — faster.",
  "日本語の木 🌳🌲 naïve",
  "tabs\tand\nlines  two spaces",
  " leading",
  "👩‍👩‍👧 family",
];

const METASPACE = { type: "Metaspace", replacement: "▁", prepend_scheme: "first" };

const tokenizers: [string, () => Tokenizer][] = [
  ["sentencepiece with bytes", () => fromTiny(400)],
  ["sentencepiece without bytes", () => fromTiny(150)],
  [
    "sentencepiece with a Metaspace decoder",
    () => createTokenizer({ ...tinyTokenizer(150).tokenizer, decoder: METASPACE }),
  ],
  ["byte level", () => createTokenizer(byteLevelTokenizer())],
  ...REAL.map((name): [string, () => Tokenizer] => [
    `${name} (real)`,
    () => createTokenizer(fixtureJson(`tokenizers/${name}/tokenizer.json`)),
  ]),
];

function fromTiny(size: number): Tokenizer {
  const { tokenizer, config } = tinyTokenizer(size);
  return createTokenizer(tokenizer, config);
}

describe.each(tokenizers)("%s", (_, create) => {
  const tokenizer = create();

  test("text that was encoded streams back whole, without broken characters", () => {
    for (const sample of SAMPLES) {
      const ids = tokenizer.encode(sample);
      const got = pieces(tokenizer, [], ids);
      expect(got.join("")).toBe(tokenizer.decode(ids));
      if (tokenizer.decode(ids) === sample) expect(got.join("")).not.toContain("\uFFFD");
    }
  });

  test("text cut anywhere into prompt and output", () => {
    for (const sample of SAMPLES) {
      const ids = tokenizer.encode(sample);
      for (let cut = 0; cut <= ids.length; cut++) {
        // A prompt is text: one that ends within a character is no prompt.
        if (tokenizer.decode(ids.slice(0, cut)).endsWith("\uFFFD")) continue;
        expectLaw(tokenizer, ids.slice(0, cut), ids.slice(cut));
      }
    }
  });

  test("any tokens at all, broken characters included", () => {
    const next = uniforms(11);
    const bytes = Array.from({ length: tokenizer.vocabSize }, (_unused, id) => id).filter((id) =>
      /^<0x|^[^\x20-\x7e]{1,2}$/.test(tokenizer.tokenOf(id) ?? ""),
    );
    for (let round = 0; round < 150; round++) {
      const ids = Array.from({ length: 1 + Math.floor(next() * 40) }, () => {
        const pool = next() < 0.6 && bytes.length > 0 ? bytes : undefined;
        return pool
          ? pool[Math.floor(next() * pool.length)]!
          : Math.floor(next() * tokenizer.vocabSize);
      });
      expectLaw(tokenizer, [], ids);
    }
  });
});

test("a character of four bytes comes out with its last byte, in one piece", () => {
  const tokenizer = fromTiny(400);
  const ids = [..."🌲"]
    .flatMap((text) => [...new TextEncoder().encode(text)])
    .map((byte) => tokenizer.idOf(`<0x${byte.toString(16).toUpperCase()}>`)!);
  expect(pieces(tokenizer, [1], ids)).toEqual(["", "", "", "🌲", ""]);
});

test("an unfinished character at the end shows as U+FFFD, once", () => {
  const tokenizer = fromTiny(400);
  const ids = [tokenizer.idOf("a")!, tokenizer.idOf("<0xE2>")!, tokenizer.idOf("<0x82>")!];
  expect(pieces(tokenizer, [1], ids)).toEqual(["a", "", "", "\uFFFD"]);
});

test("the first space of a text is dropped, the first space after a prompt is not", () => {
  const tokenizer = fromTiny(200);
  const ids = tokenizer.encode("a a").slice(1);
  expect(pieces(tokenizer, [1], ids).join("")).toBe("a a");
  expect(pieces(tokenizer, tokenizer.encode("e"), ids).join("")).toBe(" a a");
});

test("special tokens at a prompt's end do not hide the text before them", () => {
  const tokenizer = fromTiny(400);
  const prompt = [...tokenizer.encode("a"), ...Array.from({ length: 9 }, () => 2)];
  expectLaw(tokenizer, prompt, [tokenizer.idOf("▁")!, tokenizer.idOf("a")!]);
});

test("special tokens give no text and do not disturb what follows", () => {
  const tokenizer = fromTiny(400);
  const [space, a] = [tokenizer.idOf("▁")!, tokenizer.idOf("a")!];
  expect(pieces(tokenizer, [1], [a, 2, space, 1, a])).toEqual(["a", "", " ", "", "a", ""]);
});

test("broken bytes without end cost no more per token than text", () => {
  const tokenizer = fromTiny(400);
  let longest = 0;
  const decode = tokenizer.decode.bind(tokenizer);
  tokenizer.decode = (ids) => {
    longest = Math.max(longest, ids.length);
    return decode(ids);
  };
  const bad = tokenizer.idOf("<0xFF>")!;
  const ids = Array.from({ length: 500 }, () => bad);
  expect(pieces(tokenizer, [1], ids).join("")).toBe("\uFFFD".repeat(500));
  expect(longest).toBeLessThan(40);
});
