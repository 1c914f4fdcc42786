/** The verification rules that the page offers, as data, and the trees that each keeps lossless. */
import type { Decoder, SpeculativeDecoder, TreeAndRule, VerifyRule } from "coppice";
import type { Option } from "./choice-group.ts";
import type { Linear } from "./linear-choices.ts";
import type { Tree, TreeKind } from "./tree-choices.ts";

/** `auto`: the adaptive tree's, chosen while writing. */
export type RuleKind = VerifyRule | "auto";

/** The kinds of tree that the library's type allows with a rule: a pair that is not lossless does not compile. */
type Allowed<R extends RuleKind, Pair = TreeAndRule> = Pair extends TreeAndRule
  ? R extends NonNullable<Pair["verify"]>
    ? Exclude<NonNullable<Pair["tree"]>, string>["kind"]
    : never
  : never;

/** `coupled` takes any tree. */
const TREES: { readonly [R in Exclude<RuleKind, "coupled">]: readonly Allowed<R>[] } = {
  recursive: ["chain", "rsd-c", "rsd-s"],
  traversal: ["chain", "rsd-c", "rsd-s"],
  block: ["chain"],
  spectr: ["chain", "paths"],
  specinfer: ["chain", "paths"],
  auto: ["auto"],
};

/** `sampling`: what is reproduced. A decoder that looks back on its own words is kept by the coupled rule alone. */
export function isLossless(rule: RuleKind, tree: TreeKind, sampling: Decoder["kind"]): boolean {
  if (rule === "coupled") return true;
  if (sampling !== "sample" && sampling !== "greedy") return false;
  return (TREES[rule] as readonly TreeKind[]).includes(tree);
}

/** Only for what `isLossless`. */
export function speculative(tree: Tree, verify: RuleKind, sampling: Linear): SpeculativeDecoder {
  return { kind: "speculative", sampling, tree, verify } as SpeculativeDecoder;
}

/** The first is chosen. */
export const RULES: readonly [Option<RuleKind>, ...Option<RuleKind>[]] = [
  {
    kind: "coupled",
    label: "Coupled",
    line: "Draft and target draw with the same dice: the text is the very one that the target writes alone.",
  },
  {
    kind: "recursive",
    label: "Recursive",
    line: "Guesses are tried one after another, each against what the ones before left over.",
  },
  {
    kind: "traversal",
    label: "Traversal",
    line: "From the leaves back: a doubtful word can be saved by good ones after it.",
  },
  {
    kind: "block",
    label: "Block",
    line: "The whole chain is weighed as one block: traversal without forks.",
  },
  {
    kind: "spectr",
    label: "SpecTr",
    line: "Independent guesses of one place are accepted in turn, each with a toned-down chance.",
  },
  {
    kind: "specinfer",
    label: "SpecInfer",
    line: "As recursive, for guesses that were drawn with replacement.",
  },
  {
    kind: "auto",
    label: "Whichever is faster",
    line: "Coupled or traversal, as it pays on this machine: the text may depend on that.",
  },
];

/** What all rules on offer have in common. */
export function promiseOf(tree: TreeKind, sampling: Decoder["kind"]): string {
  if (sampling !== "sample" && sampling !== "greedy")
    return "What is chosen here depends on the words before it, which only the coupled rule can follow.";
  const promise =
    "the text has exactly the target’s distribution; only coupled gives its very words. At temperature 0 all do.";
  const isGrey = RULES.some(({ kind }) => kind !== "auto" && !isLossless(kind, tree, sampling));
  if (!isGrey) return `With every rule ${promise}`;
  return `The rules in grey would not be lossless with this tree. With all others ${promise}`;
}
