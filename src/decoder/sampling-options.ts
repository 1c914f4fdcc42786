/** Sampling stages, checked. */
import { CoppiceError } from "../errors.ts";
import type { ResolvedStages, SamplingStage } from "../options.ts";
import { checkChoice, checkInteger, checkNumber, checkRecord, invalid } from "./checks.ts";

/** `order` by name. */
const ORDERS = {
  hf: ["temperature", "topNSigma", "topK", "topP", "minP", "typicalP"],
  "llama.cpp": ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"],
} as const satisfies Record<string, readonly SamplingStage[]>;

/** The value of a stage that changes nothing. */
const OFF: Readonly<Record<SamplingStage, number>> = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  topNSigma: 0,
};

const STAGES = Object.keys(OFF) as SamplingStage[];

export const GREEDY_STAGES: ResolvedStages = { ...OFF, temperature: 0, order: ORDERS.hf };

/** The stages of a `sample` decoder, or of `sampling`, where the kind may be left out. */
export function resolveStages(field: string, value: unknown): ResolvedStages {
  const options = checkRecord(field, value, ["kind", ...STAGES, "order"]);
  checkChoice(`${field}.kind`, options.kind, ["sample"], "sample");
  const number = (name: SamplingStage, min: number, max: number): number =>
    checkNumber(`${field}.${name}`, options[name], min, max, OFF[name]);
  const values = {
    temperature: number("temperature", 0, 100),
    topK: checkInteger(`${field}.topK`, options.topK, 0, 0xffff_ffff, OFF.topK),
    topP: number("topP", Number.MIN_VALUE, 1),
    minP: number("minP", 0, 1),
    typicalP: number("typicalP", Number.MIN_VALUE, 1),
    topNSigma: number("topNSigma", 0, 100),
  };
  const order = resolveOrder(`${field}.order`, options.order);
  const missing = STAGES.find((name) => values[name] !== OFF[name] && !order.includes(name));
  if (missing !== undefined) {
    throw new CoppiceError(
      "option-invalid",
      `${field}.${missing} is ${values[missing]}, but ${field}.order leaves "${missing}" out.`,
      `Add "${missing}" to ${field}.order, or leave ${field}.${missing} out.`,
    );
  }
  // A temperature of 0 stands for the limit from above. What is typical before it need not include the most probable token.
  const narrows = values.typicalP < 1 && values.temperature === 0;
  if (narrows && order.indexOf("typicalP") < order.indexOf("temperature")) {
    throw new CoppiceError(
      "option-invalid",
      `${field}.typicalP is ${values.typicalP} and comes before a temperature of 0, which takes the most probable token.`,
      `Leave ${field}.typicalP out, or set ${field}.temperature above 0.`,
    );
  }
  return { ...values, order };
}

/** `sampling` of the speculative decoder: greedy, or stages with or without their kind. */
export function resolveSampling(field: string, value: unknown): ResolvedStages {
  if (value === undefined) return GREEDY_STAGES;
  const { kind } = (typeof value === "object" && value !== null ? value : {}) as { kind?: unknown };
  if (kind !== undefined)
    checkChoice(`${field}.kind`, kind, ["greedy", "sample", "mirostat", "momentum"]);
  if (kind !== "greedy") return resolveStages(field, value);
  checkRecord(field, value, ["kind"]);
  return GREEDY_STAGES;
}

function resolveOrder(field: string, value: unknown): readonly SamplingStage[] {
  if (value === undefined) return ORDERS.hf;
  if (!Array.isArray(value)) {
    if (value === "hf" || value === "llama.cpp") return ORDERS[value];
    throw invalid(field, value, '"hf", "llama.cpp" or a list of stages');
  }
  return value.map((name: unknown, i): SamplingStage => {
    const stage = checkChoice(`${field}[${i}]`, name, STAGES);
    if (value.indexOf(stage) === i) return stage;
    throw invalid(`${field}[${i}]`, stage, "a stage that does not come earlier in the list");
  });
}
