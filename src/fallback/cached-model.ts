/** A model that keeps the keys and values of what it has seen: what sessions need of one, however it is run. */

export interface CachedModel {
  readonly vocabSize: number;
  /** Tokens that the cache may hold. */
  readonly contextLength: number;
  /** Tokens in the cache. */
  readonly length: number;
  /** Forgets all but the first `length` tokens. */
  rewind(length: number): void;
  /** Takes these tokens in after the others; logits `[vocabSize]` after each of the last `wanted` of them, 1 up. */
  run(tokens: readonly number[], wanted: number): Promise<Float32Array[]>;
  /** Bytes of weights and cache. */
  readonly bytes: number;
  dispose(): Promise<void>;
}

/** Tokens that one pass of a long prompt takes in. */
export const CHUNK = 128;

/** Takes in what the logits of are not wanted; `check` runs before each pass, and may throw. */
export async function prefill(
  model: CachedModel,
  tokens: readonly number[],
  check: () => void,
): Promise<number> {
  let passes = 0;
  for (let at = 0; at < tokens.length; at += CHUNK) {
    await turn();
    check();
    await model.run(tokens.slice(at, at + CHUNK), 1);
    passes += 1;
  }
  return passes;
}

/** Lets messages in: ORT's runs on the CPU end without the event loop having had a turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(undefined);
  });
}
