/** What must hold of `tokenizer.json` before the tokenizer library sees it. */
import { CoppiceError } from "../errors.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Beyond any real vocabulary; larger ids would make the library fill an array of that length. */
const MAX_ID = 2 ** 24;

/** The library guesses at others. */
const MODELS: readonly unknown[] = ["BPE", "Unigram", "WordPiece", "WordLevel"];

/** @throws CoppiceError `tokenizer-invalid` */
export function checkTokenizerFile(
  tokenizer: unknown,
  config: unknown,
): { tokenizer: Fields; config: Fields } {
  if (!isFields(tokenizer)) throw tokenizerInvalid("tokenizer.json is not a JSON object.");
  if (config !== undefined && !isFields(config)) {
    throw tokenizerInvalid("tokenizer_config.json is not a JSON object.");
  }
  const { model, added_tokens: added = [] } = tokenizer;
  if (!isFields(model)) throw tokenizerInvalid("tokenizer.json has no model.");
  const { type = "BPE", vocab } = model; // Old files name no type.
  if (!MODELS.includes(type)) {
    throw tokenizerInvalid(`tokenizer.json has a model of unknown type ${JSON.stringify(type)}.`);
  }
  if (!isFields(vocab) && !Array.isArray(vocab))
    throw tokenizerInvalid("tokenizer.json has no vocabulary.");
  if (isFields(vocab) && !Object.values(vocab).every(isId)) {
    throw tokenizerInvalid(
      `tokenizer.json has a token whose id is not a whole number below ${MAX_ID}.`,
    );
  }
  const good = (token: unknown): boolean =>
    isFields(token) && isId(token["id"]) && typeof token["content"] === "string";
  if (!Array.isArray(added) || !added.every(good)) {
    throw tokenizerInvalid("tokenizer.json has an added token without an id and a content.");
  }
  return { tokenizer: { ...tokenizer, added_tokens: added }, config: config ?? {} };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_ID;
}

export function tokenizerInvalid(message: string, cause?: unknown): CoppiceError {
  return new CoppiceError(
    "tokenizer-invalid",
    message,
    "Download tokenizer.json and tokenizer_config.json again from the model's repository.",
    { cause },
  );
}
