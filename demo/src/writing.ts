/** One generation: reads the stream and hands on whole rounds. */
import type { Decoder, Engine, GenerateResult, TreeSnapshot } from "coppice";
import { roundOf, type Round } from "./rounds.ts";

export interface WritingRequest {
  readonly prompt: string;
  readonly decoder: Decoder;
  readonly maxNewTokens: number;
  readonly signal: AbortSignal;
}

export interface WritingListener {
  readonly onRound: (round: Round) => void;
  readonly onWarning?: (message: string) => void;
}

/** Resolves with the result; rejects with the library's error, `aborted` when the signal fired. */
export async function write(
  engine: Engine,
  { prompt, ...options }: WritingRequest,
  { onRound, onWarning }: WritingListener,
): Promise<GenerateResult> {
  const stream = engine.generate(prompt, {
    ...options,
    trees: options.decoder.kind === "speculative",
  });
  let tree: TreeSnapshot | undefined;
  for await (const part of stream) {
    switch (part.type) {
      case "tree":
        tree = part.tree;
        break;
      case "text-delta":
        onRound(roundOf(part, tree));
        tree = undefined;
        break;
      case "warning":
        onWarning?.(part.message);
        break;
      case "text-start":
      case "text-end":
        break;
    }
  }
  return stream.result;
}
