/** A tokenizer that the page handed in, checked as far as it can be without building it. */
import { checkRecord, invalid } from "./checks.ts";

/** The content of tokenizer files, and what the page's own object makes of a text. */
export interface ResolvedTokenizer {
  readonly tokenizer: object;
  readonly config: object | undefined;
  readonly probe: readonly number[] | undefined;
}

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveTokenizer(value: unknown): ResolvedTokenizer | undefined {
  if (value === undefined) return undefined;
  const { tokenizer, config, probe } = checkRecord("tokenizer", value, [
    "tokenizer",
    "config",
    "probe",
  ]);
  const fix =
    "Pass a tokenizer of transformers.js, or the contents of the model's files: { tokenizer, config }.";
  if (typeof tokenizer !== "object" || tokenizer === null) {
    throw invalid("tokenizer.tokenizer", tokenizer, "the content of a tokenizer.json", fix);
  }
  if (config !== undefined && (typeof config !== "object" || config === null)) {
    throw invalid("tokenizer.config", config, "the content of a tokenizer_config.json", fix);
  }
  const ids = Array.isArray(probe) ? (probe as number[]) : undefined;
  return { tokenizer, config, probe: ids };
}
