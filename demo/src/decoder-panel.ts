/** The decoder's part of the form: draws the choices, and reads them back as the library wants them. */
import type { Decoder, GenerateOptions } from "coppice";
import { ChoiceGroup } from "./choice-group.ts";
import { DECODERS } from "./decoder-choices.ts";
import { byId, make } from "./dom.ts";
import { FieldGroup, one, type Field } from "./field.ts";
import { Fold } from "./fold.ts";
import { isLossless, promiseOf, RULES, treeAndRule } from "./rule-choices.ts";
import { MIROSTAT, mirostatDecoder, sayMirostat } from "./mirostat-fields.ts";
import { linearDecoder, SAMPLING, saySampling } from "./sampling-fields.ts";
import { objectionTo, sayTree, TREES, type TreeKind } from "./tree-choices.ts";

const PACE: readonly Field[] = [
  {
    name: "rounds",
    label: "Rounds",
    line: "Per readback, while no trees are drawn. More hide the wait for the GPU; text comes in larger pieces.",
    initial: "",
    min: 1,
    max: 16,
    blank: "auto",
  },
];

/** How often the page hears of the GPU, and whether it hears of trees. */
export type PaceOptions = Pick<GenerateOptions, "roundsPerReadback" | "trees">;

export class DecoderPanel {
  readonly #root = byId("decoder-fields", HTMLDivElement);
  readonly #summary = byId("decoder-summary", HTMLSpanElement);
  readonly #onChange: (draws: boolean) => void;

  readonly #kinds = new ChoiceGroup("Kind", "decoder", DECODERS);
  readonly #sampling = new FieldGroup("sampling", SAMPLING);
  readonly #mirostat = new FieldGroup("mirostat", MIROSTAT);
  readonly #trees = new ChoiceGroup("Tree", "tree", TREES);
  readonly #treeFields = new Map(
    TREES.map(({ kind, fields }) => [kind, new FieldGroup(kind, fields)] as const),
  );
  readonly #rules = new ChoiceGroup("Rule", "rule", RULES);
  readonly #promise = make("p", { className: "line" });
  readonly #drawsTrees = make("input", { type: "checkbox", id: "draw-trees", checked: true });
  readonly #pace = new FieldGroup("pace", PACE);

  readonly #samplingFold = new Fold("part-sampling", "Sampling", this.#sampling.element);
  readonly #mirostatFold = new Fold("part-mirostat", "Surprise", this.#mirostat.element);
  readonly #treeFold = new Fold(
    "part-tree",
    "Tree",
    this.#trees.element,
    ...[...this.#treeFields.values()].map(({ element }) => element),
  );
  readonly #ruleFold = new Fold("part-rule", "Rule", this.#rules.element, this.#promise);
  readonly #paceFold = new Fold(
    "part-pace",
    "Pace",
    make("label", { className: "check" }, this.#drawsTrees, " Draw the tree of every round"),
    this.#pace.element,
  );

  /** `onChange` hears, after every change, whether tokens are drawn, so that a seed has a say. */
  constructor(onChange: (draws: boolean) => void) {
    this.#onChange = onChange;
    const folds = [
      this.#samplingFold,
      this.#mirostatFold,
      this.#treeFold,
      this.#ruleFold,
      this.#paceFold,
    ];
    this.#root.append(this.#kinds.element, ...folds.map(({ element }) => element));
    this.#root.addEventListener("input", () => this.#update());
    // The browser cannot point at a field that is folded away. Invalid events do not bubble.
    this.#root.addEventListener("invalid", (event) => unfold(event.target), { capture: true });
    this.#update();
  }

  /** Speculative decoders need a draft; without one only the others can be chosen. */
  setHasDraft(hasDraft: boolean): void {
    this.#kinds.offer((kind) => hasDraft || !decoderOf(kind).drafts);
    this.#update();
  }

  /** The decoder as the API wants it. */
  decoder(): Decoder {
    if (!decoderOf(this.#kinds.chosen).drafts) return this.#linear();
    const { chosen } = this.#trees;
    const tree = treeOf(chosen).build(this.#treeFields.get(chosen)!.read());
    return {
      kind: "speculative",
      sampling: this.#linear(),
      ...treeAndRule(tree, this.#rules.chosen),
    };
  }

  pace(): PaceOptions {
    const trees = decoderOf(this.#kinds.chosen).drafts && this.#drawsTrees.checked;
    const rounds = one(this.#pace.read(), "rounds");
    return trees || rounds === 0 ? { trees } : { trees, roundsPerReadback: rounds };
  }

  #linear() {
    const { draws, kind } = decoderOf(this.#kinds.chosen);
    if (kind === "mirostat") return mirostatDecoder(this.#mirostat.read());
    return draws ? linearDecoder(this.#sampling.read()) : ({ kind: "greedy" } as const);
  }

  #update(): void {
    const { drafts, draws, kind } = decoderOf(this.#kinds.chosen);
    const tree = treeOf(this.#trees.chosen);
    const fields = this.#treeFields.get(tree.kind)!;
    this.#rules.offer((rule) => isLossless(rule, tree.kind));
    for (const fold of [this.#treeFold, this.#ruleFold]) fold.use(drafts);
    for (const group of [this.#trees, this.#rules]) group.use(drafts);
    for (const group of this.#treeFields.values()) group.use(drafts && group === fields);
    const isMirostat = kind === "mirostat";
    this.#samplingFold.use(draws && !isMirostat);
    this.#sampling.use(draws && !isMirostat);
    this.#mirostatFold.use(isMirostat);
    this.#mirostat.use(isMirostat);
    this.#drawsTrees.parentElement!.hidden = !drafts;
    this.#pace.enable(!(drafts && this.#drawsTrees.checked));

    const values = fields.read();
    fields.object(objectionTo(tree, values));
    const rule = RULES.find((choice) => choice.kind === this.#rules.chosen)!.label.toLowerCase();
    const mirostat = sayMirostat(this.#mirostat.read());
    const sampling = isMirostat ? mirostat : saySampling(this.#sampling.read());
    this.#samplingFold.say(sampling);
    this.#mirostatFold.say(mirostat);
    this.#treeFold.say(sayTree(tree, values));
    this.#ruleFold.say(rule);
    this.#promise.textContent = promiseOf(tree.kind);
    this.#paceFold.say(this.#sayPace());
    const words = drafts ? [tree.label.toLowerCase(), rule, sampling] : [kind, draws && sampling];
    this.#summary.textContent = words.filter(Boolean).join(" · ");
    this.#onChange(this.#linear().kind !== "greedy");
  }

  #sayPace(): string {
    const { trees, roundsPerReadback: rounds } = this.pace();
    if (trees) return "every round, its tree drawn";
    if (rounds === undefined) return "as many rounds per readback as hide the wait";
    return rounds === 1 ? "one round per readback" : `${rounds} rounds per readback`;
  }
}

function decoderOf(kind: Decoder["kind"]) {
  return DECODERS.find((choice) => choice.kind === kind)!;
}

function treeOf(kind: TreeKind) {
  return TREES.find((choice) => choice.kind === kind)!;
}

function unfold(target: EventTarget | null): void {
  let element = target instanceof Element ? target : null;
  for (; element; element = element.parentElement) {
    if (element instanceof HTMLDetailsElement) element.open = true;
  }
}
