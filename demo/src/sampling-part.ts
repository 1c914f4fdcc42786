/** How words are drawn: the fields of the linear decoder that is chosen, or that the speculative one reproduces. */
import { ChoiceGroup, type Option } from "./choice-group.ts";
import { isLinearKind, type DecoderKind } from "./decoder-choices.ts";
import { FieldGroup } from "./field.ts";
import { Fold } from "./fold.ts";
import { LINEAR, linearOf, type Linear, type LinearKind } from "./linear-choices.ts";
import { stagesOf } from "./sampling-fields.ts";

const WAYS = LINEAR.flatMap(({ kind, way }) => (way ? [{ kind, ...way }] : [])) as [
  Option<LinearKind>,
  ...Option<LinearKind>[],
];

export class SamplingPart {
  readonly #ways = new ChoiceGroup("Drawn", "way", WAYS);
  readonly #fields = new Map(
    LINEAR.map(({ kind, fields }) => [kind, new FieldGroup(kind, fields)] as const),
  );
  readonly #fold = new Fold(
    "part-sampling",
    "Sampling",
    this.#ways.element,
    ...[...this.#fields.values()].map(({ element }) => element),
  );
  readonly element = this.#fold.element;
  #kind: LinearKind = "sample";

  /** Shows what has a say with this kind of decoder. */
  use(decoder: DecoderKind): void {
    const speculates = decoder === "speculative";
    this.#kind = speculates ? this.#ways.chosen : isLinearKind(decoder) ? decoder : "sample";
    const isUsed = speculates || isLinearKind(decoder) || decoder === "samples";
    this.#ways.use(speculates);
    for (const [kind, group] of this.#fields) group.use(isUsed && kind === this.#kind);
    this.#fold.use(isUsed && linearOf(this.#kind).fields.length > 0);
    this.#fold.say(this.say());
    const isZero = decoder === "samples" && this.stages().temperature === 0;
    const objection = isZero ? "At temperature 0 all samples would be the same text." : "";
    this.#fields.get(this.#kind)!.check(objection);
  }

  /** What is chosen, or what the speculative decoder reproduces. */
  linear(): Linear {
    return linearOf(this.#kind).build(this.#fields.get(this.#kind)!.read());
  }

  /** Whether the speculative decoder can reproduce what is chosen. */
  get speculates(): boolean {
    return this.#kind === "greedy" || linearOf(this.#kind).way !== undefined;
  }

  /** Whether a seed has a say. */
  get draws(): boolean {
    return linearOf(this.linear().kind).draws;
  }

  stages() {
    return stagesOf(this.#fields.get("sample")!.read());
  }

  say(): string {
    return linearOf(this.#kind).say(this.#fields.get(this.#kind)!.read());
  }
}
