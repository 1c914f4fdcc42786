/** What one request asks for, checked and with every default filled in. */
import { DECODER_KINDS } from "./decoder-kinds.ts";
import { CoppiceError } from "../errors.ts";
import type {
  GenerateOptions,
  ResolvedContrastive,
  ResolvedEdits,
  ResolvedMirostat,
  ResolvedMomentum,
  ResolvedStages,
  VerifyRule,
} from "../options.ts";
import {
  checkBoolean,
  checkChoice,
  checkIds,
  checkInteger,
  checkRecord,
  invalid,
  kindOf,
  show,
} from "./checks.ts";
import { checkNotContrastive, resolveContrastive } from "./contrastive-options.ts";
import { EDIT_FIELDS, resolveEdits } from "./edit-options.ts";
import { resolveMirostat } from "./mirostat-options.ts";
import { resolveMomentum } from "./momentum-options.ts";
import { type ResolvedSlide, resolveOverflow } from "./overflow-options.ts";
import { GREEDY_STAGES, resolveSampling, resolveStages } from "./sampling-options.ts";
import { resolveTree, type ResolvedTree } from "./tree-options.ts";
import { checkCoupled, resolveVerify } from "./verify-options.ts";

/** One kind for all linear decoders: temperature 0 is greedy, and without a tree nothing is speculated. */
export interface ResolvedDecoder {
  readonly stages: ResolvedStages;
  /** How tokens are drawn, where it is not by the stages; these are then a temperature alone. */
  readonly mirostat?: ResolvedMirostat;
  /** How tokens are chosen, where it is not by the largest logit; the temperature is then 0. */
  readonly momentum?: ResolvedMomentum;
  /** How tokens are chosen, where it is not by the stages; these are then greedy's. */
  readonly contrastive?: ResolvedContrastive;
  readonly speculation?: { readonly tree: ResolvedTree; readonly verify: VerifyRule | "auto" };
  /** Whether logits are edited at all: rounds are recorded with it or without. */
  readonly edited?: true;
  /** Alternatives per token; left out: no log-probabilities. */
  readonly logProbabilities?: number;
}

/** `GenerateOptions` as the worker gets them (the signal stays on the page), with defaults filled in. */
export interface ResolvedGenerate {
  readonly decoder: ResolvedDecoder;
  /** Present where `decoder.edited` is. */
  readonly edits?: ResolvedEdits;
  readonly seed: number;
  /** Ids after the prompt. */
  readonly continueFrom: readonly number[];
  /** Undefined: as many as the context holds. */
  readonly maxNewTokens: number | undefined;
  /** Present for a text that goes on after it has filled the context; `maxNewTokens` is, too. */
  readonly overflow?: ResolvedSlide;
  readonly stop: readonly string[];
  readonly trees: boolean;
  readonly timings: boolean;
  /** Undefined: as the round trip asks for. */
  readonly roundsPerReadback: number | undefined;
  /** What was asked for and does not apply, in words. */
  readonly warnings: readonly string[];
}

const FIELDS = [
  "decoder",
  "seed",
  "continueFrom",
  "maxNewTokens",
  "overflow",
  "stop",
  "roundsPerReadback",
  "timings",
  "trees",
  "logProbabilities",
  ...EDIT_FIELDS,
] as const satisfies readonly (keyof GenerateOptions)[];
const MAX_ROUNDS = 16;
const MAX_STOPS = 16;
const MAX_TOPS = 20;

/** What of the engine bounds an option. */
interface EngineLimits {
  readonly hasDraft: boolean;
  readonly vocabSize: number;
}

