/** The tokenizer and the chat templates of a model: from its files, or from what the page handed in. */
import type { ResolvedTokenizer } from "../decoder/tokenizer-option.ts";
import { CoppiceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { FileProgress, ModelFiles } from "../model/source/index.ts";
import { ChatTemplates, createTokenizer, type Tokenizer } from "../tokenizer/index.ts";
import { PROBE } from "./tokenizer-parts.ts";

const TEMPLATE_FILE = "chat_template.jinja";
const MAX_TEMPLATE_BYTES = 2 ** 20;

export interface TextParts {
  readonly tokenizer: Tokenizer | undefined;
  readonly chat: ChatTemplates;
}

interface TextReading {
  /** Whether it is known which files there are, so that asking for one that is not there costs nothing. Default true. */
  readonly isListed?: boolean;
  /** Told of files that are not JSON. */
  readonly onProgress?: (progress: FileProgress) => void;
}

/**
 * @throws CoppiceError `tokenizer-invalid`, also where a tokenizer that was handed in does not come out the same.
 */
export async function readTextParts(
  files: ModelFiles,
  { bosTokenId, eosTokenIds }: Pick<ModelConfig, "bosTokenId" | "eosTokenIds">,
  given: ResolvedTokenizer | undefined,
  { isListed = true, onProgress = () => undefined }: TextReading = {},
): Promise<TextParts> {
  const json = given ? given.tokenizer : await files.json("tokenizer.json");
  const config = given?.config ?? (await files.json("tokenizer_config.json"));
  const ends = eosTokenIds.length > 0 && { eosTokenIds };
  const tokenizer =
    json === undefined ? undefined : createTokenizer(json, config, { bosTokenId, ...ends });
  if (given?.probe && tokenizer) checkProbe(tokenizer, given.probe);
  const hasTemplate = (config as { chat_template?: unknown } | undefined)?.chat_template;
  // Newer repositories have it in a file of its own, which wins; where it would take a request to know, one template is enough.
  const isAsked = given?.config === undefined && (isListed || !hasTemplate);
  const template = isAsked ? await readText(files, TEMPLATE_FILE) : undefined;
  const size = template?.length ?? 0;
  if (template) onProgress({ file: TEMPLATE_FILE, loadedBytes: size, totalBytes: size });
  const text = template && new TextDecoder().decode(template);
  return { tokenizer, chat: new ChatTemplates(files.label, config, text) };
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

async function readText(files: ModelFiles, name: string): Promise<Uint8Array | undefined> {
  const file = await files.open(name);
  if (!file) return undefined;
  try {
    if (file.size === undefined || file.size > MAX_TEMPLATE_BYTES) return undefined;
    return await file.read(0, file.size);
  } finally {
    file.dispose();
  }
}
