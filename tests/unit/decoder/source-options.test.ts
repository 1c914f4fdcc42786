// The hub, the cache and a tokenizer as options; no message holds what may be a token.
import { describe, expect, test } from "vitest";
import { resolveChat } from "../../../src/decoder/chat-options.ts";
import { resolveLoadOptions } from "../../../src/decoder/load-options.ts";
import { refusal } from "./refusal.ts";

const load = (options: object) => resolveLoadOptions({ target: "a/b", ...options });

test("what is right comes through", () => {
  expect(load({ hub: { endpoint: "https://mirror.test/hf/", token: "hf_x" } }).hub).toEqual({
    endpoint: "https://mirror.test/hf",
    token: "hf_x",
  });
  expect(load({ hub: { endpoint: "http://localhost:80", token: "hf_x" } }).hub).toEqual({
    endpoint: "http://localhost",
    token: "hf_x",
  });
  expect(load({ cache: "none" }).cacheBytes).toBeUndefined();
  expect(load({ cache: "auto" }).cacheBytes).toBe(Infinity);
  expect(load({ cache: { maxBytes: 5 } }).cacheBytes).toBe(5);
  const tokenizer = { tokenizer: {}, config: {} };
  expect(load({ tokenizer }).tokenizer).toEqual({ ...tokenizer, probe: undefined });
});

describe("what is wrong is refused", () => {
  test.each([
    { hub: "hf_secret" },
    { hub: null },
    { hub: { endpoint: 4 } },
    { hub: { endpoint: "huggingface.co" } },
    { hub: { endpoint: "ftp://x" } },
    { hub: { endpoint: "https://user:hf_secret@x.test" } },
    { hub: { endpoint: "https://x.test/?token=hf_secret" } },
    { hub: { token: 4 } },
    { hub: { token: "" } },
    { hub: { token: "hf_secret\n" } },
    { hub: { token: "hf_secret é" } },
    { hub: { token: ["hf_secret"] } },
    { hub: { endpoint: "http://mirror.test", token: "hf_secret" } },
    { cache: "always" },
    { cache: { maxBytes: 0 } },
    { cache: {} },
    { tokenizer: {} },
    { tokenizer: { tokenizer: "x" } },
    { tokenizer: { tokenizer: {}, config: 4 } },
  ])("%j", (options) => {
    const { code, message, fix } = refusal(() => load(options));
    expect(code).toBe("option-invalid");
    expect(message + fix).not.toContain("hf_secret");
    expect(fix).toMatch(/\.$/);
  });

  test.each([{ hub: { tokens: "hf_secret" } }, { cache: { max: 4 } }, { tokenizer: { json: {} } }])(
    "%j has a field that there is not",
    (options) => {
      const { code, message } = refusal(() => load(options));
      expect(code).toBe("option-unknown");
      expect(message).not.toContain("hf_secret");
    },
  );

  test.each([
    { tools: "search" },
    { tools: [4] },
    { addGenerationPrompt: "yes" },
    { template: 4 },
    { variables: 4 },
  ])("chat: %j", (chat) => {
    expect(refusal(() => resolveChat(chat)).code).toBe("option-invalid");
  });
});
