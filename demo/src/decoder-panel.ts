/** Draws the decoder choices and reads them back. */
import type { Decoder } from "coppice";
import { DECODERS, TREES, type Field, type Values } from "./decoder-choices.ts";
import { byId, make } from "./dom.ts";

export class DecoderPanel {
  readonly #root = byId("decoder-fields", HTMLDivElement);
  readonly #summary = byId("decoder-summary", HTMLSpanElement);
  readonly #inputs = new Map<string, HTMLInputElement>();
  readonly #treeBoxes = new Map<string, HTMLElement>();
  readonly #decoderGroup = radioGroup("Kind", "decoder", DECODERS);
  readonly #treeGroup = radioGroup("Tree", "tree", TREES);
  /** The decoder is greedy only because there is no draft. */
  #isForced = false;

  constructor() {
    this.#root.append(this.#decoderGroup, this.#treeGroup);
    for (const tree of TREES) {
      const box = make(
        "div",
        { className: "numbers" },
        ...tree.fields.map((field) => this.#field(tree.kind, field)),
      );
      this.#treeBoxes.set(tree.kind, box);
      this.#root.append(box);
    }
    this.#root.addEventListener("input", () => this.#update());
    this.#update();
  }

  /** Speculative decoders need a draft; without one only the others can be chosen. */
  setHasDraft(hasDraft: boolean): void {
    for (const { kind, drafts } of DECODERS) {
      const radio = this.#radio("decoder", kind);
      radio.disabled = drafts && !hasDraft;
      if (radio.disabled && radio.checked) {
        this.#isForced = true;
        this.#radio("decoder", "greedy").checked = true;
      } else if (drafts && hasDraft && this.#isForced) {
        this.#isForced = false;
        radio.checked = true;
      }
    }
    this.#update();
  }

  /** The decoder as the API wants it. */
  decoder(): Decoder {
    const kind = this.#checked("decoder") as Decoder["kind"];
    switch (kind) {
      case "greedy":
      case "sample":
        return { kind };
      case "speculative": {
        const tree = this.#tree();
        return { kind, tree: tree.build(this.#read(tree.fields, tree.kind)) };
      }
    }
  }

  #tree() {
    return TREES.find(({ kind }) => kind === this.#checked("tree")) ?? TREES[0]!;
  }

  #update(): void {
    const decoder = DECODERS.find(({ kind }) => kind === this.#checked("decoder")) ?? DECODERS[0]!;
    const tree = this.#tree();
    this.#decoderGroup.querySelector(".line")!.textContent = decoder.line;
    this.#treeGroup.querySelector(".line")!.textContent = tree.line;
    this.#treeGroup.hidden = !decoder.drafts;
    for (const [kind, box] of this.#treeBoxes) {
      box.hidden = !decoder.drafts || kind !== tree.kind;
      // A hidden field with a bad value must not block the form.
      for (const input of box.querySelectorAll("input")) input.disabled = box.hidden;
    }
    const words = decoder.drafts
      ? `speculative, with ${tree.say(this.#read(tree.fields, tree.kind))}`
      : decoder.kind;
    this.#summary.textContent = words;
  }

  #read(fields: readonly Field[], owner: string): Values {
    return Object.fromEntries(
      fields.map((field) => [field.name, this.#numbers(field, `${owner}-${field.name}`)]),
    );
  }

  /** The numbers of a field. The browser is told in words when they will not do. */
  #numbers(field: Field, id: string): readonly number[] {
    const input = this.#inputs.get(id)!;
    const numbers = input.value
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number);
    const good =
      numbers.length > 0 &&
      numbers.every((n) => Number.isInteger(n) && n >= field.min && n <= field.max);
    const wanted = field.list ? "whole numbers, such as " + field.initial : "a whole number";
    input.setCustomValidity(
      good ? "" : `${field.label} takes ${wanted}, each from ${field.min} to ${field.max}.`,
    );
    return numbers;
  }

  #field(owner: string, field: Field): HTMLElement {
    const id = `${owner}-${field.name}`;
    const input = make("input", {
      id,
      type: field.list ? "text" : "number",
      value: field.initial,
      autocomplete: "off",
    });
    input.setAttribute("aria-describedby", `${id}-line`);
    if (field.list) input.inputMode = "numeric";
    else Object.assign(input, { min: String(field.min), max: String(field.max) });
    this.#inputs.set(id, input);
    const line = make("span", { id: `${id}-line`, className: "line" }, field.line);
    return make(
      "div",
      { className: "number" },
      make("label", { htmlFor: id }, field.label),
      input,
      line,
    );
  }

  #checked(name: string): string {
    return this.#root.querySelector<HTMLInputElement>(`input[name=${name}]:checked`)?.value ?? "";
  }

  #radio(name: string, value: string): HTMLInputElement {
    return this.#root.querySelector<HTMLInputElement>(`input[name=${name}][value=${value}]`)!;
  }
}

interface RadioOption {
  readonly kind: string;
  readonly label: string;
}

/** A row of choices, with the line of the chosen one below. */
function radioGroup(title: string, name: string, options: readonly RadioOption[]): HTMLElement {
  const items = options.map(({ kind, label }, index) => {
    const input = make("input", { type: "radio", name, value: kind, defaultChecked: index === 0 });
    return make("label", {}, input, make("span", { className: "name" }, label));
  });
  const legend = make("legend", { className: "small-caps" }, title);
  return make(
    "fieldset",
    { className: "choices" },
    legend,
    ...items,
    make("p", { className: "line" }),
  );
}
