/** From messages to text: the model's own template, in Jinja, run by @huggingface/jinja. */
import { Template } from "@huggingface/jinja";
import { CoppiceError } from "../errors.ts";
import type { ChatMessage, ChatOptions } from "../options.ts";

const TOKEN = /_token$/;

export class ChatTemplates {
  /** Texts by name. */
  readonly #templates: ReadonlyMap<string, string>;
  /** `bos_token` and the like, as text. */
  readonly #tokens: Readonly<Record<string, string>>;
  readonly #label: string;
  readonly #parsed = new Map<string, Template>();

  /**
   * `config` is the content of tokenizer_config.json. A template that came in a file of its own, `chat_template.jinja`, wins.
   * `label` is what to call the model.
   */
  constructor(label: string, config: unknown, file?: string) {
    const fields = isRecord(config) ? config : {};
    this.#label = label;
    this.#templates = templatesOf(fields["chat_template"], file);
    this.#tokens = Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => TOKEN.test(name))
        .map(([name, token]) => [name, isRecord(token) ? token["content"] : token])
        .filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  }

  /**
   * The text of a conversation. Special tokens that the template writes, and those that messages contain, are tokens when it is encoded:
   * as in Hugging Face's `apply_chat_template`, nothing tells them apart.
   * @throws CoppiceError `chat-template-missing`, `chat-template-failed` (with what the template says).
   */
  format(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const { tools, addGenerationPrompt = true, template, variables } = options;
    const parsed = this.#parse(this.#choose(template, tools));
    try {
      return parsed.render({
        ...this.#tokens,
        messages,
        tools: tools ?? null,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
        ...variables,
      });
    } catch (cause) {
      throw failed(`The chat template of ${this.#label} refuses these messages`, cause);
    }
  }

  #choose(wanted: string | undefined, tools: unknown): string {
    const named = wanted === undefined ? undefined : this.#templates.get(wanted);
    if (named !== undefined) return named;
    if (wanted !== undefined && /\{[{%#]/.test(wanted)) return wanted;
    const names = [...this.#templates.keys()];
    if (wanted !== undefined) {
      throw new CoppiceError(
        "option-invalid",
        `chat.template is "${wanted.slice(0, 60)}", which is neither a template nor the name of one.`,
        names.length > 0
          ? `Use one of ${names.join(", ")}, or pass a Jinja template.`
          : "Pass a Jinja template.",
      );
    }
    const own =
      (tools === undefined ? undefined : this.#templates.get("tool_use")) ??
      this.#templates.get("default") ??
      (names.length === 1 ? this.#templates.get(names[0]!) : undefined);
    if (own !== undefined) return own;
    throw new CoppiceError(
      "chat-template-missing",
      `${this.#label} has no chat template${names.length > 0 ? ' named "default"' : ""}.`,
      "Use an instruction-tuned model, pass the prompt as text, or pass a Jinja template as chat.template.",
    );
  }

  #parse(text: string): Template {
    const known = this.#parsed.get(text);
    if (known) return known;
    try {
      const parsed = new Template(text);
      this.#parsed.set(text, parsed);
      return parsed;
    } catch (cause) {
      throw failed(`The chat template of ${this.#label} cannot be understood`, cause);
    }
  }
}

function templatesOf(value: unknown, file: string | undefined): Map<string, string> {
  const found = new Map<string, string>();
  if (typeof value === "string") found.set("default", value);
  else if (Array.isArray(value)) {
    for (const each of value as unknown[]) {
      const { name, template } = isRecord(each) ? each : {};
      if (typeof name === "string" && typeof template === "string") found.set(name, template);
    }
  }
  if (file !== undefined) found.set("default", file);
  return found;
}

function failed(what: string, cause: unknown): CoppiceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CoppiceError(
    "chat-template-failed",
    `${what}: ${reason}`,
    "Change the messages as it asks (many templates want roles to take turns, beginning with the user), or pass another chat.template.",
    { cause },
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
