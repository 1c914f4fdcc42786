/**
 * What a tokenizer object is made of, as plain data: functions cannot be sent to a worker. Objects of transformers.js 4 and of
 * @huggingface/tokenizers keep the files they were made from; those of versions 2 and 3 keep the part that each of theirs was made from.
 */

/** A tokenizer on its way to the worker, which builds it again, and compares. */
export interface SentTokenizer {
  readonly tokenizer: unknown;
  readonly config: unknown;
  /** What the page's own object makes of `PROBE`. */
  readonly probe?: unknown;
}

/**
 * Text in which tokenizers differ: spaces, case, digits, accents, marks, other scripts. No special token is in it: what becomes of a space before
 * one differs between versions of these packages.
 */
export const PROBE = " Hello,  World!\n1234 can't caf\u00e9 \u65e5\u672c \ud83c\udf32";

type Part = Readonly<Record<string, unknown>> | null | undefined;

export function tokenizerParts(given: unknown): unknown {
  if (typeof given !== "object" && typeof given !== "function") return given;
  const it = given as Record<string, unknown> & { encode?(text: string): unknown };
  if (!it || typeof it.encode !== "function") return given;
  const model = it["model"] as Part;
  const tokenizer =
    it["_tokenizerJSON"] ??
    it["tokenizer"] ??
    (model && {
      model: model["config"],
      normalizer: partOf(it["normalizer"] as Part),
      pre_tokenizer: partOf(it["pre_tokenizer"] as Part),
      post_processor: partOf(it["post_processor"] as Part),
      decoder: partOf(it["decoder"] as Part),
      added_tokens: (it["added_tokens"] as object[]).map((token) => ({ ...token })),
    });
  const probe = it.encode(PROBE) as { ids?: unknown };
  const config = it["_tokenizerConfig"] ?? it["_tokenizer_config"] ?? it["config"];
  return { tokenizer, config, probe: probe?.ids ?? probe };
}

function partOf(part: Part): unknown {
  if (!part || part["config"]) return part?.["config"] ?? null;
  const { tokenizers, replacement, addPrefixSpace, prepend_scheme } = part;
  if (Array.isArray(tokenizers)) {
    return { type: "Sequence", pretokenizers: (tokenizers as Part[]).map(partOf) };
  }
  // The others have no settings, only a class, whose name may have been shortened: the probe tells whether it mattered.
  return replacement
    ? { type: "Metaspace", replacement, add_prefix_space: addPrefixSpace, prepend_scheme }
    : null;
}
