// Conversations become the text that the model was trained on; what a template refuses is an error with its own words.
import { describe, expect, test } from "vitest";
import type { ChatMessage, ChatOptions } from "../../../src/options.ts";
import { ChatTemplates, createTokenizer } from "../../../src/tokenizer/index.ts";
import { readTextParts } from "../../../src/worker/host-tokenizer.ts";
import { fixtureJson, hasFixture } from "../../support/fixtures.ts";
import { tinyTokenizer } from "../../support/tiny-tokenizer.ts";

const HELLO: ChatMessage[] = [{ role: "user", content: "Hello" }];
const format = (config: unknown, options?: ChatOptions, messages = HELLO, file?: string): string =>
  new ChatTemplates("org/m", config, file).format(messages, options);
const refused = (body: () => unknown, code: string, words: string): void =>
  expect(body).toThrowError(
    expect.objectContaining({ code, message: expect.stringContaining(words) as string }) as Error,
  );

const SIMPLE =
  "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const TOKENS = { bos_token: "<s>", eos_token: { content: "</s>" }, chat_template: SIMPLE };

describe("templates", () => {
  test("get messages and special tokens, and end with the beginning of an answer", () => {
    expect(format(TOKENS)).toBe("<s><user>Hello</s><assistant>");
    expect(format(TOKENS, { addGenerationPrompt: false })).toBe("<s><user>Hello</s>");
  });

  test("get tools and whatever else they ask for", () => {
    const chat_template = "{{ tools | tojson }} {{ mood }}{% if not documents %}.{% endif %}";
    const tools = [{ type: "function", function: { name: "now" } }];
    expect(format({ chat_template }, { tools, variables: { mood: "gay" } })).toBe(
      '[{"type": "function", "function": {"name": "now"}}] gay.',
    );
  });

  test("may be several with names, of which tools choose one", () => {
    const chat_template = [
      { name: "default", template: "d" },
      { name: "tool_use", template: "t" },
      { name: "rag", template: "r" },
    ];
    expect(format({ chat_template })).toBe("d");
    expect(format({ chat_template }, { tools: [{}] })).toBe("t");
    expect(format({ chat_template }, { template: "rag" })).toBe("r");
    expect(format({ chat_template }, { template: "{{ 1 + 1 }}" })).toBe("2");
    refused(() => format({ chat_template }, { template: "other" }), "option-invalid", "other");
  });

  test("in a file of their own win", () => {
    expect(format(TOKENS, {}, HELLO, "from the file {{ bos_token }}")).toBe("from the file <s>");
  });

  test("that are missing, broken or refusing are errors", () => {
    refused(() => format({}), "chat-template-missing", "org/m");
    refused(() => format(undefined), "chat-template-missing", "org/m");
    refused(() => format({ chat_template: "{% if %}" }), "chat-template-failed", "understood");
    const chat_template = "{{ raise_exception('Roles must alternate') }}";
    refused(() => format({ chat_template }), "chat-template-failed", "Roles must alternate");
  });
});

test("nothing is put before what a template writes", () => {
  const { tokenizer: file, config } = tinyTokenizer(200);
  const tokenizer = createTokenizer(file, config);
  const text = format({ ...TOKENS, chat_template: "{{ bos_token }}a tree" });
  const ids = tokenizer.encode(text, { isWhole: true });
  expect(ids.filter((id) => id === 1)).toEqual([1]);
  expect(ids[0]).toBe(1);
  expect(tokenizer.encode("a tree", { isWhole: true })).not.toContain(1);
});

describe("a model's files", () => {
  const { tokenizer, config } = tinyTokenizer(200);
  const filesOf = (files: Record<string, unknown>) => ({
    label: "org/m",
    json: (name: string) => Promise.resolve(files[name]),
    open: (name: string) => {
      const text = files[name];
      if (typeof text !== "string") return Promise.resolve(undefined);
      const bytes = new TextEncoder().encode(text);
      const read = () => Promise.resolve(bytes);
      return Promise.resolve({ name, size: bytes.length, read, dispose: () => undefined });
    },
  });
  const model = { bosTokenId: 1, eosTokenIds: [2] } as never;

  test("give tokenizer and template, the template in a file of its own, too", async () => {
    const files = { "tokenizer.json": tokenizer, "tokenizer_config.json": config };
    const bare = await readTextParts(filesOf(files), model, undefined);
    expect(() => bare.chat.format(HELLO)).toThrow(/no chat template/);
    const newer = {
      "tokenizer.json": tokenizer,
      "tokenizer_config.json": { ...config, chat_template: "old" },
      "chat_template.jinja": "j {{ bos_token }}",
    };
    const listed = await readTextParts(filesOf(newer), model, undefined);
    expect(listed.chat.format(HELLO)).toBe("j <s>");
    // Of a folder on a server that would be a request for what is hardly ever there.
    const unlisted = await readTextParts(filesOf(newer), model, undefined, { isListed: false });
    expect(unlisted.chat.format(HELLO)).toBe("old");
  });

  test("give way to what was handed in, which must come out as it was", async () => {
    const given = { tokenizer, config: { ...config, chat_template: "mine" }, probe: undefined };
    const parts = await readTextParts(filesOf({}), model, given);
    expect(parts.chat.format(HELLO)).toBe("mine");
    const wrong = readTextParts(filesOf({}), model, { ...given, probe: [1, 2, 3] });
    await expect(wrong).rejects.toMatchObject({ code: "tokenizer-invalid" });
  });
});

const CONFIGS = "tokenizers/chat-configs/";

test.skipIf(!hasFixture(`${CONFIGS}phi-3__tokenizer_config.json`))("Phi-3's own template", () => {
  expect(format(fixtureJson(`${CONFIGS}phi-3__tokenizer_config.json`))).toBe(
    "<s><|user|>\nHello<|end|>\n<|assistant|>\n",
  );
});

describe.skipIf(!hasFixture(`${CONFIGS}qwen3__tokenizer_config.json`))(
  "Qwen3's own template",
  () => {
    const config = hasFixture(`${CONFIGS}qwen3__tokenizer_config.json`)
      ? fixtureJson(`${CONFIGS}qwen3__tokenizer_config.json`)
      : undefined;
    const system: ChatMessage = { role: "system", content: "Be brief." };

    test("with a system prompt, and with thinking turned off", () => {
      const text = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n";
      expect(format(config, {}, [system, ...HELLO])).toBe(`${text}<|im_start|>assistant\n`);
      const variables = { enable_thinking: false };
      expect(format(config, { variables }, [system, ...HELLO])).toBe(
        `${text}<|im_start|>assistant\n<think>\n\n</think>\n\n`,
      );
    });

    test("with tools, a call and its answer", () => {
      const tools = [{ type: "function", function: { name: "now", parameters: {} } }];
      const call = { function: { name: "now", arguments: { zone: "UTC" } } };
      const text = format(config, { tools }, [
        system,
        ...HELLO,
        { role: "assistant", content: "", tool_calls: [call] },
        { role: "tool", content: "noon" },
      ]);
      expect(text).toContain(
        '<tools>\n{"type": "function", "function": {"name": "now", "parameters": {}}}\n</tools>',
      );
      expect(text).toContain(
        '<tool_call>\n{"name": "now", "arguments": {"zone": "UTC"}}\n</tool_call><|im_end|>\n',
      );
      expect(text).toContain("<tool_response>\nnoon\n</tool_response><|im_end|>\n");
      expect(text.startsWith("<|im_start|>system\nBe brief.\n\n# Tools")).toBe(true);
      expect(text.endsWith("<|im_start|>assistant\n")).toBe(true);
    });
  },
);
