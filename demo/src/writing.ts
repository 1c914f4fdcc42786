/** One generation: reads the stream and hands on whole rounds. */
import type { Decoder, Engine, GenerateOptions, GenerateResult, TreeSnapshot } from "coppice";
import { roundOf, type Round } from "./rounds.ts";

export interface WritingRequest extends Omit<GenerateOptions, "decoder" | "signal"> {
  readonly prompt: string;
  readonly decoder: Decoder;
  readonly seed: number;
  readonly maxNewTokens: number;
  readonly signal: AbortSignal;
}

export interface WritingListener {
  readonly onRound: (round: Round) => void;
  readonly onWarning: (message: string) => void;
}

/** Resolves with the result; rejects with the library's error, `aborted` when the signal fired. */
export async function write(
  engine: Engine,
  { prompt, ...options }: WritingRequest,
  { onRound, onWarning }: WritingListener,
): Promise<GenerateResult> {
  const hasConfidence = scoresAreConfidence(options.decoder);
  const stream = engine.generate(prompt, options);
  let tree: TreeSnapshot | undefined;
  for await (const part of stream) {
    switch (part.type) {
      case "tree":
        tree = part.tree;
        break;
      case "text-delta":
        onRound({ ...roundOf(part, tree), hasConfidence });
        tree = undefined;
        break;
      case "warning":
        onWarning(part.message);
        break;
      case "text-start":
      case "text-end":
        break;
    }
  }
  return stream.result;
}

/** The scores of a beam that is drawn are an order of the paths: how likely they are cannot be read from them. */
function scoresAreConfidence(decoder: Decoder): boolean {
  if (decoder.kind !== "speculative") return true;
  if (typeof decoder.tree !== "object" || decoder.tree.kind !== "rsd-s") return true;
  return !decoder.sampling || ("kind" in decoder.sampling && decoder.sampling.kind === "greedy");
}
