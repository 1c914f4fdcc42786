/** The verification rules that the page offers, as data, and the trees that each keeps lossless. */
import type { TreeAndRule, VerifyRule } from "coppice";
import type { Option } from "./choice-group.ts";
import type { Tree, TreeKind } from "./tree-choices.ts";

/** The kinds of tree that the library's type allows with a rule: a pair that is not lossless does not compile. */
type Allowed<R extends VerifyRule, Pair = TreeAndRule> = Pair extends TreeAndRule
  ? R extends NonNullable<Pair["verify"]>
    ? Exclude<NonNullable<Pair["tree"]>, string>["kind"]
    : never
  : never;

/** `coupled` takes any tree. */
const TREES: { readonly [R in Exclude<VerifyRule, "coupled">]: readonly Allowed<R>[] } = {
  recursive: ["chain", "rsd-c", "rsd-s"],
  traversal: ["chain", "rsd-c", "rsd-s"],
  block: ["chain"],
  spectr: ["chain", "paths"],
  specinfer: ["chain", "paths"],
};

export function isLossless(rule: VerifyRule, tree: TreeKind): boolean {
  return rule === "coupled" || (TREES[rule] as readonly TreeKind[]).includes(tree);
}

/** Only for a pair that `isLossless`. */
export function treeAndRule(tree: Tree, verify: VerifyRule): TreeAndRule {
  return { tree, verify } as TreeAndRule;
}

/** The first is chosen. */
export const RULES: readonly [Option<VerifyRule>, ...Option<VerifyRule>[]] = [
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
];

/** What all rules on offer with a tree have in common. */
export function promiseOf(tree: TreeKind): string {
  const all =
    "text has exactly the target’s distribution; only coupled gives its very words. At temperature 0 all do.";
  if (RULES.every(({ kind }) => isLossless(kind, tree))) return `With every rule the ${all}`;
  return `The rules in grey would not be lossless with this tree. With all others the ${all}`;
}
