/** The bytes of all files so far, and how fast they come. */
import type { LoadProgress } from "coppice";

/** The rate is taken over this many milliseconds, so that it neither jitters nor lags. */
const WINDOW = 2000;

export interface TransferState {
  readonly loadedBytes: number;
  /** Of a folder, it grows as files begin. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

export class Transfer {
  readonly #samples: { time: number; loaded: number }[] = [];

  /** `time` in milliseconds, from any fixed origin. */
  add(progress: LoadProgress, time: number): TransferState {
    const { loadedBytes, totalBytes } = progress.overall;
    return { loadedBytes, totalBytes, bytesPerSecond: this.#rate(loadedBytes, time) };
  }

  #rate(loaded: number, time: number): number {
    this.#samples.push({ time, loaded });
    while (this.#samples.length > 2 && time - this.#samples[0]!.time > WINDOW)
      this.#samples.shift();
    const first = this.#samples[0]!;
    return time > first.time ? ((loaded - first.loaded) * 1000) / (time - first.time) : 0;
  }
}
