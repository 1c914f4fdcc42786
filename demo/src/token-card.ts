/** The card beside a word that is pointed at, or reached by the arrow keys; a click, or Enter, keeps it to choose a rival from. */
import { byId, make } from "./dom.ts";
import { formatShare } from "./format.ts";
import type { Alternative, TokenNote } from "./token-note.ts";

/** Pixels between the card and what it speaks of, and between it and the window's edge. */
const GAP = 8;

/** What can be done about a word. */
export interface Remedies {
  /** One of its rivals takes its place. */
  readonly replace: (element: Element, rival: Alternative) => void;
  /** It is not written again, here nor later. */
  readonly ban: (element: Element, note: TokenNote) => void;
}

const card = byId("token-card", HTMLDivElement);
const notes = new WeakMap<Element, () => TokenNote>();
let anchor: Element | undefined;
/** Where the card was kept: it stays until something else is clicked. */
let isKept = false;

/** Gives an element a note, made when it is looked at. */
export function annotate(element: Element, note: () => TokenNote): void {
  notes.set(element, note);
}

/** Shows the notes of the elements in `box` that match `selector`. */
export function showNotes(box: HTMLElement, selector: string, remedies?: Remedies): void {
  const find = (target: EventTarget | null) =>
    target instanceof Element ? (target.closest(selector) ?? undefined) : undefined;
  const point = (element: Element | undefined) => {
    if (!isKept) show(element, box);
  };
  box.addEventListener("pointerover", ({ target }) => point(find(target)));
  // A finger leaves as soon as it has tapped.
  box.addEventListener("pointerleave", ({ pointerType }) => {
    if (pointerType !== "touch") point(undefined);
  });
  box.addEventListener("focusout", () => point(undefined));
  box.addEventListener("click", ({ target }) => keep(find(target), box, remedies));
  box.addEventListener("keydown", (event) => {
    if (event.target !== box) return;
    if (event.key === "Enter") {
      // Or it would press the button that gets the focus.
      event.preventDefault();
      keep(anchor, box, remedies);
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = neighbour([...box.querySelectorAll(selector)], step);
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
    point(next);
  });
}

/** Takes the card away where its word is gone. */
export function tidyNotes(): void {
  if (anchor && !anchor.isConnected) hide();
}

addEventListener("keydown", ({ key }) => {
  if (key === "Escape") hide();
});
addEventListener("resize", hide);
addEventListener("pointerdown", ({ target }) => {
  const isInside = target instanceof Node && (card.contains(target) || anchor?.contains(target));
  if (!isInside) hide();
});

function neighbour(all: readonly Element[], step: number): Element | undefined {
  const from = anchor ? all.indexOf(anchor) : -1;
  return from < 0 ? all.at(step < 0 ? -1 : 0) : (all[from + step] ?? anchor);
}

function hide(): void {
  isKept = false;
  anchor?.classList.remove("inspected");
  anchor = undefined;
  card.hidden = true;
}

/** With remedies the card stays until something else is clicked. */
function show(element: Element | undefined, box: HTMLElement, remedies?: Remedies): void {
  if (element === anchor && !remedies) return;
  hide();
  const note = element && notes.get(element)?.();
  if (!note || !element) return;
  anchor = element;
  isKept = remedies !== undefined;
  element.classList.add("inspected");
  card.hidden = false;
  card.role = isKept ? "dialog" : "tooltip";
  card.ariaLabel = note.word;
  card.classList.toggle("kept", isKept);
  card.replaceChildren(...partsOf(note, element, remedies));
  place(element, box);
}

function keep(element: Element | undefined, box: HTMLElement, remedies?: Remedies): void {
  if (!element || !remedies) return;
  show(element, box, remedies);
  if (box === document.activeElement) card.querySelector("button")?.focus();
}

function partsOf(note: TokenNote, element: Element, remedies: Remedies | undefined): Node[] {
  const { word, origin, line, draft, alternatives } = note;
  const name = make("span", { className: origin ? `token ${origin}` : "" }, word);
  const kind = make("span", { className: "line" }, origin ?? "");
  const head = make("p", { className: "card-head" }, name, kind);
  const lines = [line, draft].filter(Boolean).map((text) => make("p", { className: "line" }, text));
  const parts: Node[] = [head, ...lines];
  if (alternatives.length > 0) {
    const title = remedies ? "Go on with another" : "The target’s chances here";
    const rows = alternatives.map((rival) =>
      rowOf(rival, remedies && (() => remedies.replace(element, rival))),
    );
    parts.push(make("p", { className: "card-title" }, title));
    parts.push(make("ol", { className: "shares" }, ...rows));
  }
  if (remedies) parts.push(remedy("Never write it again", () => remedies.ban(element, note)));
  return parts;
}

/** The card goes before anything is done: its word may go, too. */
function remedy(content: string | readonly Node[], act: () => void): HTMLButtonElement {
  const parts = typeof content === "string" ? [content] : content;
  const button = make("button", { type: "button", className: "remedy" }, ...parts);
  button.addEventListener("click", () => {
    hide();
    act();
  });
  return button;
}

/** A rival that can be chosen is a button. */
function rowOf(rival: Alternative, choose: (() => void) | undefined): HTMLElement {
  const { word, share, isIt, isChoosable } = rival;
  const bar = make("span", { className: "bar" });
  bar.style.setProperty("--share", String(share));
  const parts = [
    make("span", { className: "word" }, word),
    bar,
    make("span", { className: "share" }, formatShare(share)),
  ];
  const className = isIt ? "it" : "";
  if (!choose || !isChoosable) return make("li", { className }, ...parts);
  return make("li", { className }, remedy(parts, choose));
}

/** Below the word, or above where there is no room; within its box where that is wide enough, and never out of the window. */
function place(element: Element, box: HTMLElement): void {
  // A word that is broken over two lines has two boxes.
  const word = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card;
  const fits = word.bottom + GAP + height <= innerHeight;
  const top = fits ? word.bottom + GAP : word.top - GAP - height;
  const edge = Math.min(box.getBoundingClientRect().right, document.body.clientWidth - GAP);
  const left = Math.max(GAP, Math.min(word.left, edge - width));
  card.style.translate = `${Math.round(left)}px ${Math.round(Math.max(GAP, top))}px`;
}
