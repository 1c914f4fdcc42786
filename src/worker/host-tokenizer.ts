/** The tokenizer and the chat templates of a model: from its files, or from what the page handed in. */
import type { ResolvedTokenizer } from "../decoder/tokenizer-option.ts";
import { CoppiceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ModelFiles } from "../model/source/index.ts";
import { ChatTemplates, createTokenizer, type Tokenizer } from "../tokenizer/index.ts";
import { PROBE } from "./tokenizer-parts.ts";

const TEMPLATE_FILE = "chat_template.jinja";
const MAX_TEMPLATE_BYTES = 2 ** 20;

export interface TextParts {
  readonly tokenizer: Tokenizer | undefined;
  readonly chat: ChatTemplates;
}

/**
 * @throws CoppiceError `tokenizer-invalid`, also where a tokenizer that was handed in does not come out the same.
 */
export async function readTextParts(
  files: ModelFiles,
  { bosTokenId, eosTokenIds }: Pick<ModelConfig, "bosTokenId" | "eosTokenIds">,
  given: ResolvedTokenizer | undefined,
): Promise<TextParts> {
  const json = given ? given.tokenizer : await files.json("tokenizer.json");
  const config = given?.config ?? (await files.json("tokenizer_config.json"));
  const ends = eosTokenIds.length > 0 && { eosTokenIds };
  const tokenizer =
    json === undefined ? undefined : createTokenizer(json, config, { bosTokenId, ...ends });
  if (given?.probe && tokenizer) checkProbe(tokenizer, given.probe);
  const hasTemplate = (config as { chat_template?: unknown } | undefined)?.chat_template;
  // Newer repositories have it in a file of its own.
  const template = hasTemplate ? undefined : await readText(files, TEMPLATE_FILE);
  return { tokenizer, chat: new ChatTemplates(files.label, config, template) };
}

function checkProbe(tokenizer: Tokenizer, probe: readonly number[]): void {
  const own = tokenizer.encode(PROBE);
  if (own.length === probe.length && own.every((id, i) => id === probe[i])) return;
  throw new CoppiceError(
    "tokenizer-invalid",
    "The tokenizer that was handed in has parts that cannot be sent to a worker: built again there, it gives other ids.",
    "Pass the contents of its files instead, as tokenizer: { tokenizer, config }, or leave tokenizer out.",
  );
}

async function readText(files: ModelFiles, name: string): Promise<string | undefined> {
  const file = await files.open(name);
  if (!file) return undefined;
  try {
    if (file.size === undefined || file.size > MAX_TEMPLATE_BYTES) return undefined;
    return new TextDecoder().decode(await file.read(0, file.size));
  } finally {
    file.dispose();
  }
}
