/** Shares as a row of posts on one line, like a fence: numbered from 1, with percentages. */
import { make } from "./dom.ts";

/** More posts than this are too narrow for their numbers. */
const ROOM = 7;

export class SharePosts {
  readonly #list: HTMLOListElement;
  readonly #least: number;

  /** `least` posts stand from the start, so that nothing moves when shares come. */
  constructor(list: HTMLOListElement, least: number) {
    this.#list = list;
    this.#least = least;
    this.show([]);
  }

  /** Posts are changed in place: new ones would flicker at every round. */
  show(shares: readonly number[]): void {
    const count = Math.max(this.#least, shares.length);
    while (this.#list.children.length > count) this.#list.lastElementChild!.remove();
    while (this.#list.children.length < count) this.#list.append(post());
    this.#list.classList.toggle("crowded", count > ROOM);
    [...this.#list.children].forEach((item, i) => {
      const share = shares[i];
      const words = share === undefined ? "–" : String(Math.round(share * 100));
      item.querySelector<HTMLElement>(".bar")!.style.setProperty("--share", String(share ?? 0));
      item.querySelector(".share")!.textContent = words;
    });
  }
}

function post(): HTMLLIElement {
  return make("li", {}, make("span", { className: "bar" }), make("span", { className: "share" }));
}
