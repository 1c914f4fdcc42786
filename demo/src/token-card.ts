/** The card beside a word that is pointed at, or reached by the arrow keys; a click, or Enter, keeps it to choose a rival from. */
import { byId, make } from "./dom.ts";
import { formatShare } from "./format.ts";
import type { Alternative, TokenNote } from "./token-note.ts";

/** Pixels between the card and what it speaks of, and between it and the window's edge. */
const GAP = 8;

/** Hears that a word should give way to one of its rivals. */
type Chooser = (element: Element, rival: Alternative) => void;

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
export function showNotes(box: HTMLElement, selector: string, onChoose?: Chooser): void {
  const find = (target: EventTarget | null) =>
    target instanceof Element ? (target.closest(selector) ?? undefined) : undefined;
  const point = (element: Element | undefined) => {
    if (!isKept) show(element, box);
  };
  box.addEventListener("pointerover", ({ target }) => point(find(target)));
  box.addEventListener("pointerleave", () => point(undefined));
  box.addEventListener("focusout", () => point(undefined));
  box.addEventListener("click", ({ target }) => keep(find(target), box, onChoose));
  box.addEventListener("keydown", (event) => {
    if (event.target !== box) return;
    if (event.key === "Enter") {
      // Or it would press the button that gets the focus.
      event.preventDefault();
      keep(anchor, box, onChoose);
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
  if (isKept && !(target instanceof Node && card.contains(target))) hide();
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

function show(element: Element | undefined, box: HTMLElement, choose?: Chooser): void {
  if (element === anchor && !choose) return;
  hide();
  const note = element && notes.get(element)?.();
  if (!note || !element) return;
  anchor = element;
  element.classList.add("inspected");
  card.hidden = false;
  card.classList.toggle("kept", choose !== undefined);
  card.replaceChildren(...partsOf(note, choose && ((rival) => choose(element, rival))));
  place(element, box);
}

/** Rivals that can be chosen become buttons. */
function keep(element: Element | undefined, box: HTMLElement, choose: Chooser | undefined): void {
  if (!element || !choose) return;
  show(element, box, (token, rival) => {
    hide();
    choose(token, rival);
  });
  isKept = !card.hidden;
  if (box === document.activeElement) card.querySelector("button")?.focus();
}

function partsOf(note: TokenNote, choose?: (rival: Alternative) => void): Node[] {
  const { word, origin, line, draft, alternatives } = note;
  const name = make("span", { className: origin ? `token ${origin}` : "" }, word);
  const kind = make("span", { className: "line" }, origin ?? "");
  const head = make("p", { className: "card-head" }, name, kind);
  const lines = [line, draft].filter(Boolean).map((text) => make("p", { className: "line" }, text));
  if (alternatives.length === 0) return [head, ...lines];
  const words = choose ? "Go on with another" : "The target’s chances here";
  const title = make("p", { className: "card-title" }, words);
  const rows = alternatives.map((rival) => rowOf(rival, choose));
  return [head, ...lines, title, make("ol", { className: "shares" }, ...rows)];
}

function rowOf(rival: Alternative, choose?: (rival: Alternative) => void): HTMLElement {
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
  const button = make("button", { type: "button" }, ...parts);
  button.addEventListener("click", () => choose(rival));
  return make("li", { className }, button);
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
