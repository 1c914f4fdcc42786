/** The card beside a word that is pointed at, or reached by the arrow keys: what there is to say of it. */
import { byId, make } from "./dom.ts";
import { formatShare } from "./format.ts";
import type { TokenNote } from "./token-note.ts";

/** Pixels between the card and what it speaks of, and between it and the window's edge. */
const GAP = 8;

const card = byId("token-card", HTMLDivElement);
const notes = new WeakMap<Element, () => TokenNote>();
let anchor: Element | undefined;

/** Gives an element a note, made when it is looked at. */
export function annotate(element: Element, note: () => TokenNote): void {
  notes.set(element, note);
}

/** Shows the notes of the elements in `box` that match `selector`. */
export function showNotes(box: HTMLElement, selector: string): void {
  const find = (target: EventTarget | null) =>
    target instanceof Element ? (target.closest(selector) ?? undefined) : undefined;
  box.addEventListener("pointerover", ({ target }) => show(find(target)));
  box.addEventListener("pointerleave", () => show(undefined));
  box.addEventListener("focusout", () => show(undefined));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || event.target !== box) return;
    const all = [...box.querySelectorAll(selector)];
    const from = anchor ? all.indexOf(anchor) : -1;
    const next = from < 0 ? all.at(step < 0 ? -1 : 0) : (all[from + step] ?? anchor);
    event.preventDefault();
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(next);
  });
}

/** Takes the card away where its word is gone. */
export function tidyNotes(): void {
  if (anchor && !anchor.isConnected) show(undefined);
}

addEventListener("keydown", ({ key }) => {
  if (key === "Escape") show(undefined);
});
addEventListener("resize", () => show(undefined));

function show(element: Element | undefined): void {
  if (element === anchor) return;
  anchor?.classList.remove("inspected");
  const note = element && notes.get(element)?.();
  anchor = note && element;
  card.hidden = !note;
  if (!note || !element) return;
  element.classList.add("inspected");
  card.replaceChildren(...partsOf(note));
  place(element);
}

function partsOf({ word, origin, line, draft, alternatives }: TokenNote): Node[] {
  const name = make("span", { className: origin ? `token ${origin}` : "" }, word);
  const kind = make("span", { className: "line" }, origin ?? "");
  const head = make("p", { className: "card-head" }, name, kind);
  const lines = [line, draft].filter(Boolean).map((text) => make("p", { className: "line" }, text));
  if (alternatives.length === 0) return [head, ...lines];
  const rows = alternatives.map(({ word: other, share, isIt }) => {
    const bar = make("span", { className: "bar" });
    bar.style.setProperty("--share", String(share));
    const label = make("span", { className: "word" }, other);
    const value = make("span", { className: "share" }, formatShare(share));
    return make("li", { className: isIt ? "it" : "" }, label, bar, value);
  });
  const title = make("p", { className: "card-title" }, "The target’s chances here");
  return [head, ...lines, title, make("ol", { className: "shares" }, ...rows)];
}

/** Below the word, or above where there is no room; never out of the window. */
function place(element: Element): void {
  // A word that is broken over two lines has two boxes.
  const box = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card;
  const fits = box.bottom + GAP + height <= innerHeight;
  const top = fits ? box.bottom + GAP : box.top - GAP - height;
  const left = Math.min(
    Math.max(GAP, box.left),
    document.documentElement.clientWidth - width - GAP,
  );
  card.style.translate = `${Math.round(left)}px ${Math.round(Math.max(GAP, top))}px`;
}
