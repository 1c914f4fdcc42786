/** JSON files of a model, with errors under the code of what the file is. */
import { CoppiceError, type CoppiceErrorCode } from "../../errors.ts";

/** Parses a file's bytes; `where` names it in the message. */
export function parseJson(name: string, where: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CoppiceError(
      codeOf(name),
      `${where} is not valid JSON: ${reason}`,
      "Download the file again.",
      { cause },
    );
  }
}

function codeOf(name: string): CoppiceErrorCode {
  if (name === "config.json" || name === "generation_config.json") return "config-invalid";
  return name.includes("token") ? "tokenizer-invalid" : "source-invalid";
}
