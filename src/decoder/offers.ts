/** Holds a request against what the engine offers: WebGPU everything, the fallback no token trees. */
import { CoppiceError } from "../errors.ts";
import type { EngineCapabilities, VerifyRule } from "../options.ts";
import { DECODER_KINDS } from "./decoder-kinds.ts";
import type { ResolvedDecoder } from "./generate-options.ts";
import type { ResolvedTree } from "./tree-options.ts";

/** What the kernels do. */
export const ALL_CAPABILITIES: EngineCapabilities = {
  decoders: DECODER_KINDS,
  trees: ["chain", "rsd-c", "rsd-s", "paths", "best-first", "auto"],
  verify: ["coupled", "recursive", "traversal", "block", "spectr", "specinfer", "auto"],
};

/** A chain in place of a tree whose shape was left to the engine. */
const AUTO_LENGTH = 4;

/** @throws CoppiceError `decoder-unsupported` */
export function checkOffered(
  kind: EngineCapabilities["decoders"][number],
  { decoders }: EngineCapabilities,
): void {
  if (decoders.includes(kind)) return;
  throw new CoppiceError(
    "decoder-unsupported",
    `This engine does not offer the decoder "${kind}".`,
    `Use ${quoted(decoders)}, or load the engine with device "webgpu".`,
  );
}

/**
 * The decoder as the engine can run it. A tree never changes the text under the rule `coupled`, so there a chain will do for one
 * that is not offered; the warnings say so.
 * @throws CoppiceError `decoder-unsupported` where another text would come of it.
 */
export function fitDecoder(
  decoder: ResolvedDecoder,
  capabilities: EngineCapabilities,
): { decoder: ResolvedDecoder; warnings: readonly string[] } {
  if (decoder.contrastive) checkOffered("contrastive", capabilities);
  const { speculation, stages } = decoder;
  if (!speculation) return { decoder, warnings: [] };
  checkOffered("speculative", capabilities);
  const verify = fitVerify(speculation.verify, stages.temperature, capabilities);
  const { tree } = speculation;
  if (capabilities.trees.includes(tree.kind)) {
    return { decoder: { ...decoder, speculation: { tree, verify } }, warnings: [] };
  }
  const chain = { kind: "chain", length: depthOf(tree) } as const;
  return {
    decoder: { ...decoder, speculation: { tree: chain, verify } },
    warnings: [
      `This engine drafts no tree of kind "${tree.kind}": a chain of ${chain.length} tokens takes its place. The text is the same.`,
    ],
  };
}

/** At temperature 0 all rules keep the same tokens, and `auto` may choose. */
function fitVerify(
  verify: VerifyRule | "auto",
  temperature: number,
  { verify: rules }: EngineCapabilities,
): VerifyRule | "auto" {
  if (rules.includes(verify)) return verify;
  if (verify === "auto" || temperature === 0) return "coupled";
  throw new CoppiceError(
    "decoder-unsupported",
    `This engine does not verify drafts by the rule "${verify}".`,
    `Use ${quoted(rules)}, or load the engine with device "webgpu".`,
  );
}

function depthOf(tree: ResolvedTree): number {
  switch (tree.kind) {
    case "chain":
    case "paths":
      return tree.length;
    case "rsd-c":
      return tree.branching.length;
    case "rsd-s":
    case "best-first":
      return tree.depth;
    case "auto":
      return AUTO_LENGTH;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
