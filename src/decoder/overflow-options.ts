/** What becomes of a text that fills the context, checked. */
import { CoppiceError } from "../errors.ts";
import type { Overflow } from "../options.ts";
import { checkChoice, checkInteger, checkRecord } from "./checks.ts";
import type { PromptEncoder } from "./prompt.ts";
import type { Slide } from "./text-window.ts";

const KINDS = ["end", "slide"] as const satisfies readonly Extract<Overflow, string>[];

/** As asked for: what `keep` is by default, and at most, the prompt and the model say. */
export interface ResolvedSlide {
  readonly keep: number | undefined;
}

/**
 * Undefined where the text ends with the context.
 * @throws CoppiceError `option-invalid` or `option-unknown`.
 */
export function resolveOverflow(
  value: unknown,
  maxNewTokens: number | undefined,
): ResolvedSlide | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && checkChoice("overflow", value, KINDS) === "end")
    return undefined;
  const shape: unknown = value === "slide" ? { kind: "slide" } : value;
  const { kind, keep } = checkRecord("overflow", shape, ["kind", "keep"]);
  checkChoice("overflow.kind", kind, ["slide"]);
  if (maxNewTokens === undefined) {
    throw new CoppiceError(
      "option-invalid",
      'overflow is "slide", but maxNewTokens is missing: nothing would end the text.',
      "Set maxNewTokens.",
    );
  }
  return { keep: keep === undefined ? undefined : checkKeep(keep, Number.MAX_SAFE_INTEGER) };
}

/**
 * The tokens to keep of this prompt, in this context.
 * @throws CoppiceError `option-invalid` where keeping them would leave no room.
 */
export function slideOf(
  { keep }: ResolvedSlide,
  prompt: readonly number[],
  tokenizer: PromptEncoder,
  contextLength: number,
): Slide {
  const begins = tokenizer.beginOfText !== undefined && prompt[0] === tokenizer.beginOfText;
  const most = contextLength - 2;
  return { keep: keep === undefined ? Math.min(most, begins ? 1 : 0) : checkKeep(keep, most) };
}

function checkKeep(keep: unknown, most: number): number {
  return checkInteger("overflow.keep", keep, 0, most);
}
