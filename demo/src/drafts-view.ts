/** The drafts to choose from: a list that is revised while it grows. */
import type { Draft, DraftsDecoder } from "coppice";
import { byId, make } from "./dom.ts";
import { formatNumber, plural } from "./format.ts";

interface Row {
  readonly item: HTMLLIElement;
  /** What all drafts have in common, and the rest. */
  readonly shared: HTMLElement;
  readonly own: HTMLElement;
  readonly score: HTMLElement;
  readonly button: HTMLButtonElement;
  draft: Draft | undefined;
}

export interface DraftsSetting {
  readonly kind: DraftsDecoder["kind"];
  readonly seed: number;
  readonly count: number;
}

export class DraftsView {
  readonly #box = byId("drafts", HTMLElement);
  readonly #head = byId("drafts-head", HTMLParagraphElement);
  readonly #list = byId("drafts-list", HTMLOListElement);
  readonly #onPick: (draft: Draft) => void;
  #rows: Row[] = [];
  #setting: DraftsSetting = { kind: "superposed", seed: 0, count: 0 };

  constructor(onPick: (draft: Draft) => void) {
    this.#onPick = onPick;
  }

  hide(): void {
    this.#box.hidden = true;
  }

  /** Room for all drafts from the start, so that less moves as they grow. */
  begin(setting: DraftsSetting): void {
    this.#setting = setting;
    this.#box.hidden = false;
    this.#head.textContent = "\u00a0";
    this.#rows = Array.from({ length: setting.count }, () => this.#row());
    this.#list.replaceChildren(...this.#rows.map(({ item }) => item));
    this.show([], 0);
  }

  /** Rows are changed in place: new ones would flicker, and take the focus from the button in them. */
  show(drafts: readonly Draft[], words: number): void {
    const common = commonStart(drafts.map(({ text }) => text));
    this.#rows.forEach((row, i) => {
      const draft = drafts[i];
      row.draft = draft;
      row.item.classList.toggle("absent", !draft);
      const text = draft?.text.trimEnd() ?? "";
      // The space before the first word has no line to stand on.
      row.shared.textContent = text.slice(0, common).trimStart();
      row.own.textContent = common > 0 ? text.slice(common) : text.trimStart();
      row.score.textContent = draft ? this.#sayOf(draft, i) : "";
      row.button.disabled = !draft;
    });
    if (drafts.length === 0) return;
    const order =
      this.#setting.kind === "samples" ? "in the order of their seeds" : "the best first";
    this.#head.textContent = `${plural(drafts.length, "draft")} after ${plural(words, "pass", "passes")}, ${order}`;
  }

  /** Where it came from, and how it scores. */
  #sayOf({ score, perplexity, done }: Draft, index: number): string {
    const { kind, seed } = this.#setting;
    const words = kind === "samples" ? [`seed ${seed + index}`] : [];
    words.push(`perplexity ${Number.isFinite(perplexity) ? formatNumber(perplexity) : "∞"}`);
    words.push(`${score.toFixed(1).replace("-", "−")} nats`);
    if (done) words.push("ends here");
    return words.join(" · ");
  }

  #row(): Row {
    const button = make("button", { type: "button", className: "quiet" }, "Go on from this");
    const shared = make("span", { className: "shared" });
    const own = make("span", {});
    const score = make("span", { className: "draft-score" });
    const text = make("p", { className: "draft-text" }, shared, own);
    const foot = make("p", { className: "draft-foot" }, score, button);
    const row: Row = {
      item: make("li", {}, text, foot),
      shared,
      own,
      score,
      button,
      draft: undefined,
    };
    button.addEventListener("click", () => row.draft && this.#onPick(row.draft));
    return row;
  }
}

/** Letters that all texts begin with, up to the last whole word. */
function commonStart(texts: readonly string[]): number {
  const [first = "", ...others] = texts;
  if (others.length === 0) return 0;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  const isWhole = texts.every((text) => text.length === length || /\s/.test(text[length]!));
  return isWhole ? length : Math.max(0, first.slice(0, length).search(/\s+\S*$/));
}
