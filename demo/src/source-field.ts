/** Where one model comes from: a choice of sources, with what each needs to know. */
import { make } from "./dom.ts";
import { folderOf, folderOfDrop, type Folder } from "./folder.ts";
import { formatBytes } from "./format.ts";

export type SourceKind = "embedded" | "hub" | "folder" | "own-layers" | "none";

/** What was chosen, before it is made into a source. */
export type SourceChoice =
  | { readonly kind: "embedded" | "none" }
  | { readonly kind: "hub"; readonly repo: string }
  | { readonly kind: "folder"; readonly folder: Folder }
  | { readonly kind: "own-layers"; readonly layers: number };

const LABELS: Readonly<Record<SourceKind, string>> = {
  embedded: "Comes with the page",
  hub: "From the hub",
  folder: "From this machine",
  "own-layers": "The target’s own first layers",
  none: "None",
};

export class SourceField {
  readonly element: HTMLFieldSetElement;
  readonly #role: string;
  readonly #details = new Map<SourceKind, HTMLElement>();
  readonly #repo: HTMLInputElement;
  readonly #layers: HTMLInputElement;
  readonly #picker: HTMLInputElement;
  readonly #listing = make("p", { className: "listing" }, "No folder yet");
  #folder: Folder | undefined;

  constructor(role: string, title: string, kinds: readonly SourceKind[], hubExample: string) {
    this.#role = role;
    this.#repo = make("input", {
      type: "text",
      placeholder: hubExample,
      spellcheck: false,
      autocomplete: "off",
    });
    this.#repo.setAttribute("aria-label", `${title}: repo id on the hub`);
    this.#layers = make("input", { type: "number", min: "1", max: "200", value: "4" });
    this.#layers.setAttribute("aria-label", `${title}: how many layers`);
    this.#picker = make("input", { type: "file", webkitdirectory: true });
    this.#picker.setAttribute("aria-label", `${title}: folder`);
    this.#picker.addEventListener("change", () => this.#take(folderOf(this.#picker.files ?? [])));
    this.#details.set("hub", this.#repo);
    this.#details.set("own-layers", this.#layers);
    this.#details.set("folder", this.#dropZone());
    const radios = kinds.map((kind, index) => this.#radio(kind, index === 0));
    this.element = make("fieldset", { className: "source" }, make("legend", {}, title), ...radios);
    this.element.addEventListener("change", () => this.#update());
    this.#update();
  }

  choice(): SourceChoice {
    const kind = this.#kind();
    switch (kind) {
      case "hub":
        return { kind, repo: this.#repo.value.trim() };
      case "folder":
        return { kind, folder: this.#folder ?? { name: "", files: {} } };
      case "own-layers":
        return { kind, layers: this.#layers.valueAsNumber };
      case "embedded":
      case "none":
        return { kind };
    }
  }

  #kind(): SourceKind {
    return this.element.querySelector<HTMLInputElement>("input[type=radio]:checked")!
      .value as SourceKind;
  }

  #update(): void {
    const kind = this.#kind();
    for (const [owner, detail] of this.#details) detail.hidden = owner !== kind;
    this.#repo.required = kind === "hub";
    // A hidden number out of range must not block the form.
    this.#layers.disabled = kind !== "own-layers";
    this.#picker.required = kind === "folder" && !this.#folder;
  }

  #radio(kind: SourceKind, isFirst: boolean): HTMLElement {
    const input = make("input", {
      type: "radio",
      name: `source-${this.#role}`,
      value: kind,
      defaultChecked: isFirst,
    });
    const label = make("label", {}, input, ` ${LABELS[kind]}`);
    const detail = this.#details.get(kind);
    return make("div", { className: "source-kind" }, label, ...(detail ? [detail] : []));
  }

  #dropZone(): HTMLElement {
    const hint = make(
      "p",
      {},
      "Drop a folder here with config.json, *.safetensors and tokenizer.json, or a GGUF file; or choose a folder:",
    );
    const zone = make("div", { className: "drop" }, hint, this.#picker, this.#listing);
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer)
        void folderOfDrop(event.dataTransfer).then((folder) => this.#take(folder));
    });
    return zone;
  }

  #take(folder: Folder): void {
    this.#folder = folder;
    const files = Object.values(folder.files).map(
      (file) => `${file.name} (${formatBytes(file.size)})`,
    );
    this.#listing.textContent = files.length
      ? `${folder.name}: ${files.join(", ")}`
      : `${folder.name} holds no model files`;
    this.#update();
  }
}
