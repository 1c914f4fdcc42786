/** The tokens and text of one request so far, and whether that is all. */
import type { FinishReason, StreamToken, TokenOrigin } from "../stream-part.ts";
import type { RoundOutcome } from "../tree/rounds.ts";
import type { DecodeJob } from "./decode.ts";
import { StopText } from "./stop-text.ts";

/** Ends by the rules of the job: at its limit, at a stop string, at the model's end of text. */
export class Output {
  readonly ids: number[] = [];
  text = "";
  finishReason: FinishReason | undefined;
  readonly #job: DecodeJob;
  readonly #limit: number;
  readonly #stop: StopText;

  constructor(job: DecodeJob, limit: number) {
    this.#job = job;
    this.#limit = limit;
    this.#stop = new StopText(job.stop);
  }

  /** Takes up to `most` of a round's tokens, or up to where the text ends, and returns those whose text is certain. */
  take(outcome: RoundOutcome, most: number): { kept: number; tokens: StreamToken[]; text: string } {
    const tokens: StreamToken[] = [];
    let kept = 0;
    for (const id of outcome.tokens.slice(0, most)) {
      const origin = originOf(outcome, kept);
      const drawn = surpriseOf(outcome, kept);
      kept += 1;
      if (this.#job.endOfText.has(id)) {
        this.finishReason = "end-of-text";
        break;
      }
      const said = this.#said(outcome, kept - 1);
      this.ids.push(id);
      const text = this.#job.text.push(id);
      tokens.push(...this.#stop.push({ id, origin, text, ...drawn, ...said }));
      if (this.#stop.stopped) this.finishReason = "stop";
      else if (this.ids.length >= this.#limit) this.finishReason = "length";
      if (this.finishReason) break;
    }
    let rest = "";
    if (this.finishReason) {
      tokens.push(...this.#stop.end());
      if (!this.#stop.stopped) rest = this.#job.text.end();
    }
    const text = tokens.map((token) => token.text).join("") + rest;
    this.text += text;
    return { kept, tokens, text };
  }

  /** What the model said of the token that comes next. */
  #said({ logProbs }: RoundOutcome, index: number): Pick<StreamToken, "logProbability" | "top"> {
    if (!logProbs) return {};
    const { logProbability, top } = logProbs[index]!;
    const { prompt, continueFrom } = this.#job;
    const previous = this.ids.at(-1) ?? continueFrom?.at(-1) ?? prompt.at(-1);
    const texts = top.map((one) => ({ ...one, text: this.#job.textOf(one.id, previous) }));
    return { logProbability, top: texts };
  }
}

function originOf(outcome: RoundOutcome, index: number): TokenOrigin {
  if (index < outcome.accepted) return "accepted";
  if (outcome.depth === 0) return "plain";
  return outcome.leaf ? "bonus" : "recovered";
}

/** Of the round's `index`-th token, where the decoder measures it. */
function surpriseOf({ surprises }: RoundOutcome, index: number): Partial<StreamToken> {
  const drawn = surprises?.[index];
  return drawn ? { surprise: drawn.surprise, mu: drawn.mu } : {};
}
