/** The last session of a kind: it serves the next request too where that asks for the same. */
import type { BufferScope, Gpu } from "../gpu/index.ts";

export class LastSession<Session> {
  readonly #gpu: Gpu;
  readonly #what: string;
  #last: { key: string; scope: BufferScope; made: Promise<Session> } | undefined;

  /** `what` it is a session of, for messages. */
  constructor(gpu: Gpu, what: string) {
    this.#gpu = gpu;
    this.#what = what;
  }

  /** The last session where `key` is the same; else a new one, and the last one's buffers are freed. */
  open(key: string, make: (scope: BufferScope) => Promise<Session>): Promise<Session> {
    if (this.#last?.key === key) return this.#last.made;
    this.#last?.scope.dispose();
    const scope = this.#gpu.buffers.child(this.#what);
    const made = this.#gpu.guardMemory(`preparing the ${this.#what}`, () => make(scope));
    this.#last = { key, scope, made };
    made.catch(() => {
      scope.dispose();
      if (this.#last?.made === made) this.#last = undefined;
    });
    return made;
  }
}
