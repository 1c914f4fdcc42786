/** Everything around a set of drafts: the list, the tree of where they part ways, the figures, and the story that they follow. */
import type {
  Draft,
  DraftsMetrics,
  DraftsOptions,
  DraftsResult,
  Engine,
  FinishReason,
} from "coppice";
import { Drafting } from "./drafting.ts";
import { DraftsView } from "./drafts-view.ts";
import { treeOfDrafts } from "./drafts-tree.ts";
import type { Figures } from "./figures.ts";
import type { Story } from "./story.ts";
import type { TreePanel } from "./tree-panel.ts";

export interface DeskParts {
  readonly story: Story;
  readonly trees: TreePanel;
  readonly figures: Figures;
  readonly onWarning: (message: string) => void;
  /** A draft was picked while nothing was written. */
  readonly onPick: () => void;
}

export class DraftDesk {
  readonly #parts: DeskParts;
  readonly #view = new DraftsView((draft) => this.#pick(draft));
  #drafting: Drafting | undefined;
  #isReading = false;
  #options: DraftsOptions | undefined;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  get isShown(): boolean {
    return this.#drafting !== undefined;
  }

  hide(): void {
    this.#drafting = undefined;
    this.#view.hide();
  }

  /** Drafts that follow the story as it stands. */
  write(engine: Engine, options: DraftsOptions, signal: AbortSignal): Promise<FinishReason> {
    this.#options = options;
    this.#drafting = new Drafting(engine.generate(this.#parts.story.text, options));
    return this.goOn(signal);
  }

  /** Drafts that follow the one that was picked. */
  async goOn(signal: AbortSignal): Promise<FinishReason> {
    if (!this.#drafting) return "stop";
    this.#begin();
    this.#isReading = true;
    try {
      const { onWarning } = this.#parts;
      const onDrafts = (drafts: readonly Draft[], metrics: DraftsMetrics) =>
        this.#show(drafts, metrics);
      const result = await this.#drafting.read(signal, { onDrafts, onWarning });
      return this.#conclude(result);
    } finally {
      this.#isReading = false;
    }
  }

  #begin(): void {
    const { decoder, seed = 0 } = this.#options!;
    const { trees, figures } = this.#parts;
    figures.clear();
    trees.clear();
    trees.setLive(true);
    this.#view.begin({ kind: decoder.kind, seed, count: countOf(decoder) });
  }

  #show(drafts: readonly Draft[], metrics: DraftsMetrics): void {
    const { trees, figures, story } = this.#parts;
    this.#view.show(drafts, metrics.steps);
    figures.showDrafts(metrics, drafts.length);
    const tree = treeOfDrafts(drafts, story.text);
    trees.add({ tokens: [], tree, hasConfidence: false, drafts: drafts.length });
  }

  #conclude({ drafts, finishReason, metrics }: DraftsResult): FinishReason {
    this.#view.show(drafts, metrics.steps);
    if (drafts.length === 0) this.#view.hide();
    return finishReason;
  }

  #pick(draft: Draft): void {
    if (!this.#drafting) return;
    this.#parts.story.take(draft.text);
    this.#drafting.pick(draft);
    if (this.#isReading) this.#begin();
    else this.#parts.onPick();
  }
}

function countOf(decoder: DraftsOptions["decoder"]): number {
  switch (decoder.kind) {
    case "superposed":
      return decoder.drafts ?? 3;
    case "beam":
      return decoder.beams ?? 4;
    case "samples":
      return decoder.count ?? 4;
  }
}
