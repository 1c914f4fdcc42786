/** The race: one opening line and one seed, written plainly and speculatively side by side, to see that the text is one. */
import type { Decoder, Engine, GenerateResult, Metrics } from "coppice";
import { byId, make } from "./dom.ts";
import { formatMilliseconds, formatNumber, plural } from "./format.ts";
import type { Round } from "./rounds.ts";
import { Story } from "./story.ts";
import { write, type WritingListener, type WritingRequest } from "./writing.ts";

const view = byId("race-view", HTMLDivElement);

interface Lane {
  readonly element: HTMLElement;
  readonly story: Story;
  readonly foot: HTMLElement;
}

/** Runs both, one after the other, so that neither slows the other. `listener` hears the speculative rounds. */
export async function race(
  engine: Engine,
  request: WritingRequest,
  listener: WritingListener,
): Promise<GenerateResult> {
  const plainLane = lane("Plainly", "one word per pass");
  const treeLane = lane("With a tree", "several words per pass");
  const verdict = make(
    "div",
    { className: "verdict" },
    make("p", {}, "The plain one goes first, so that neither slows the other."),
  );
  view.replaceChildren(plainLane.element, treeLane.element, verdict);
  plainLane.story.begin(request.prompt);
  treeLane.story.begin(request.prompt);
  // What else the words might have been is no part of a race.
  const { logProbabilities: _, ...rest } = request;
  const run = async (decoder: Decoder, { story, foot }: Lane, listen?: (round: Round) => void) => {
    const onRound = (round: Round) => {
      story.append(round);
      foot.textContent = footOf(round.metrics);
      listen?.(round);
    };
    // Trees are read back every round: they would make the speculative side wait more often.
    const options = { ...rest, decoder, trees: false };
    const result = await write(engine, options, { ...listener, onRound });
    foot.textContent = footOf(result.metrics);
    return result;
  };
  const plain = plainOf(request.decoder);
  const drafting = speculativeOf(request.decoder);
  const plainResult = await run(plain, plainLane);
  const result = await run(drafting, treeLane, listener.onRound);
  const isCoupled = plain.kind === "greedy" || (drafting.verify ?? "coupled") === "coupled";
  const isEqual = areEqual(plainResult.tokens, result.tokens);
  verdict.dataset["outcome"] = isEqual ? "equal" : isCoupled ? "wrong" : "other";
  const passes = ` ${passesOf(plainResult, result)}`;
  verdict.replaceChildren(make("p", {}, ...verdictOf(isEqual, isCoupled), passes));
  return result;
}

/** The linear decoder whose text a speculative one reproduces. */
function plainOf(decoder: Decoder): Decoder {
  if (decoder.kind !== "speculative") return decoder;
  const { sampling = { kind: "greedy" } } = decoder;
  return "kind" in sampling ? sampling : { ...sampling, kind: "sample" };
}

function speculativeOf(decoder: Decoder): Extract<Decoder, { kind: "speculative" }> {
  return decoder.kind === "speculative" ? decoder : { kind: "speculative", sampling: decoder };
}

function lane(title: string, line: string): Lane {
  const box = make("div", { className: "story", tabIndex: 0 });
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", title);
  const foot = make("p", { className: "lane-foot" }, "\u00a0");
  const head = make("h3", {}, title, " ", make("span", { className: "line" }, line));
  return {
    element: make("section", { className: "lane" }, head, box, foot),
    story: new Story(box),
    foot,
  };
}

function footOf({ rounds, decodeTime, tokensPerSecond }: Metrics): string {
  return `${plural(rounds, "pass", "passes")} · ${formatMilliseconds(decodeTime)} · ${formatNumber(tokensPerSecond)} tokens a second`;
}

function areEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}

function verdictOf(isEqual: boolean, isCoupled: boolean): (Node | string)[] {
  if (isEqual) return [make("strong", {}, "Equal, token for token.")];
  if (isCoupled)
    return [make("strong", {}, "The texts differ, which must not happen:"), " please report it."];
  return [
    make("strong", {}, "Another text of the same distribution:"),
    " this rule keeps the target’s chances, not its dice. With the rule coupled the two are equal.",
  ];
}

function passesOf({ tokens, metrics }: GenerateResult, drafted: GenerateResult): string {
  const passes = plural(metrics.rounds, "pass", "passes");
  const count = plural(tokens.length, "token");
  return `${count} in ${passes} of the target plainly, in ${drafted.metrics.rounds} with the tree.`;
}
