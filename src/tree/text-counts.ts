/** What a text costs: submissions and readbacks since it began, passes, the GPU's time by the parts of a round. */
import { dispatchesPerLayer } from "../model/index.ts";
import type { BufferSlice, Gpu, LanguageModel, Recording } from "../model/index.ts";
import type { Phase, RoundCounts } from "./rounds.ts";

const PHASES: readonly Phase[] = ["draft", "score", "verify", "commit"];

/** The GPU's own counters serve all texts of an engine, one after another. */
export class TextCounts {
  /** Passes of each model, prefill included. */
  targetForwards = 0;
  draftForwards = 0;
  readonly #gpu: Gpu;
  readonly #dispatchesPerLayer: number;
  #submits = 0;
  #readbacks = 0;
  #phaseTimes: Readonly<Record<Phase, number>> | undefined;

  constructor(gpu: Gpu, target: LanguageModel) {
    this.#gpu = gpu;
    this.#dispatchesPerLayer = dispatchesPerLayer(target.config);
  }

  /** A text begins. */
  restart(): void {
    const { submits, readbacks } = this.#gpu.counters;
    this.#submits = submits;
    this.#readbacks = readbacks;
    this.targetForwards = 0;
    this.draftForwards = 0;
    this.#phaseTimes = undefined;
  }

  /** Submits a text's recordings and reads `slices` back; `timed` adds the GPU's time, where the device tells it. */
  async submitAndRead(
    recordings: readonly Recording[],
    slices: readonly BufferSlice[],
    timed: boolean,
  ): Promise<ArrayBuffer[]> {
    if (!timed) return this.#gpu.submitAndRead(recordings, slices);
    const { bytes, times } = await this.#gpu.submitTimed(recordings, slices);
    if (times) {
      const sums = PHASES.map((phase) => [
        phase,
        (this.#phaseTimes?.[phase] ?? 0) + (times[phase] ?? 0),
      ]);
      this.#phaseTimes = Object.fromEntries(sums) as Record<Phase, number>;
    }
    return bytes;
  }

  read(dispatchesPerRound: number): RoundCounts {
    const { counters, bytes } = this.#gpu;
    return {
      submits: counters.submits - this.#submits,
      readbacks: counters.readbacks - this.#readbacks,
      targetForwards: this.targetForwards,
      draftForwards: this.draftForwards,
      dispatchesPerLayer: this.#dispatchesPerLayer,
      dispatchesPerRound,
      gpuBytes: bytes,
      ...(this.#phaseTimes && { phaseTimes: this.#phaseTimes }),
    };
  }
}
