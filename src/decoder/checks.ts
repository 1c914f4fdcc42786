/** Checks that every option goes through: each names the field, the value, the range and the fix. */
import { CoppiceError } from "../errors.ts";

/** A value as a reader would write it, cut to a line. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "function") return "a function";
  if (value instanceof Map) return "a Map";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** `option-invalid`: `rule` completes the sentence "it must be ...". */
export function invalid(field: string, value: unknown, rule: string, fix?: string): CoppiceError {
  const message = `${field} is ${show(value)}; it must be ${rule}.`;
  return new CoppiceError("option-invalid", message, fix ?? `Set ${field} to ${rule}.`);
}

/** The value as a record, with keys from `allowed` only. A key whose value is undefined counts as left out. */
export function checkRecord<K extends string>(
  field: string,
  value: unknown,
  allowed: readonly K[],
): { readonly [P in K]?: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(field, value, `an object with ${list(allowed)}`);
  }
  for (const key of Object.keys(value)) {
    if ((allowed as readonly string[]).includes(key)) continue;
    throw new CoppiceError(
      "option-unknown",
      `${field} has no field "${key}".`,
      `Use only ${list(allowed)}.`,
    );
  }
  return value;
}

/** The `kind` of a decoder, tree or the like that is not checked yet; undefined where it has none. */
export function kindOf(value: unknown): unknown {
  return typeof value === "object" && value !== null
    ? (value as { kind?: unknown }).kind
    : undefined;
}

/** A list of ids of a vocabulary of so many tokens. */
export function checkIds(field: string, value: unknown, vocabSize: number): readonly number[] {
  if (!Array.isArray(value)) throw invalid(field, value, "a list of token ids");
  return value.map((id, i) => checkInteger(`${field}[${i}]`, id, 0, vocabSize - 1));
}

/** A whole number in `min..max`; `fallback` where it is left out. */
export function checkInteger(
  field: string,
  value: unknown,
  min: number,
  max: number,
  fallback?: number,
): number {
  if (value === undefined && fallback !== undefined) return fallback;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  const top = max === Number.MAX_SAFE_INTEGER ? "up" : `to ${max}`;
  throw invalid(field, value, `a whole number from ${min} ${top}`);
}

/** A finite number in `min..max`, where a `min` of `Number.MIN_VALUE` reads "above 0"; `fallback` where it is left out. */
export function checkNumber(
  field: string,
  value: unknown,
  min: number,
  max: number,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && value >= min && value <= max) return value;
  const range = min === Number.MIN_VALUE ? `above 0, up to ${max}` : `from ${min} to ${max}`;
  throw invalid(field, value, `a number ${range}`);
}

/** One of a few strings; `fallback` where it is left out. */
export function checkChoice<T extends string>(
  field: string,
  value: unknown,
  choices: readonly T[],
  fallback?: NoInfer<T>,
): T {
  if (value === undefined && fallback !== undefined) return fallback;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw invalid(field, value, list(choices, "or"));
  return found;
}

export function checkBoolean(field: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") throw invalid(field, value, "true or false");
  return value;
}

function list(names: readonly string[], joint = "and"): string {
  const quoted = names.map((name) => `"${name}"`);
  const last = quoted.pop() ?? "no fields";
  return quoted.length > 0 ? `${quoted.join(", ")} ${joint} ${last}` : last;
}
