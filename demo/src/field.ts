/** Numbers that a visitor may type, each with a line that explains it, checked in words that the browser shows. */
import { make } from "./dom.ts";

export interface Field {
  readonly name: string;
  readonly label: string;
  /** One line that says what it does. */
  readonly line: string;
  readonly initial: string;
  /** Whole numbers in this range, both ends included; a list of them where `list` is set. */
  readonly min: number;
  readonly max: number;
  readonly list?: true;
  /** Not only whole numbers. */
  readonly real?: true;
  /** The field may stay empty, which means this. */
  readonly blank?: string;
}

/** What the visitor typed, by field name. Nothing is read from a field that is not in use. */
export type Values = Readonly<Record<string, readonly number[]>>;

/** The number of a field that takes one; 0 where it is empty. */
export function one(values: Values, name: string): number {
  return values[name]?.[0] ?? 0;
}

/** The fields that belong to one choice: shown together, read together. */
export class FieldGroup {
  readonly element = make("div", { className: "numbers" });
  readonly #inputs = new Map<Field, HTMLInputElement>();

  /** `owner` makes the ids unique on the page. */
  constructor(owner: string, fields: readonly Field[]) {
    for (const field of fields) {
      const input = inputOf(field, `${owner}-${field.name}`);
      this.#inputs.set(field, input);
      this.element.append(rowOf(field, input));
    }
  }

  /** Hides the fields of a choice that was not made, so that a bad value there does not block the form. */
  use(used: boolean): void {
    this.element.hidden = !used;
    this.enable(used);
  }

  /** Fields that have no say stay in sight, greyed. */
  enable(enabled: boolean): void {
    for (const input of this.#inputs.values()) input.disabled = !enabled;
  }

  /** The browser is told in words which field will not do. */
  read(): Values {
    const entries = [...this.#inputs].map(
      ([field, input]) => [field.name, numbersOf(field, input)] as const,
    );
    return Object.fromEntries(entries);
  }

  /** Says what is wrong with the numbers together, unless one of them is wrong already. */
  object(message: string): void {
    const inputs = [...this.#inputs.values()];
    if (inputs.every((input) => input.validity.valid)) inputs.at(-1)?.setCustomValidity(message);
  }
}

function numbersOf(field: Field, input: HTMLInputElement): readonly number[] {
  const { label, min, max, initial } = field;
  const numbers = input.value
    .split(field.list ? /[\s,]+/ : /\s+/)
    .filter(Boolean)
    .map(Number);
  const isEmpty = numbers.length === 0;
  const isGood = (n: number) => (field.real ? Number.isFinite(n) : Number.isInteger(n));
  const inRange = numbers.every((n) => isGood(n) && n >= min && n <= max);
  const good = isEmpty ? field.blank !== undefined : inRange;
  const kind = field.real ? "a number" : "a whole number";
  const wanted = field.list ? `whole numbers, such as ${initial}, each` : kind;
  input.setCustomValidity(good ? "" : `${label} takes ${wanted} from ${min} to ${max}.`);
  return numbers;
}

function inputOf(field: Field, id: string): HTMLInputElement {
  const type = field.list ? "text" : "number";
  const input = make("input", { id, type, value: field.initial, autocomplete: "off" });
  input.setAttribute("aria-describedby", `${id}-line`);
  if (field.list) input.inputMode = "numeric";
  else Object.assign(input, { min: String(field.min), max: String(field.max) });
  if (field.real) input.step = "any";
  if (field.blank !== undefined) input.placeholder = field.blank;
  return input;
}

function rowOf({ label, line }: Field, input: HTMLInputElement): HTMLElement {
  return make(
    "div",
    { className: "number" },
    make("label", { htmlFor: input.id }, label),
    input,
    make("span", { id: `${input.id}-line`, className: "line" }, line),
  );
}
