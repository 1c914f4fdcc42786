/** Edits of the logits, checked. */
import { CoppiceError } from "../errors.ts";
import { type LogitEdits, MAX_FORCED, type ResolvedEdits } from "../options.ts";
import { checkIds, checkInteger, checkNumber, checkRecord, invalid } from "./checks.ts";

export const EDIT_FIELDS = [
  "penalties",
  "noRepeatNgram",
  "logitBias",
  "bannedTokens",
  "forcedTokens",
  "minNewTokens",
] as const satisfies readonly (keyof LogitEdits)[];

const MOST = Number.MAX_SAFE_INTEGER;

type Given = { readonly [K in keyof LogitEdits]?: unknown };

/**
 * Undefined where nothing is edited: then a round costs nothing more.
 * @throws CoppiceError `option-invalid` or `option-unknown`.
 */
export function resolveEdits(
  given: Given,
  vocabSize: number,
  maxNewTokens: number | undefined,
): ResolvedEdits | undefined {
  const checkId = (field: string, id: unknown): number => checkInteger(field, id, 0, vocabSize - 1);
  const edits: ResolvedEdits = {
    ...resolvePenalties(given.penalties),
    noRepeatNgram: checkInteger("noRepeatNgram", given.noRepeatNgram, 0, 64, 0),
    minNewTokens: checkInteger("minNewTokens", given.minNewTokens, 0, maxNewTokens ?? MOST, 0),
    biases: entriesOf("logitBias", given.logitBias, vocabSize - 1, (field, amount) =>
      checkNumber(field, amount, -100, 100, 0),
    ),
    banned: resolveBanned(given.bannedTokens, vocabSize),
    forced: entriesOf("forcedTokens", given.forcedTokens, (maxNewTokens ?? MOST) - 1, checkId),
  };
  if (edits.forced.length > MAX_FORCED) {
    throw invalid("forcedTokens", given.forcedTokens, `at most ${MAX_FORCED} tokens`);
  }
  checkContradictions(edits);
  const { repetition, presence, frequency, noRepeatNgram, minNewTokens } = edits;
  const isPenalised = repetition !== 1 || presence !== 0 || frequency !== 0;
  const lists = edits.biases.length + edits.banned.length + edits.forced.length;
  return isPenalised || noRepeatNgram + minNewTokens + lists > 0 ? edits : undefined;
}

function resolvePenalties(value: unknown) {
  const fields = ["repetition", "presence", "frequency", "window"] as const;
  const options = checkRecord("penalties", value ?? {}, fields);
  const penalties = {
    repetition: checkNumber("penalties.repetition", options.repetition, 0.01, 100, 1),
    presence: checkNumber("penalties.presence", options.presence, -100, 100, 0),
    frequency: checkNumber("penalties.frequency", options.frequency, -100, 100, 0),
    window:
      options.window === undefined
        ? 0
        : checkInteger("penalties.window", options.window, 1, 0xffff_ffff),
  };
  const { repetition, presence, frequency, window } = penalties;
  if (window > 0 && repetition === 1 && presence === 0 && frequency === 0) {
    throw new CoppiceError(
      "option-invalid",
      `penalties.window is ${window}, but there is no penalty that would look at it.`,
      "Set penalties.repetition, presence or frequency, or leave penalties.window out.",
    );
  }
  return penalties;
}

/** A record by whole numbers from 0 to `most`, or a list. */
function entriesOf(
  field: string,
  value: unknown,
  most: number,
  check: (field: string, value: unknown) => number,
): [number, number][] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || value instanceof Map) {
    throw invalid(field, value, "an object from whole numbers to numbers, such as { 42: 1 }");
  }
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return entries.map(([key, entry]) => {
    const number = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(number <= most)) {
      throw invalid(`a key of ${field}`, key, `a whole number from 0 to ${most}`);
    }
    return [number, check(`${field}[${key}]`, entry)];
  });
}

function resolveBanned(value: unknown, vocabSize: number): number[] {
  if (value === undefined) return [];
  const banned = [...new Set(checkIds("bannedTokens", value, vocabSize))];
  if (banned.length < vocabSize) return banned;
  throw new CoppiceError(
    "option-invalid",
    `bannedTokens has all ${vocabSize} tokens of the vocabulary.`,
    "Leave some out.",
  );
}

/** What one option asks for and another takes back. */
function checkContradictions({ banned, biases, forced }: ResolvedEdits): void {
  const isBanned = new Set(banned);
  const biased = biases.find(([id]) => isBanned.has(id));
  const given = forced.find(([, id]) => isBanned.has(id));
  if (!biased && !given) return;
  const [field, id] = biased ? ["logitBias", biased[0]] : ["forcedTokens", given![1]];
  throw new CoppiceError(
    "option-invalid",
    `Token ${id} is in ${field} and in bannedTokens.`,
    `Leave ${id} out of one of them.`,
  );
}
