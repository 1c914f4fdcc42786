/** The figures: what the rounds cost and gave, as they are counted. */
import type { AdapterFacts, Metrics } from "coppice";
import { byId, make } from "./dom.ts";
import { formatBytes, formatCount, formatMilliseconds, formatNumber } from "./format.ts";

interface Figure {
  readonly name: string;
  readonly label: string;
  /** Said on hover and to screen readers. */
  readonly title: string;
  readonly value: (metrics: Metrics) => string;
}

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
    name: "gpu-bytes",
    label: "on the GPU",
    title: "Weights, caches and scratch of both models",
    value: ({ gpuBytes }) => formatBytes(gpuBytes),
  },
];

/** Depths shown from the start, so that the bars do not push the page when they come. */
const DEPTHS = 5;

export class Figures {
  readonly #outputs = new Map<string, HTMLElement>();
  readonly #depths = byId("depths", HTMLOListElement);
  readonly #adapter = byId("adapter", HTMLParagraphElement);

  constructor() {
    for (const { name, label, title } of FIGURES) {
      const output = make("dd", {}, "–");
      output.dataset["figure"] = name;
      this.#outputs.set(name, output);
      byId("figures", HTMLDListElement).append(
        make("div", { title }, make("dt", {}, label), output),
      );
    }
    this.clear();
  }

  clear(): void {
    for (const output of this.#outputs.values()) output.textContent = "–";
    this.#depths.replaceChildren();
    this.#drawDepths([]);
  }

  show(metrics: Metrics): void {
    for (const { name, value } of FIGURES) this.#outputs.get(name)!.textContent = value(metrics);
    this.#drawDepths(metrics.acceptanceByDepth);
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

  /** Bars are changed in place: new ones would flicker at every round. */
  #drawDepths(shares: readonly number[]): void {
    for (
      let depth = this.#depths.children.length;
      depth < Math.max(DEPTHS, shares.length);
      depth++
    ) {
      this.#depths.append(
        make("li", {}, make("span", { className: "bar" }), make("span", { className: "share" })),
      );
    }
    [...this.#depths.children].forEach((item, depth) => {
      const share = shares[depth];
      const bar = item.querySelector<HTMLElement>(".bar")!;
      bar.style.setProperty("--share", String(share ?? 0));
      item.querySelector(".share")!.textContent =
        share === undefined ? "–" : `${Math.round(share * 100)} %`;
    });
  }
}
