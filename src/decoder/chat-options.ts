/** Prompts that are conversations, checked. */
import type { ChatMessage, ChatOptions } from "../options.ts";
import { checkBoolean, checkRecord, invalid } from "./checks.ts";

/** What a request continues, as far as it can be told without the model. */
export type ResolvedPrompt =
  | { readonly text: string }
  | { readonly messages: readonly ChatMessage[]; readonly chat: ChatOptions };

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolvePrompt(prompt: unknown, chat: unknown): ResolvedPrompt {
  if (Array.isArray(prompt)) return { messages: checkMessages(prompt), chat: resolveChat(chat) };
  if (typeof prompt !== "string") {
    throw invalid(
      "prompt",
      prompt,
      "a string or a list of messages",
      'Pass text, or messages such as [{ role: "user", content: "Hello" }].',
    );
  }
  if (chat === undefined) return { text: prompt };
  throw invalid(
    "chat",
    chat,
    "left out with a prompt that is text",
    "Pass messages as the prompt, or leave chat out.",
  );
}

function checkMessages(messages: readonly unknown[]): readonly ChatMessage[] {
  const fix = 'Pass messages such as { role: "user", content: "Hello" }.';
  if (messages.length === 0) throw invalid("prompt", messages, "a list of messages", fix);
  for (const [i, message] of messages.entries()) {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    if (typeof role !== "string") throw invalid(`prompt[${i}].role`, role, "a string", fix);
    const isContent =
      typeof content === "string" ||
      content === undefined ||
      content === null ||
      Array.isArray(content);
    if (!isContent) throw invalid(`prompt[${i}].content`, content, "text or a list of parts", fix);
  }
  return messages as readonly ChatMessage[];
}

export function resolveChat(value: unknown): ChatOptions {
  const { tools, addGenerationPrompt, template, variables } = checkRecord("chat", value ?? {}, [
    "tools",
    "addGenerationPrompt",
    "template",
    "variables",
  ] satisfies (keyof ChatOptions)[]);
  const isTools =
    tools === undefined ||
    (Array.isArray(tools) && tools.every((tool) => typeof tool === "object" && tool !== null));
  if (!isTools) throw invalid("chat.tools", tools, "a list of tools, each a JSON schema");
  if (template !== undefined && typeof template !== "string") {
    throw invalid("chat.template", template, "a template or the name of one");
  }
  if (variables !== undefined && (typeof variables !== "object" || variables === null)) {
    throw invalid("chat.variables", variables, "an object of what the template asks for");
  }
  return {
    addGenerationPrompt: checkBoolean("chat.addGenerationPrompt", addGenerationPrompt, true),
    ...(Array.isArray(tools) && tools.length > 0 && { tools: tools as object[] }),
    ...(template !== undefined && { template }),
    ...(variables && { variables: variables as Record<string, unknown> }),
  };
}
