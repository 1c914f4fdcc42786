/** The tree of one round, and the way back and forth through all of them. */
import { byId, prefersReducedMotion } from "./dom.ts";
import { formatCount, plural } from "./format.ts";
import { RoundStrip } from "./round-strip.ts";
import { noteOfNode } from "./node-note.ts";
import type { Growth } from "./rounds.ts";
import { showNotes, annotate, tidyNotes } from "./token-card.ts";
import { drawTree, nodeWidth, noTree } from "./tree-drawing.ts";
import { layOut, type Layout } from "./tree-layout.ts";
import { wordOf } from "./words.ts";

/** A tree is drawn no smaller and no larger than this; a bigger one scrolls. */
const MIN_SCALE = 0.78;
const MAX_SCALE = 1.1;

const EMPTY =
  "Each round’s tree will grow here: what the draft guessed, what was kept, what was cut.";

/** Milliseconds between trees while writing: faster than this nobody sees them. */
const LIVE_INTERVAL = 120;
const CALM_INTERVAL = 1000;

export class TreePanel {
  readonly #view = byId("tree-view", HTMLDivElement);
  readonly #caption = byId("tree-caption", HTMLParagraphElement);
  readonly #key = byId("tree-key", HTMLParagraphElement);
  readonly #back = byId("round-back", HTMLButtonElement);
  readonly #forth = byId("round-forth", HTMLButtonElement);
  readonly #strip: RoundStrip;
  readonly #onShow: (round: number | undefined) => void;
  #rounds: Growth[] = [];
  #shown = -1;
  #live = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onShow` hears which round is looked at; undefined while the newest one is followed. */
  constructor(onShow: (round: number | undefined) => void) {
    this.#onShow = onShow;
    this.#strip = new RoundStrip((round) => this.show(round));
    this.#back.addEventListener("click", () => this.show(this.#shown - 1));
    this.#forth.addEventListener("click", () => this.show(this.#shown + 1));
    showNotes(this.#view, ".node");
    new ResizeObserver(() => this.#draw()).observe(this.#view);
    this.#draw();
  }

  get isEmpty(): boolean {
    return this.#rounds.length === 0;
  }

  clear(): void {
    this.#rounds = [];
    this.#shown = -1;
    this.#strip.clear();
    this.#draw();
    this.#onShow(undefined);
  }

  /** While live, the newest round is shown as it comes, until the visitor picks another. */
  setLive(live: boolean): void {
    this.#live = live;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!live && this.#rounds.length > 0) this.#draw();
  }

  add(round: Growth): void {
    this.#rounds.push(round);
    this.#strip.add(round);
    if (!this.#live) return;
    this.#shown = this.#rounds.length - 1;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#draw();
      },
      prefersReducedMotion() ? CALM_INTERVAL : LIVE_INTERVAL,
    );
  }

  /** Looks at one round and stops following the newest. */
  show(round: number): void {
    if (round < 0 || round >= this.#rounds.length) return;
    this.setLive(false);
    this.#shown = round;
    this.#draw();
    this.#onShow(round);
  }

  #draw(): void {
    const round = this.#rounds[this.#shown];
    this.#back.disabled = this.#shown <= 0;
    this.#forth.disabled = this.#shown >= this.#rounds.length - 1;
    this.#strip.select(this.#shown);
    const tree = round?.tree;
    this.#caption.textContent = round ? this.#captionOf(round) : "\u00a0";
    this.#key.textContent = round?.tree ? keyOf(round) : "\u00a0";
    this.#view.classList.toggle("still", this.#live);
    this.#view.classList.toggle("drafts-tree", round?.drafts !== undefined);
    if (!round || !tree) {
      const line = round ? noTreeLine(round) : EMPTY;
      this.#view.replaceChildren(noTree(line));
      this.#view.setAttribute("aria-label", line);
      return;
    }
    this.#place(layOut(tree, round, nodeWidth), round);
    tidyNotes();
    if (round.drafts !== undefined) {
      this.#view.setAttribute("aria-label", `Where ${round.drafts} drafts part ways.`);
      return;
    }
    const kept = tree.path.slice(1).map((node) => wordOf(tree.texts[node] ?? ""));
    const own = round.tokens.findLast(({ origin }) => origin !== "accepted");
    this.#view.setAttribute(
      "aria-label",
      `A tree of ${tree.tokens.length} nodes. Kept: ${kept.join(" ") || "no guess"}. ` +
        `Then the target’s own word: ${own ? wordOf(own.text) : "none"}.`,
    );
  }

  /** As large as there is room for; the stump in the middle of the height, where it stays from round to round. */
  #place(layout: Layout, round: Growth): void {
    const { clientWidth, clientHeight } = this.#view;
    const fit = Math.min(clientWidth / layout.width, clientHeight / layout.height);
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, fit));
    const svg = drawTree(layout, (element, i) =>
      annotate(element, () => noteOfNode(layout.nodes[i]!, i, round)),
    );
    svg.setAttribute("width", String(Math.floor(layout.width * scale)));
    svg.setAttribute("height", String(Math.floor(layout.height * scale)));
    const top = clientHeight / 2 - (layout.nodes[0]?.y ?? 0) * scale;
    svg.style.marginTop = `${Math.max(0, Math.min(top, clientHeight - layout.height * scale))}px`;
    this.#view.replaceChildren(svg);
  }

  #captionOf(round: Growth): string {
    if (round.drafts !== undefined)
      return `pass ${formatCount(this.#shown + 1)} of ${formatCount(this.#rounds.length)} · ${plural(round.drafts, "draft")}`;
    const place = `round ${formatCount(this.#shown + 1)} of ${formatCount(this.#rounds.length)}`;
    if (!round.tree) return `${place} · ${plural(round.tokens.length, "token")}`;
    const guesses = round.tree.tokens.length - 1;
    return `${place} · ${plural(guesses, "guess", "guesses")}, ${round.tree.path.length - 1} kept`;
  }
}

function noTreeLine({ tokens }: Growth): string {
  if (tokens.every(({ origin }) => origin === "plain"))
    return "Written without a tree: one word per pass.";
  return "The trees stayed on the GPU, so that it need not wait for the page.";
}

/** How the drawing is to be read. */
function keyOf({ drafts, tokens, hasConfidence }: Growth): string {
  if (drafts !== undefined) return "Where the drafts part ways; the first one’s path in green.";
  const words: string[] = [];
  if (hasConfidence) words.push("Thickness: how sure the draft was.");
  if (tokens.some(({ logProbability }) => logProbability !== undefined))
    words.push("Numbers: the target’s %.");
  return words.join(" ") || "\u00a0";
}
