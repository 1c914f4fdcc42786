/** The dialog that chooses the models. */
import type { LoadOptions, ModelSource } from "coppice";
import { byId } from "./dom.ts";
import { SourceField, type SourceChoice } from "./source-field.ts";

export type Pair = Pick<LoadOptions, "target" | "draft">;

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

  /** `onLoad` hears the pair that was chosen. */
  constructor(onLoad: (pair: Pair) => void) {
    byId("source-fields", HTMLDivElement).append(this.#target.element, this.#draft.element);
    // A file dropped beside the zone would otherwise replace the page.
    for (const type of ["dragover", "drop"])
      addEventListener(type, (event) => event.preventDefault());
    byId("models-form", HTMLFormElement).addEventListener("submit", (event) => {
      if ((event.submitter as HTMLButtonElement | null)?.value === "load") onLoad(this.#pair());
    });
  }

  open(): void {
    this.#dialog.showModal();
  }

  #pair(): Pair {
    const target = sourceOf(this.#target.choice(), EMBEDDED_PAIR.target) ?? EMBEDDED_PAIR.target;
    const choice = this.#draft.choice();
    if (choice.kind === "own-layers")
      return { target, draft: { model: target, layers: choice.layers } };
    const draft = sourceOf(choice, EMBEDDED_PAIR.draft);
    return draft === undefined ? { target } : { target, draft };
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
