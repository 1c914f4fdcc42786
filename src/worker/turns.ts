/** Requests are served one after another: each waits for its turn and ends it. */
import { aborted } from "../errors.ts";

export class Turns {
  /** The first one's turn it is. */
  readonly #line: { begin(): void }[] = [];

  /** Resolves when it is this one's turn, with the function that ends it. A signal takes it out of the line. */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#leave(place);
        reject(aborted(signal.reason));
      };
      const place = {
        begin: () => {
          signal.removeEventListener("abort", leave);
          resolve(() => this.#leave(place));
        },
      };
      if (signal.aborted) return reject(aborted(signal.reason));
      signal.addEventListener("abort", leave);
      this.#line.push(place);
      if (this.#line.length === 1) place.begin();
    });
  }

  /** Resolves when all that is in line now is done. */
  async idle(): Promise<void> {
    const end = await this.take(new AbortController().signal);
    end();
  }

  #leave(place: { begin(): void }): void {
    const index = this.#line.indexOf(place);
    if (index === -1) return;
    this.#line.splice(index, 1);
    if (index === 0) this.#line[0]?.begin();
  }
}
