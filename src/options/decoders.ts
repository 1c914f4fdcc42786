/** What `decoder` may be. */
import type { ContrastiveDecoder } from "./contrastive.ts";
import type { MirostatDecoder } from "./mirostat.ts";
import type { MomentumDecoder } from "./momentum.ts";
import type { GreedyDecoder, SampleDecoder, SamplingStages } from "./sampling.ts";
import type {
  AutoTree,
  BeamTree,
  BranchingTree,
  ChainTree,
  PathsTree,
  TreeOptions,
} from "./trees.ts";

/** Which rule decides what of a tree is kept. `docs/speculation.md` has their formulas and says when to use which. */
export type VerifyRule = "coupled" | "recursive" | "traversal" | "block" | "spectr" | "specinfer";

/**
 * The trees a rule keeps lossless. `coupled` takes any; the others need the distribution that every node was drawn
 * from, so they refuse a tree whose nodes were chosen by what they turned out to be.
 */
export type TreeAndRule =
  | { readonly tree?: TreeOptions | AutoTree | "auto"; readonly verify?: "coupled" }
  | { readonly tree: AutoTree | "auto"; readonly verify: "auto" }
  | {
      readonly tree: ChainTree | BranchingTree | BeamTree;
      readonly verify: "recursive" | "traversal";
    }
  | { readonly tree: ChainTree; readonly verify: "block" }
  | { readonly tree: ChainTree | PathsTree; readonly verify: "spectr" | "specinfer" };

/**
 * Drafts a token tree, scores it in one pass of the target and keeps a path of it. `tree` defaults to
 * `{ kind: "best-first" }`. `verify` defaults to `"coupled"`: the text is that of `sampling` run alone with the same
 * seed, token for token. The other rules draw from the same distribution, with other tokens. `"auto"`, with `tree: "auto"`
 * alone, chooses between `"coupled"` and `"traversal"` while decoding, by tokens per second: the text is drawn from the same
 * distribution, but which one it is depends on the choices, and so on the speed of the device.
 */
export type SpeculativeDecoder =
  | ({
      readonly kind: "speculative";
      /** The linear decoder whose text this reproduces. Default greedy. */
      readonly sampling?: GreedyDecoder | SampleDecoder | SamplingStages;
    } & TreeAndRule)
  | SpeculativeMirostat
  | SpeculativeMomentum;

/** Mirostat with the same text as alone, for any tree: what a rejecting rule compares with would depend on what it accepts. */
export interface SpeculativeMirostat {
  readonly kind: "speculative";
  readonly sampling: MirostatDecoder;
  readonly tree?: TreeOptions | AutoTree | "auto";
  readonly verify?: "coupled";
}

/** Momentum with the same text as alone, for any tree: it draws nothing, so there is nothing that a rejecting rule could compare. */
export interface SpeculativeMomentum {
  readonly kind: "speculative";
  readonly sampling: MomentumDecoder;
  readonly tree?: TreeOptions | AutoTree | "auto";
  readonly verify?: "coupled";
}

export type Decoder =
  | GreedyDecoder
  | SampleDecoder
  | MirostatDecoder
  | MomentumDecoder
  | ContrastiveDecoder
  | SpeculativeDecoder;
