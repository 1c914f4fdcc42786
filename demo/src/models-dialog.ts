/** The dialog that chooses the models. */
import type { LoadOptions, ModelSource } from "coppice";
import { byId } from "./dom.ts";
import { FieldGroup, given, one, type Field } from "./field.ts";
import { Fold } from "./fold.ts";
import { showKept } from "./kept-note.ts";
import { SourceField, type SourceChoice } from "./source-field.ts";

export type Pair = Pick<LoadOptions, "target" | "draft" | "dtype" | "contextLength">;

const DTYPES = ["auto", "f16", "f32", "q8", "q4"] as const;

const MEMORY: readonly Field[] = [
  {
    name: "dtype",
    label: "Weights",
    line: "How they are kept on the GPU: halves take half the room of what is in full, 8 bits a quarter, 4 bits a seventh; the fewer, the more is lost.",
    choices: ["as they come", "as halves", "in full", "in 8 bits", "in 4 bits"],
  },
  {
    name: "contextLength",
    label: "Context",
    line: "How many words the models can look back on; more take more room.",
    initial: "",
    min: 2,
    max: 1e6,
    blank: "auto",
  },
];

/** The pair that comes with the page. */
export const EMBEDDED_PAIR = {
  target: "./models/tales/target",
  draft: "./models/tales/draft",
} as const satisfies Pair;

export class ModelsDialog {
  readonly #dialog = byId("models", HTMLDialogElement);
  readonly #target = new SourceField(
    "target",
    "Target: the model whose words they are",
    ["embedded", "hub", "folder"],
    "HuggingFaceTB/SmolLM2-360M",
  );
  readonly #draft = new SourceField(
    "draft",
    "Draft: the small model that guesses",
    ["embedded", "hub", "folder", "own-layers", "none"],
    "HuggingFaceTB/SmolLM2-135M",
  );

  readonly #memory = new FieldGroup("memory", MEMORY);
  readonly #fold = new Fold("part-memory", "Memory", this.#memory.element);

  /** `onLoad` hears the pair that was chosen. */
  constructor(onLoad: (pair: Pair) => void) {
    byId("source-fields", HTMLDivElement).append(
      this.#target.element,
      this.#draft.element,
      this.#fold.element,
    );
    this.#fold.element.addEventListener("input", () => this.#checkMemory());
    this.#checkMemory();
    // A file dropped beside the zone would otherwise replace the page.
    for (const type of ["dragover", "drop"])
      addEventListener(type, (event) => event.preventDefault());
    byId("models-form", HTMLFormElement).addEventListener("submit", (event) => {
      if ((event.submitter as HTMLButtonElement | null)?.value === "load") onLoad(this.#pair());
    });
  }

  open(): void {
    this.#dialog.showModal();
    void showKept();
  }

  #checkMemory(): void {
    this.#memory.check();
    const { dtype, contextLength } = this.#options();
    const weights = dtype === "auto" ? "weights as they come" : `weights in ${dtype}`;
    const context = contextLength === undefined ? "" : `, a context of ${contextLength}`;
    this.#fold.say(weights + context);
  }

  #options() {
    const values = this.#memory.read();
    return { dtype: DTYPES[one(values, "dtype")]!, ...given(values, "contextLength") };
  }

  #pair(): Pair {
    const target = sourceOf(this.#target.choice(), EMBEDDED_PAIR.target) ?? EMBEDDED_PAIR.target;
    const choice = this.#draft.choice();
    const options = this.#options();
    if (choice.kind === "own-layers")
      return { target, draft: { model: target, layers: choice.layers }, ...options };
    const draft = sourceOf(choice, EMBEDDED_PAIR.draft);
    return { target, ...(draft !== undefined && { draft }), ...options };
  }
}

function sourceOf(choice: SourceChoice, embedded: string): ModelSource | undefined {
  switch (choice.kind) {
    case "embedded":
      return embedded;
    case "hub":
      return choice.repo;
    case "folder":
      return { files: choice.folder.files };
    case "own-layers":
    case "none":
      return undefined;
  }
}
