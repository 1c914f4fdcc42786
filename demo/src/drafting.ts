/** One writing of drafts: reads the set as it is revised, and goes on from the draft that is picked. */
import type { Draft, DraftsMetrics, DraftsResult, DraftsStream } from "coppice";

export interface DraftingListener {
  readonly onDrafts: (drafts: readonly Draft[], metrics: DraftsMetrics) => void;
  readonly onWarning: (message: string) => void;
}

export class Drafting {
  #stream: DraftsStream;

  constructor(stream: DraftsStream) {
    this.#stream = stream;
  }

  /** Reads until the drafts are whole, those of a draft that is picked meanwhile included. */
  async read(signal: AbortSignal, listener: DraftingListener): Promise<DraftsResult> {
    // Not the request's own signal: a draft can be picked after it was stopped.
    signal.addEventListener("abort", () => void this.#stream.return?.());
    for (;;) {
      const stream = this.#stream;
      try {
        for await (const part of stream) {
          if (part.type === "drafts") listener.onDrafts(part.drafts, part.metrics);
          if (part.type === "warning") listener.onWarning(part.message);
        }
        if (stream === this.#stream) return await stream.result;
      } catch (error) {
        if (stream === this.#stream) throw error;
      }
    }
  }

  /** Ends the stream that is read; `read` goes on with the one that follows. */
  pick(draft: Draft): void {
    this.#stream = this.#stream.accept(draft);
  }
}
