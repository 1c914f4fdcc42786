/** Penalties, bans and ends of a text. */
import type { GenerateOptions, LogitEdits } from "coppice";
import { Bans } from "./bans.ts";
import { make } from "./dom.ts";
import { EDITS, editsOf, ENDING, sayEdits, sayEnding, stopsOf } from "./edit-fields.ts";
import { FieldGroup, one, rowOf } from "./field.ts";
import { Fold } from "./fold.ts";

/** The most strings that the library takes. */
const MOST_STOPS = 16;

export type EditOptions = LogitEdits & Pick<GenerateOptions, "overflow" | "stop">;

export class EditsPart {
  readonly #edits = new FieldGroup("edits", EDITS);
  readonly #ending = new FieldGroup("ending", ENDING);
  readonly #stop = make("input", { id: "ending-stop", type: "text", autocomplete: "off" });
  readonly #bans: Bans;
  readonly #editsFold: Fold;
  readonly #endingFold = new Fold("part-ending", "Ending", this.#ending.element);
  readonly elements: readonly HTMLElement[];

  /** `onBan` hears that a ban came or went. */
  constructor(onBan: () => void) {
    this.#bans = new Bans(onBan);
    this.#editsFold = new Fold("part-edits", "Edits", this.#edits.element, this.#bans.element);
    this.elements = [this.#editsFold.element, this.#endingFold.element];
    const line = "Strings that end the text, with bars between them: \\n is the end of a line.";
    this.#stop.placeholder = "nothing";
    this.#stop.spellcheck = false;
    this.#stop.setAttribute("aria-describedby", "ending-stop-line");
    this.#ending.element.append(rowOf({ label: "Stop at", line }, this.#stop));
  }

  use(used: boolean): void {
    for (const fold of [this.#editsFold, this.#endingFold]) fold.use(used);
    for (const group of [this.#edits, this.#ending]) {
      group.use(used);
      group.check();
    }
    this.#stop.disabled = !used;
    const stops = stopsOf(this.#stop.value).length;
    this.#stop.setCustomValidity(stops > MOST_STOPS ? `At most ${MOST_STOPS} strings.` : "");
    this.#editsFold.say(this.say() || "none");
    this.#endingFold.say(sayEnding(this.#ending.read(), stops) || "where the target ends it");
  }

  /** Whether a text goes on where the context is full. */
  get slides(): boolean {
    return one(this.#ending.read(), "overflow") === 1;
  }

  options(maxNewTokens: number): EditOptions {
    const stop = stopsOf(this.#stop.value);
    return {
      ...editsOf(this.#edits.read(), this.#ending.read(), maxNewTokens),
      ...(this.#bans.ids.length > 0 && { bannedTokens: this.#bans.ids }),
      ...(stop.length > 0 && { stop }),
      ...(this.slides && { overflow: "slide" }),
    };
  }

  ban(id: number, word: string): void {
    this.#bans.add(id, word);
  }

  /** "" where nothing is edited. */
  say(): string {
    const { length } = this.#bans.ids;
    const bans = length > 0 ? `${length} banned` : "";
    return [sayEdits(this.#edits.read()), bans].filter(Boolean).join(", ");
  }
}
