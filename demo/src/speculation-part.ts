/** The tree and the rule of the speculative decoder, and what they promise together. */
import type { Decoder, SpeculativeDecoder } from "coppice";
import { ChoiceGroup } from "./choice-group.ts";
import { make } from "./dom.ts";
import { FieldGroup } from "./field.ts";
import { Fold } from "./fold.ts";
import type { Linear } from "./linear-choices.ts";
import { isLossless, promiseOf, RULES, speculative } from "./rule-choices.ts";
import { objectionTo, sayTree, TREES, type TreeKind } from "./tree-choices.ts";

export class SpeculationPart {
  readonly #trees = new ChoiceGroup("Tree", "tree", TREES);
  readonly #fields = new Map(
    TREES.map(({ kind, fields }) => [kind, new FieldGroup(kind, fields)] as const),
  );
  readonly #rules = new ChoiceGroup("Rule", "rule", RULES);
  readonly #promise = make("p", { className: "line" });
  readonly #treeFold = new Fold(
    "part-tree",
    "Tree",
    this.#trees.element,
    ...[...this.#fields.values()].map(({ element }) => element),
  );
  readonly #ruleFold = new Fold("part-rule", "Rule", this.#rules.element, this.#promise);
  readonly elements = [this.#treeFold.element, this.#ruleFold.element];

  /** `sampling`: the kind of linear decoder that is reproduced. */
  use(used: boolean, sampling: Decoder["kind"]): void {
    const { kind } = this.#tree;
    const fields = this.#fields.get(kind)!;
    this.#rules.offer((rule) => isLossless(rule, kind, sampling));
    for (const fold of [this.#treeFold, this.#ruleFold]) fold.use(used);
    for (const group of [this.#trees, this.#rules]) group.use(used);
    for (const group of this.#fields.values()) group.use(used && group === fields);
    fields.check(objectionTo(this.#tree, fields.read()));
    this.#treeFold.say(sayTree(this.#tree, fields.read()));
    this.#ruleFold.say(this.#sayRule());
    this.#promise.textContent = promiseOf(kind, sampling);
  }

  decoder(sampling: Linear): SpeculativeDecoder {
    const tree = this.#tree.build(this.#fields.get(this.#tree.kind)!.read());
    return speculative(tree, this.#rules.chosen, sampling);
  }

  /** Tree and rule by name. */
  say(): string {
    return `${this.#tree.label.toLowerCase()} · ${this.#sayRule()}`;
  }

  get #tree() {
    return treeOf(this.#trees.chosen);
  }

  #sayRule(): string {
    return RULES.find(({ kind }) => kind === this.#rules.chosen)!.label.toLowerCase();
  }
}

function treeOf(kind: TreeKind) {
  return TREES.find((choice) => choice.kind === kind)!;
}
