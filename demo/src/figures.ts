/** The figures: what the rounds cost and gave, as they are counted. */
import type { AdapterFacts, DraftsMetrics, Metrics } from "coppice";
import { byId, make } from "./dom.ts";
import { formatBytes, formatCount, formatMilliseconds, formatNumber } from "./format.ts";
import { PhaseBar } from "./phase-bar.ts";
import { SharePosts } from "./share-posts.ts";
import { Sparkline } from "./sparkline.ts";
import { Tempo } from "./tempo.ts";

interface Figure {
  readonly name: string;
  readonly label: string;
  /** Said on hover and to screen readers. */
  readonly title: string;
  readonly value: (metrics: Counted) => string;
}

/** What is counted of one text and of a set of drafts alike. */
type Counted = Pick<
  Metrics,
  | "tokensPerSecond"
  | "blockEfficiency"
  | "rounds"
  | "readbacks"
  | "decodeTime"
  | "timeToFirstToken"
  | "dispatchesPerRound"
  | "gpuBytes"
> &
  Partial<Pick<Metrics, "memoryBoundSpeedUp">>;

const FIGURES: readonly Figure[] = [
  {
    name: "tokens-per-second",
    label: "tokens a second",
    title: "Tokens per second of decoding, after the prompt was read",
    value: ({ tokensPerSecond }) => formatNumber(tokensPerSecond),
  },
  {
    name: "block-efficiency",
    label: "tokens a pass",
    title: "Block efficiency: tokens per pass of the target, its own word included",
    value: ({ blockEfficiency }) => formatNumber(blockEfficiency),
  },
  {
    name: "memory-bound-speed-up",
    label: "speed-up in theory",
    title:
      "Memory-bound speed-up: tokens a pass, less what the draft costs; the gain if time were memory traffic alone",
    value: ({ memoryBoundSpeedUp, rounds }) =>
      rounds && memoryBoundSpeedUp !== undefined ? `${formatNumber(memoryBoundSpeedUp)} ×` : "–",
  },
  {
    name: "rounds",
    label: "rounds",
    title: "Rounds of drafting, scoring, verifying and cutting",
    value: ({ rounds }) => formatCount(rounds),
  },
  {
    name: "readbacks-per-round",
    label: "readbacks a round",
    title: "Times the GPU waited to be read, per round",
    value: ({ readbacks, rounds }) => (rounds ? formatNumber(readbacks / rounds) : "–"),
  },
  {
    name: "first-token",
    label: "to the first token",
    title: "From the request to the first token, reading the prompt included",
    value: ({ timeToFirstToken }) => formatMilliseconds(timeToFirstToken),
  },
  {
    name: "dispatches-per-round",
    label: "dispatches a round",
    title: "Pieces of work that one round gives the GPU",
    value: ({ dispatchesPerRound }) => formatCount(dispatchesPerRound),
  },
  {
    name: "gpu-bytes",
    label: "on the GPU",
    title: "Weights, caches and scratch of both models",
    value: ({ gpuBytes }) => formatBytes(gpuBytes),
  },
];

/** Posts that stand from the start. */
const DEPTHS = 5;
const RANKS = 4;

export class Figures {
  readonly #outputs = new Map<string, HTMLElement>();
  readonly #tempo = new Tempo();
  readonly #speed = new Sparkline();
  readonly #yield = new Sparkline();
  readonly #depths = new SharePosts(byId("depths", HTMLOListElement), DEPTHS);
  readonly #ranks = new SharePosts(byId("ranks", HTMLOListElement), RANKS);
  readonly #phases = new PhaseBar();
  readonly #adapter = byId("adapter", HTMLParagraphElement);

  constructor() {
    for (const { name, label, title } of FIGURES) {
      const output = make("span", {}, "–");
      output.dataset["figure"] = name;
      this.#outputs.set(name, output);
      const line = { "tokens-per-second": this.#speed, "block-efficiency": this.#yield }[name];
      const value = make("dd", {}, output, ...(line ? [line.element] : []));
      byId("figures", HTMLDListElement).append(
        make("div", { title }, make("dt", {}, label), value),
      );
    }
  }

  clear(): void {
    for (const output of this.#outputs.values()) output.textContent = "–";
    for (const part of [this.#tempo, this.#speed, this.#yield]) part.clear();
    this.#depths.show([]);
    this.#ranks.show([]);
    this.#phases.show(undefined, 0);
  }

  show(metrics: Metrics): void {
    this.#count(metrics);
    this.#depths.show(metrics.acceptanceByDepth);
    this.#ranks.show(metrics.acceptedByRank);
    this.#phases.show(metrics.phaseTimes, metrics.rounds);
  }

  /** A pass gives every draft a word. */
  showDrafts(metrics: DraftsMetrics, drafts: number): void {
    const { steps, decodeTime, dispatchesPerStep } = metrics;
    const seconds = decodeTime / 1000;
    this.#count({
      ...metrics,
      tokensPerSecond: seconds > 0 ? ((steps - 1) * drafts) / seconds : 0,
      blockEfficiency: drafts,
      rounds: steps,
      dispatchesPerRound: dispatchesPerStep,
    });
  }

  #count(counted: Counted): void {
    for (const { name, value } of FIGURES) this.#outputs.get(name)!.textContent = value(counted);
    const late = this.#tempo.add(counted);
    if (!late) return;
    this.#speed.add(late.perSecond);
    this.#yield.add(late.perPass);
  }

  showAdapter(adapter: AdapterFacts | undefined): void {
    const name =
      adapter &&
      ([adapter.description, adapter.device, adapter.architecture].find(Boolean) ?? adapter.vendor);
    const isSoftware =
      adapter &&
      (adapter.fallback || /swiftshader|llvmpipe|lavapipe|basic render/i.test(name ?? ""));
    this.#adapter.replaceChildren(
      adapter ? `Running on ${name || "an adapter without a name"}` : "\u00a0",
    );
    if (!isSoftware) return;
    const note =
      "a software adapter: a processor stands in for the GPU here, so its speed says nothing about a real one";
    this.#adapter.append(make("em", {}, `, ${note}.`));
  }
}
