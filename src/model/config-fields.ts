/** Reading untrusted JSON field by field, so that every complaint names the field. */
import { CoppiceError } from "../errors.ts";

const FIX =
  "Check the file against the model's own repository; Coppice runs the models of docs/models.md as they were published.";

export class ConfigFields {
  readonly #label: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(label: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new CoppiceError("config-invalid", `${label} is not a JSON object.`, FIX);
    }
    this.#label = label;
    this.#fields = value as Record<string, unknown>;
  }

  /** The field as it is; null counts as absent. */
  value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  /** Whether the field is there, be it null. */
  names(name: string): boolean {
    return Object.hasOwn(this.#fields, name);
  }

  /** Throws `config-invalid` about the field unless `good`. */
  check(good: boolean, name: string, problem: string): void {
    if (good) return;
    throw new CoppiceError("config-invalid", `${this.#label}: "${name}" ${problem}.`, FIX);
  }

  /** A whole number from 1 to `max`. */
  size(name: string, max: number, fallback?: number): number {
    const value = this.value(name) ?? fallback;
    this.check(value !== undefined, name, "is missing");
    const good = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
    this.check(good, name, `is ${show(value)}; it must be a whole number from 1 to ${max}`);
    return value as number;
  }

  /** A whole number from 0 to `max`. */
  count(name: string, max: number, fallback: number): number {
    return this.value(name) === 0 ? 0 : this.size(name, max, fallback);
  }

  /** A number above 0 and at most `max`. */
  positive(name: string, max: number, fallback: number): number {
    const value = this.value(name) ?? fallback;
    const good = typeof value === "number" && value > 0 && value <= max;
    this.check(good, name, `is ${show(value)}; it must be a number above 0, at most ${max}`);
    return value as number;
  }

  /** The same where the field may be left out. */
  positiveIfAny(name: string, max: number): number | undefined {
    return this.value(name) === undefined ? undefined : this.positive(name, max, max);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.value(name) ?? fallback;
    this.check(typeof value === "boolean", name, `is ${show(value)}; it must be true or false`);
    return value as boolean;
  }

  /** Passes when the field is absent, null or one of `values`. */
  oneOf(name: string, values: readonly unknown[]): void {
    const value = this.value(name);
    const wanted = values.map((v) => show(v)).join(" or ");
    const good = value === undefined || values.includes(value);
    this.check(good, name, `is ${show(value)}; Coppice's kernels only do ${wanted}`);
  }

  /** One token id or a list of them, each below `vocabSize`; empty when absent. */
  tokenIds(name: string, vocabSize: number): number[] {
    const value = this.value(name) ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      const good = typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabSize;
      this.check(good, name, `holds ${show(id)}; token ids run from 0 to ${vocabSize - 1}`);
    }
    return ids as number[];
  }

  /** A list of `length` of these words, or undefined when absent. */
  words<T extends string>(name: string, length: number, words: readonly T[]): T[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [];
    this.check(list.length === length, name, `must be a list of ${length}, one per layer`);
    for (const word of list) {
      const wanted = words.map((w) => show(w)).join(" or ");
      this.check(words.includes(word as T), name, `holds ${show(word)}; ${wanted} work`);
    }
    return list as T[];
  }

  /** A nested object, or undefined when absent. */
  section(name: string): ConfigFields | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : new ConfigFields(`${this.#label}: ${name}`, value);
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
