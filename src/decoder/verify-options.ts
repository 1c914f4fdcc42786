/** Which verification rule keeps which tree lossless. */
import { CoppiceError } from "../errors.ts";
import type { AutoTree, TreeAndRule, TreeOptions, VerifyRule } from "../options.ts";
import { checkChoice } from "./checks.ts";

type TreeKind = TreeOptions["kind"] | AutoTree["kind"];

/** The kinds of tree that the type `TreeAndRule` allows with a rule. */
type Allowed<R extends VerifyRule | "auto", Pair = TreeAndRule> = Pair extends TreeAndRule
  ? R extends NonNullable<Pair["verify"]>
    ? Exclude<NonNullable<Pair["tree"]>, string>["kind"]
    : never
  : never;

/**
 * The same table as the type `TreeAndRule`, for callers whose types nobody checked. A rejecting rule needs to know
 * what each node was drawn from: without replacement for `recursive` and `traversal`, with it for `spectr` and
 * `specinfer`. A best-first tree drops nodes for what they are, which none of them can undo.
 */
const TREES: { readonly [R in VerifyRule | "auto"]: readonly Allowed<R>[] } = {
  coupled: ["chain", "rsd-c", "rsd-s", "paths", "best-first", "auto"],
  recursive: ["chain", "rsd-c", "rsd-s"],
  traversal: ["chain", "rsd-c", "rsd-s"],
  block: ["chain"],
  spectr: ["chain", "paths"],
  specinfer: ["chain", "paths"],
  auto: ["auto"],
};

const RULES = Object.keys(TREES) as (VerifyRule | "auto")[];

/** @throws CoppiceError `option-invalid` for no rule at all, `tree-invalid` for one that is not lossless on this tree. */
export function resolveVerify(field: string, value: unknown, tree: TreeKind): VerifyRule | "auto" {
  const rule = checkChoice(field, value, RULES, "coupled");
  const trees: readonly TreeKind[] = TREES[rule];
  if (trees.includes(tree)) return rule;
  if (rule === "auto") {
    throw new CoppiceError(
      "tree-invalid",
      `${field} is "auto", which chooses a tree for the rule, but the tree is of kind "${tree}".`,
      'Use tree "auto" with it, or name a rule such as "coupled".',
    );
  }
  const rules = RULES.filter((other) => (TREES[other] as readonly TreeKind[]).includes(tree));
  throw new CoppiceError(
    "tree-invalid",
    `${field} is "${rule}", which does not keep the target's distribution on a tree of kind "${tree}".`,
    `Use ${quoted(rules)} with this tree, or a tree of kind ${quoted(trees)} with this rule.`,
  );
}

/** Why a way to draw goes together with shared noise alone. */
const NEEDS_COUPLED = {
  mirostat:
    "mu depends on which tokens are accepted, so there is no fixed distribution to accept them by",
  momentum: "momentum draws nothing, so there is no distribution to accept tokens by",
} as const;

/** @throws CoppiceError `option-invalid` where `sampling` and the decoder's rule do not go together. */
export function checkCoupled(
  field: string,
  sampling: keyof typeof NEEDS_COUPLED,
  verify: VerifyRule | "auto",
): void {
  if (verify === "coupled") return;
  throw new CoppiceError(
    "option-invalid",
    `${field}.sampling is "${sampling}", but ${field}.verify is "${verify}": ${NEEDS_COUPLED[sampling]}.`,
    `Leave ${field}.verify out, or set it to "coupled".`,
  );
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}
