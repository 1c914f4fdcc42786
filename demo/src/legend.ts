/** What the colours mean, and how many tokens of each there are. */
import type { TokenOrigin } from "coppice";
import { byId, make } from "./dom.ts";
import { formatCount } from "./format.ts";
import type { Round } from "./rounds.ts";

export const MEANINGS: Readonly<Record<TokenOrigin, string>> = {
  accepted: "guessed by the draft, kept by the target",
  recovered: "the target’s own word, where no guess was right",
  bonus: "the target’s own word, after a whole path was right",
  plain: "written without a guess",
};

const ORIGINS = Object.keys(MEANINGS) as TokenOrigin[];

export class Legend {
  readonly #counts = new Map<TokenOrigin, { count: number; output: HTMLElement }>();

  constructor() {
    for (const origin of ORIGINS) {
      const output = make("span", { className: "count" }, "0");
      this.#counts.set(origin, { count: 0, output });
      byId("legend", HTMLDListElement).append(
        make(
          "div",
          {},
          make("dt", {}, make("span", { className: `token ${origin}` }, origin), " ", output),
          make("dd", {}, MEANINGS[origin]),
        ),
      );
    }
  }

  /** Of drafts no colours are known. */
  use(used: boolean): void {
    byId("legend", HTMLDListElement).hidden = !used;
  }

  clear(): void {
    for (const origin of ORIGINS) this.#set(origin, 0);
  }

  add(round: Round): void {
    for (const { origin } of round.tokens)
      this.#set(origin, (this.#counts.get(origin)?.count ?? 0) + 1);
  }

  #set(origin: TokenOrigin, count: number): void {
    const entry = this.#counts.get(origin);
    if (!entry) return;
    entry.count = count;
    entry.output.textContent = formatCount(count);
  }
}
