/** Adds up the bytes of several files that arrive at the same time, and how fast. */
import type { LoadProgress } from "coppice";

/** The rate is taken over this many milliseconds, so that it neither jitters nor lags. */
const WINDOW = 2000;

export interface TransferState {
  readonly loadedBytes: number;
  /** Of the files seen so far; it grows as files begin. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

export class Transfer {
  readonly #files = new Map<string, LoadProgress>();
  readonly #samples: { time: number; loaded: number }[] = [];

  /** `time` in milliseconds, from any fixed origin. */
  add(progress: LoadProgress, time: number): TransferState {
    this.#files.set(`${progress.model}/${progress.file}`, progress);
    const files = [...this.#files.values()];
    const loadedBytes = files.reduce((sum, file) => sum + file.loadedBytes, 0);
    // A server may not say how long a file is: then it is at least as long as what has come.
    const totalBytes = files.reduce(
      (sum, file) => sum + Math.max(file.totalBytes, file.loadedBytes),
      0,
    );
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
