/** The race: the same opening line written plainly and speculatively, side by side, to see that the text is one. */
import type { Decoder, Engine, GenerateResult, Metrics } from "coppice";
import { byId, make } from "./dom.ts";
import { formatMilliseconds, formatNumber, plural } from "./format.ts";
import type { Round } from "./rounds.ts";
import { Story } from "./story.ts";
import { write, type WritingRequest } from "./writing.ts";

const view = byId("race-view", HTMLDivElement);

interface Lane {
  readonly element: HTMLElement;
  readonly story: Story;
  readonly foot: HTMLElement;
}

/** Runs both, one after the other, so that neither slows the other. `onRound` hears the speculative rounds. */
export async function race(
  engine: Engine,
  request: WritingRequest,
  onRound: (round: Round) => void,
): Promise<GenerateResult> {
  const plainLane = lane("Plainly", "one word per pass");
  const treeLane = lane("With a tree", "several words per pass");
  const verdict = make(
    "p",
    { className: "verdict" },
    "The plain one goes first; one after the other, so that neither slows the other.",
  );
  view.replaceChildren(plainLane.element, treeLane.element, verdict);
  plainLane.story.begin(request.prompt);
  treeLane.story.begin(request.prompt);
  const run = async (decoder: Decoder, { story, foot }: Lane, listen?: (round: Round) => void) => {
    const take = (round: Round) => {
      story.append(round);
      foot.textContent = footOf(round.metrics);
      listen?.(round);
    };
    const result = await write(engine, { ...request, decoder }, { onRound: take });
    foot.textContent = footOf(result.metrics);
    return result;
  };
  const plain = await run({ kind: "greedy" }, plainLane);
  const { decoder } = request;
  const speculative = await run(
    decoder.kind === "speculative" ? decoder : { kind: "speculative" },
    treeLane,
    onRound,
  );
  verdict.textContent = verdictOf(plain, speculative);
  return speculative;
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

function verdictOf(plain: GenerateResult, speculative: GenerateResult): string {
  const isSame =
    plain.tokens.length === speculative.tokens.length &&
    plain.tokens.every((token, i) => token === speculative.tokens[i]);
  if (!isSame) return "The texts differ, which must not happen: please report it.";
  return (
    `The same ${plural(plain.tokens.length, "token")}, one for one: ` +
    `${plural(plain.metrics.rounds, "pass", "passes")} of the target plainly, ${speculative.metrics.rounds} with the tree.`
  );
}
