/** Mirostat, checked, and put into bits. */
import type { ResolvedMirostat, ResolvedStages } from "../options.ts";
import { checkChoice, checkNumber, checkRecord, invalid } from "./checks.ts";
import { GREEDY_STAGES } from "./sampling-options.ts";

const FIELDS = [
  "kind",
  "version",
  "tau",
  "unit",
  "eta",
  "mu",
  "muBounds",
  "surprise",
  "temperature",
] as const;

const DEFAULT_TAU = 3;
/** The paper's, and llama.cpp's: a smaller one takes longer to come back (bench/mirostat). */
const DEFAULT_ETA = { model: 1, truncated: 0.1 } as const;
/** How many bits of surprise a text may owe, or have saved, before mu rests at its bound. */
const DEBT = 25;
const MAX_MU = 10_000;

/** A decoder that draws by Mirostat; its stages are the temperature alone. */
export interface MirostatSampling {
  readonly stages: ResolvedStages;
  readonly mirostat: ResolvedMirostat;
}

/** @throws CoppiceError `option-invalid` or `option-unknown`. */
export function resolveMirostat(
  field: string,
  value: unknown,
  vocabSize: number,
): MirostatSampling {
  const options = checkRecord(field, value, FIELDS);
  const unit = checkChoice(`${field}.unit`, options.unit, ["bits", "nats"], "bits");
  const perBit = unit === "bits" ? 1 : Math.LN2;
  // No distribution is more surprising on average than the even one.
  const most = Math.log2(vocabSize) * perBit;
  const tau = Math.min(DEFAULT_TAU * perBit, most);
  const surprise = checkChoice(
    `${field}.surprise`,
    options.surprise,
    ["model", "truncated"],
    "model",
  );
  const eta = checkNumber(`${field}.eta`, options.eta, 0.001, 10, DEFAULT_ETA[surprise]);
  const debt = DEBT * eta * perBit;
  // Beyond 0 and the logarithm of the vocabulary mu makes no difference; what it makes up for later does.
  const natural = [-debt, most + debt] as const;
  const bounds = resolveBounds(`${field}.muBounds`, options.muBounds, natural, MAX_MU * perBit);
  const temperature = checkNumber(`${field}.temperature`, options.temperature, 0.01, 100, 1);
  const resolved = {
    version: resolveVersion(`${field}.version`, options.version),
    tau: checkNumber(`${field}.tau`, options.tau, Number.MIN_VALUE, most, tau) / perBit,
    eta,
    muBounds: [bounds[0] / perBit, bounds[1] / perBit],
    surprise,
  } as const;
  const start = Math.min(Math.max(2 * resolved.tau * perBit, bounds[0]), bounds[1]);
  const mu = checkNumber(`${field}.mu`, options.mu, ...bounds, start) / perBit;
  return { stages: { ...GREEDY_STAGES, temperature }, mirostat: { ...resolved, mu } };
}

function resolveVersion(field: string, value: unknown): 1 | 2 {
  if (value === undefined) return 2;
  if (value === 1 || value === 2) return value;
  throw invalid(field, value, "1 or 2");
}

function resolveBounds(
  field: string,
  value: unknown,
  natural: readonly [number, number],
  limit: number,
): readonly [number, number] {
  if (value === undefined) return natural;
  const rule = "two numbers, the lower one first";
  if (!Array.isArray(value) || value.length !== 2) throw invalid(field, value, rule);
  const [least, greatest] = value.map((bound: unknown, i) => {
    if (bound === undefined) throw invalid(`${field}[${i}]`, bound, "a number");
    return checkNumber(`${field}[${i}]`, bound, -limit, limit, 0);
  });
  if (least! > greatest!) throw invalid(field, value, rule);
  return [least!, greatest!];
}
