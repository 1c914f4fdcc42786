/** A row of choices, with the line of the chosen one below. */
import { make } from "./dom.ts";

export interface Option<K extends string> {
  readonly kind: K;
  readonly label: string;
  /** One line that says what it does. */
  readonly line: string;
  /** Options of one group stand together, on lines of their own. */
  readonly group?: string;
}

export class ChoiceGroup<K extends string> {
  readonly element: HTMLFieldSetElement;
  readonly #options: readonly Option<K>[];
  readonly #radios = new Map<K, HTMLInputElement>();
  readonly #line = make("p", { className: "line" });
  /** What the visitor picked last, which may not be on offer now. */
  #wanted: K;

  /** The first option is chosen. */
  constructor(title: string, name: string, options: readonly [Option<K>, ...Option<K>[]]) {
    this.#options = options;
    this.#wanted = options[0].kind;
    const legend = make("legend", { className: "unseen" }, title);
    const item = ({ kind, label, line }: Option<K>) => {
      const input = make("input", { type: "radio", name, value: kind });
      this.#radios.set(kind, input);
      const words = make("span", { className: "name" }, label);
      return make("label", { title: line }, input, words);
    };
    const rows = [...new Set(options.map(({ group }) => group))].map((group) => {
      const items = options.filter((option) => option.group === group).map(item);
      const row = make("div", { className: "options" }, ...items);
      if (group === undefined) return row;
      return make("div", { className: "grouped" }, make("span", {}, group), row);
    });
    this.element = make("fieldset", { className: "choices" }, legend, ...rows, this.#line);
    this.element.addEventListener("input", () => {
      this.#wanted = [...this.#radios].find(([, radio]) => radio.checked)![0];
      this.#update();
    });
    this.#update();
  }

  get chosen(): K {
    if (!this.#radios.get(this.#wanted)!.disabled) return this.#wanted;
    return this.#options.find(({ kind }) => !this.#radios.get(kind)!.disabled)!.kind;
  }

  /** Only these can be chosen. What the visitor picked is chosen again as soon as it can be. */
  offer(isOffered: (kind: K) => boolean): void {
    for (const [kind, radio] of this.#radios) radio.disabled = !isOffered(kind);
    this.#update();
  }

  /** Fields that have no say block nothing, and keyboard users pass them by. */
  use(used: boolean): void {
    this.element.hidden = !used;
    this.element.disabled = !used;
  }

  #update(): void {
    const { chosen } = this;
    this.#radios.get(chosen)!.checked = true;
    this.#line.textContent = this.#options.find(({ kind }) => kind === chosen)!.line;
  }
}
