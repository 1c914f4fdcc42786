/** What a visitor may type or choose, each with a line that explains it, checked in words that the browser shows. */
import { make } from "./dom.ts";

interface Described {
  readonly name: string;
  readonly label: string;
  /** One line that says what it does. */
  readonly line: string;
}

export interface NumberField extends Described {
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

/** One of a few; its value is the index. The first is chosen. */
export interface ChoiceField extends Described {
  readonly choices: readonly string[];
}

export type Field = NumberField | ChoiceField;
type Control = HTMLInputElement | HTMLSelectElement;

/** What the visitor typed, by field name. Nothing is read from a field that is not in use. */
export type Values = Readonly<Record<string, readonly number[]>>;

/** The number of a field that takes one; 0 where it is empty. */
export function one(values: Values, name: string): number {
  return values[name]?.[0] ?? 0;
}

/** `{ [name]: number }`, or nothing where the field is empty. */
export function given<K extends string>(values: Values, name: K): { readonly [N in K]?: number } {
  const number = values[name]?.[0];
  return (number === undefined ? {} : { [name]: number }) as { readonly [N in K]?: number };
}

/** The fields that belong to one choice: shown together, read together. */
export class FieldGroup {
  readonly element = make("div", { className: "numbers" });
  readonly #controls = new Map<Field, Control>();

  /** `owner` makes the ids unique on the page. */
  constructor(owner: string, fields: readonly Field[]) {
    for (const field of fields) {
      const id = `${owner}-${field.name}`;
      const control = "choices" in field ? selectOf(field, id) : inputOf(field, id);
      this.#controls.set(field, control);
      this.element.append(rowOf(field, control));
    }
  }

  /** Hides the fields of a choice that was not made, so that a bad value there does not block the form. */
  use(used: boolean): void {
    this.element.hidden = !used;
    this.enable(used);
  }

  /** Fields that have no say stay in sight, greyed. */
  enable(enabled: boolean): void {
    for (const control of this.#controls.values()) control.disabled = !enabled;
  }

  read(): Values {
    const entries = [...this.#controls].map(
      ([field, control]) => [field.name, numbersOf(field, control)] as const,
    );
    return Object.fromEntries(entries);
  }

  /** Tells the browser in words which field will not do; `objection` is what is wrong with them together, if anything. */
  check(objection = ""): void {
    let last: Control | undefined;
    let isGood = true;
    for (const [field, control] of this.#controls) {
      const complaint = "choices" in field ? "" : complaintOf(field, numbersOf(field, control));
      control.setCustomValidity(complaint);
      isGood &&= complaint === "";
      last = control;
    }
    if (isGood) last?.setCustomValidity(objection);
  }
}

function numbersOf(field: Field, control: Control): readonly number[] {
  if (control instanceof HTMLSelectElement) return [control.selectedIndex];
  const separator = "list" in field ? /[\s,]+/ : /\s+/;
  return control.value.split(separator).filter(Boolean).map(Number);
}

/** "" where the numbers will do. */
function complaintOf(field: NumberField, numbers: readonly number[]): string {
  const { label, list, real, initial, min, max } = field;
  const isGood = (n: number) => (real ? Number.isFinite(n) : Number.isInteger(n));
  const inRange = numbers.every((n) => isGood(n) && n >= min && n <= max);
  if (numbers.length === 0 ? field.blank !== undefined : inRange) return "";
  const kind = real ? "number" : "whole number";
  const wanted = list ? `${kind}s, such as ${initial}, each` : `a ${kind}`;
  return `${label} takes ${wanted} from ${min} to ${max}.`;
}

function selectOf({ choices }: ChoiceField, id: string): HTMLSelectElement {
  const select = make("select", { id }, ...choices.map((choice) => make("option", {}, choice)));
  select.setAttribute("aria-describedby", `${id}-line`);
  return select;
}

function inputOf(field: NumberField, id: string): HTMLInputElement {
  const type = field.list ? "text" : "number";
  const input = make("input", { id, type, value: field.initial, autocomplete: "off" });
  input.setAttribute("aria-describedby", `${id}-line`);
  if (field.list) input.inputMode = field.real ? "decimal" : "numeric";
  else Object.assign(input, { min: String(field.min), max: String(field.max) });
  if (field.real) input.step = "any";
  if (field.blank !== undefined) input.placeholder = field.blank;
  return input;
}

/** A control between its name and its line. */
export function rowOf({ label, line }: Omit<Described, "name">, control: HTMLElement): HTMLElement {
  return make(
    "div",
    { className: "number" },
    make("label", { htmlFor: control.id }, label),
    control,
    make("span", { id: `${control.id}-line`, className: "line" }, line),
  );
}