/** @throws CoppiceError `option-unknown`, `option-invalid` or `tree-invalid`. */
export function resolveGenerateOptions(value: unknown, engine: EngineLimits): ResolvedGenerate {
  const options = checkRecord("options", value ?? {}, FIELDS);
  const resolved = resolveDecoder(options.decoder, engine);
  const maxNewTokens =
    options.maxNewTokens === undefined
      ? undefined
      : checkInteger("maxNewTokens", options.maxNewTokens, 1, Number.MAX_SAFE_INTEGER);
  const overflow = resolveOverflow(options.overflow, maxNewTokens);
  const { continueFrom: before = [] } = options;
  const continueFrom = checkIds("continueFrom", before, engine.vocabSize);
  // Edits count from the text's beginning.
  const mostTokens = maxNewTokens && maxNewTokens + continueFrom.length;
  const edits = resolveEdits(options, engine.vocabSize, mostTokens);
  const tops = options.logProbabilities;
  const decoder: ResolvedDecoder = {
    ...resolved,
    ...(edits && { edited: true }),
    ...(tops !== undefined && {
      logProbabilities: checkInteger("logProbabilities", tops, 0, MAX_TOPS),
    }),
  };
  const trees = checkBoolean("trees", options.trees, false);
  const rounds = options.roundsPerReadback;
  return {
    decoder,
    ...(edits && { edits }),
    seed: checkInteger("seed", options.seed, 0, 0xffff_ffff, 0),
    continueFrom,
    maxNewTokens,
    ...(overflow && { overflow }),
    stop: resolveStop(options.stop),
    trees,
    timings: checkBoolean("timings", options.timings, false),
    roundsPerReadback:
      rounds === undefined ? undefined : checkInteger("roundsPerReadback", rounds, 1, MAX_ROUNDS),
    warnings: warningsOf(trees, decoder, rounds),
  };
}

function warningsOf(trees: boolean, decoder: ResolvedDecoder, rounds: unknown): string[] {
  const warnings: string[] = [];
  if (trees && !decoder.speculation) {
    warnings.push("trees is true, but a decoder without speculation grows none.");
  }
  if (trees && decoder.speculation && rounds !== undefined && rounds !== 1) {
    warnings.push(`roundsPerReadback is ${show(rounds)}, but trees are read back every round.`);
  }
  return warnings;
}

function resolveDecoder(value: unknown, { hasDraft, vocabSize }: EngineLimits): ResolvedDecoder {
  if (value === undefined) return hasDraft ? speculative({}, vocabSize) : { stages: GREEDY_STAGES };
  const kind = kindOf(value);
  const known = checkChoice("decoder.kind", kind, DECODER_KINDS);
  if (known === "greedy") {
    checkRecord("decoder", value, ["kind"]);
    return { stages: GREEDY_STAGES };
  }
  // Requests for drafts take another way: see drafts-request.ts.
  if (known === "superposed" || known === "beam" || known === "samples") {
    throw invalid("decoder.kind", kind, "a decoder of one text");
  }
  if (known === "sample") return { stages: resolveStages("decoder", value) };
  if (known === "mirostat") return resolveMirostat("decoder", value, vocabSize);
  if (known === "momentum") return resolveMomentum("decoder", value);
  if (known === "contrastive") {
    return { stages: GREEDY_STAGES, contrastive: resolveContrastive("decoder", value) };
  }
  const decoder = speculative(value, vocabSize);
  if (hasDraft) return decoder;
  throw new CoppiceError(
    "option-invalid",
    'decoder.kind is "speculative", but no draft model is loaded.',
    'Load the engine with a draft model, or use { kind: "greedy" }, { kind: "sample" } or { kind: "mirostat" }.',
  );
}

function speculative(value: unknown, vocabSize: number): ResolvedDecoder {
  const options = checkRecord("decoder", value, ["kind", "tree", "sampling", "verify"]);
  checkNotContrastive("decoder.sampling", options.sampling);
  const tree = resolveTree("decoder.tree", options.tree);
  const verify = resolveVerify("decoder.verify", options.verify, tree.kind);
  const speculation = { tree, verify };
  const sampling = kindOf(options.sampling);
  if (sampling === "mirostat") {
    checkCoupled("decoder", sampling, verify);
    return { ...resolveMirostat("decoder.sampling", options.sampling, vocabSize), speculation };
  }
  if (sampling === "momentum") {
    checkCoupled("decoder", sampling, verify);
    return { ...resolveMomentum("decoder.sampling", options.sampling), speculation };
  }
  return { stages: resolveSampling("decoder.sampling", options.sampling), speculation };
}

function resolveStop(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const fix = 'Pass a list such as ["\\n\\n"].';
  if (!Array.isArray(value)) throw invalid("stop", value, "a list of strings", fix);
  if (value.length > MAX_STOPS) {
    throw new CoppiceError(
      "option-invalid",
      `stop has ${value.length} strings; at most ${MAX_STOPS} are allowed.`,
      "Leave some out.",
    );
  }
  for (const [i, text] of value.entries()) {
    if (typeof text === "string" && text !== "") continue;
    throw invalid(
      `stop[${i}]`,
      text,
      "a string of at least one character",
      `Leave ${show(text)} out of stop.`,
    );
  }
  return [...value] as string[];
}
