/** The engine that is loaded, and the way from one pair of models to the next. */
import { CoppiceError, loadEngine, type Engine } from "coppice";
import { EMBEDDED_PAIR, type Pair } from "./models-dialog.ts";
import { clearNotice, showError } from "./notice.ts";
import { showLoading, showReady, showUnloaded } from "./pair.ts";
import type { Phase } from "./phase.ts";

export interface LoaderListener {
  readonly onPhase: (phase: Phase) => void;
  /** The engine that there is now; undefined while there is none. */
  readonly onEngine: (engine: Engine | undefined) => void;
}

export class Loader {
  readonly #listener: LoaderListener;
  #engine: Engine | undefined;
  #pair: Pair = EMBEDDED_PAIR;
  #current: AbortController | undefined;

  constructor(listener: LoaderListener) {
    this.#listener = listener;
  }

  get engine(): Engine | undefined {
    return this.#engine;
  }

  cancel(): void {
    this.#current?.abort();
  }

  /** Without a pair: the one that was asked for last, anew. */
  async load(pair: Pair = this.#pair): Promise<void> {
    this.#pair = pair;
    this.cancel();
    const controller = (this.#current = new AbortController());
    clearNotice();
    this.#listener.onPhase("loading");
    const onProgress = showLoading();
    try {
      await this.#letGo();
      this.#engine = await loadEngine({ ...pair, onProgress, signal: controller.signal });
      showReady(this.#engine.facts);
      this.#listener.onEngine(this.#engine);
      this.#listener.onPhase("ready");
    } catch (error) {
      if (controller === this.#current) this.#explain(error);
    }
  }

  /** First away with the old one: both pairs might not fit on the GPU. */
  async #letGo(): Promise<void> {
    const before = this.#engine;
    this.#engine = undefined;
    this.#listener.onEngine(undefined);
    await before?.dispose();
  }

  #explain(error: unknown): void {
    const isAborted = CoppiceError.from(error).code === "aborted";
    showUnloaded(isAborted ? "Loading was cancelled." : "See the note below.");
    if (!isAborted) showError(error, { label: "Try again", run: () => void this.load() });
    this.#listener.onPhase("empty");
  }
}
