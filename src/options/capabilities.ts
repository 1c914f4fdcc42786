/** What an engine offers of the API. */
import type { Decoder } from "./decoders.ts";
import type { VerifyRule } from "./decoders.ts";
import type { DraftsDecoder } from "./drafts.ts";
import type { AutoTree, TreeOptions } from "./trees.ts";

/**
 * On WebGPU that is everything. What is missing is refused with `decoder-unsupported`, but for a tree under the rule `"coupled"`, which
 * has no say in the text: there a chain takes its place, with a warning.
 */
export interface EngineCapabilities {
  readonly decoders: readonly (Decoder | DraftsDecoder)["kind"][];
  readonly trees: readonly (TreeOptions | AutoTree)["kind"][];
  readonly verify: readonly (VerifyRule | "auto")[];
}
