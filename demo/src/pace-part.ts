/** How often the page hears of the GPU, and whether it hears of trees. */
import type { GenerateOptions } from "coppice";
import { make } from "./dom.ts";
import { FieldGroup, one, type Field } from "./field.ts";
import { Fold } from "./fold.ts";

const PACE: readonly Field[] = [
  {
    name: "rounds",
    label: "Rounds",
    line: "Per readback, while no trees are drawn. More hide the wait for the GPU; text comes in larger pieces.",
    initial: "",
    min: 1,
    max: 16,
    blank: "auto",
  },
];

export type PaceOptions = Pick<GenerateOptions, "roundsPerReadback" | "trees">;

export class PacePart {
  readonly #drawsTrees = make("input", { type: "checkbox", id: "draw-trees", checked: true });
  readonly #fields = new FieldGroup("pace", PACE);
  readonly #fold = new Fold(
    "part-pace",
    "Pace",
    make("label", { className: "check" }, this.#drawsTrees, " Draw the tree of every round"),
    this.#fields.element,
  );
  readonly element = this.#fold.element;
  #growsTrees = false;

  /** `growsTrees`: whether there is a tree that could be drawn. */
  use(growsTrees: boolean): void {
    this.#growsTrees = growsTrees;
    this.#drawsTrees.parentElement!.hidden = !growsTrees;
    this.#fields.enable(!(growsTrees && this.#drawsTrees.checked));
    this.#fields.check();
    this.#fold.say(this.#say());
  }

  options(): PaceOptions {
    const rounds = one(this.#fields.read(), "rounds");
    const trees = this.#growsTrees && this.#drawsTrees.checked;
    return {
      ...(trees && { trees }),
      ...(!trees && rounds > 0 && { roundsPerReadback: rounds }),
    };
  }

  #say(): string {
    const { trees, roundsPerReadback: rounds } = this.options();
    if (trees) return "every round, its tree drawn";
    if (rounds === undefined) return "as many rounds per readback as hide the wait";
    return rounds === 1 ? "one round per readback" : `${rounds} rounds per readback`;
  }
}
