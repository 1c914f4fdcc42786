/** Where drawn words come from: the same seed gives the same text. */
import { byId } from "./dom.ts";

/** Seeds from the dice are short, so that they can be told to somebody. */
const LARGEST_DRAWN = 9999;

export class Seed {
  readonly #input = byId("seed", HTMLInputElement);
  readonly #dice = byId("dice", HTMLButtonElement);

  constructor() {
    this.#dice.addEventListener("click", () => {
      this.#input.value = String(1 + Math.floor(Math.random() * LARGEST_DRAWN));
    });
  }

  get value(): number {
    return this.#input.disabled ? 0 : this.#input.valueAsNumber;
  }

  /** Where nothing is drawn, a seed has no say. */
  enable(enabled: boolean): void {
    this.#input.disabled = !enabled;
    this.#dice.disabled = !enabled;
  }
}
