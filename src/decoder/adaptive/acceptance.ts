/** How many tokens a round of each arm gives, learned from the rounds of all of them. */
import {
  acceptedWithin,
  depthOf,
  isWithin,
  type AcceptedPath,
  type Arm,
  type TreeSize,
} from "./arms.ts";
import { levelExposure } from "./level-exposure.ts";

/** Tokens of text after which an observation counts half: some paragraphs, since that is how text changes. */
const HALF_LIFE = 200;
/** What is believed of a level in the long run weighs as much as so many rounds of now. */
const ANCHOR_WEIGHT = 4;
/** Rounds that the long run consists of. */
const ANCHOR_ROUNDS = 100;
/** Tokens of text after which what an arm showed counts half as a reason not to try it again. */
const STALE = 2000;
/** Misses that an arm has to show before its own factor moves halfway. */
const FACTOR_WEIGHT = 10;
/** Misses after which an arm's own factor forgets; it belongs to the pair of models more than to the text. */
const FACTOR_MEMORY = 100;
/** A first guess is right as often as SmartSpec assumes before it knows (arXiv 2406.14066). */
const FIRST_MISS = 0.3;

interface Level {
  /** Decayed sums: paths that ended here, and how many would have, had every first guess been wrong. */
  misses: number;
  exposure: number;
  /** The long-run value; undefined until seen. */
  anchor: number | undefined;
  /** Rounds that it comes from, at most `ANCHOR_ROUNDS`. */
  rounds: number;
}

/**
 * Per level of the tree, the probability that the draft's first guess is wrong, from decayed counts; times the tree's
 * exposure at that level; times a factor per arm. The counts follow the text quickly and are shared, so a small tree
 * tells about a large one; the factors move slowly and hold what the model of exposure gets wrong.
 */
export class Acceptance {
  readonly #arms: readonly Arm[];
  readonly #levels: Level[];
  readonly #seen: { misses: number; expected: number; fresh: number }[];
  /** Per level, the probability that a first guess is wrong; undefined until needed again. */
  #believed: readonly number[] | undefined;
  /** Per arm, its expected tokens; empty until needed again. */
  #tokens: (number | undefined)[] = [];

  /** @param firstMiss Probability that a first guess is wrong, believed before any round, 0..1. */
  constructor(arms: readonly Arm[], firstMiss = FIRST_MISS) {
    this.#arms = arms;
    const deepest = Math.max(...arms.map(depthOf));
    this.#levels = Array.from({ length: deepest }, (_, level) => ({
      misses: 0,
      exposure: 0,
      anchor: level === 0 ? firstMiss : undefined,
      rounds: 0,
    }));
    this.#seen = arms.map(() => ({ misses: 0, expected: 0, fresh: 0 }));
  }

  /**
   * Tokens that a round is expected to give, the recovered or bonus token included: 1..depth + 1.
   * @param hope Standard deviations by which the arm's own factor is taken to be better than it looks. Default 0.
   */
  tokens(index: number, hope = 0): number {
    const known = this.#tokens[index];
    if (hope === 0 && known !== undefined) return known;
    const better = 1 - hope / Math.sqrt(FACTOR_WEIGHT + this.#seen[index]!.fresh);
    const believed = this.#missByLevel();
    const misses = this.#missesByLevel(
      index,
      believed.map((miss, level) => {
        const spread = Math.sqrt(
          (miss * (1 - miss)) / (ANCHOR_WEIGHT + this.#levels[level]!.exposure),
        );
        return clamp(miss - hope * spread);
      }),
      better,
    );
    let path = 1;
    let tokens = 1;
    for (const miss of misses) tokens += path *= 1 - miss;
    if (hope === 0) this.#tokens[index] = tokens;
    return tokens;
  }

  /**
   * `paths[i]` is what round i accepted. An arm whose tree lies within the one that ran would have accepted the path as far
   * as it stays within: that is told of it too, so that arms are compared by the same rounds.
   */
  observe(index: number, paths: readonly AcceptedPath[]): void {
    this.pass(paths.reduce((sum, path) => sum + path.length + 1, 0));
    const { tree } = this.#arms[index]!;
    if (tree === undefined) return;
    const believed = this.#missByLevel();
    const expected = this.#missesByLevel(index, believed);
    for (const path of paths) {
      for (let level = 0; level <= Math.min(path.length, depthOf({ tree }) - 1); level++) {
        const sums = this.#levels[level]!;
        sums.misses += level === path.length ? 1 : 0;
        sums.exposure += expected[level]! / believed[level]!;
        sums.anchor ??= believed[level]!;
      }
    }
    for (const [other, arm] of this.#arms.entries()) {
      if (!isWithin(arm, this.#arms[index]!)) continue;
      this.#compare(other, arm.tree!, believed, paths);
    }
    this.#forget();
    for (const [level, miss] of this.#missByLevel().entries()) {
      const sums = this.#levels[level]!;
      if (sums.anchor === undefined) continue;
      const news = paths.filter((path) => path.length >= level).length;
      sums.rounds = Math.min(sums.rounds + news, ANCHOR_ROUNDS);
      sums.anchor += (news / (sums.rounds + ANCHOR_WEIGHT)) * (miss - sums.anchor);
    }
  }

  /** What an arm missed against what it was expected to. */
  #compare(
    index: number,
    tree: TreeSize,
    believed: readonly number[],
    paths: readonly AcceptedPath[],
  ): void {
    const seen = this.#seen[index]!;
    const factor = this.#factor(index);
    const expected = this.#missesByLevel(index, believed);
    for (const path of paths) {
      const accepted = acceptedWithin(tree, path);
      for (let level = 0; level <= Math.min(accepted, expected.length - 1); level++) {
        const missed = level === accepted ? 1 : 0;
        seen.misses += missed;
        seen.fresh += missed;
        seen.expected += expected[level]! / factor;
      }
    }
    const forget = Math.min(1, FACTOR_MEMORY / Math.max(seen.expected, 1e-9));
    seen.misses *= forget;
    seen.expected *= forget;
  }

  /** So many tokens of text went by: what was seen before them says less about the next. */
  pass(tokens: number): void {
    this.#forget();
    const decay = 0.5 ** (tokens / HALF_LIFE);
    for (const level of this.#levels) {
      // The anchors stay: what is forgotten leaves its mean behind.
      level.misses *= decay;
      level.exposure *= decay;
    }
    for (const seen of this.#seen) seen.fresh *= 0.5 ** (tokens / STALE);
  }

  /** Per level, the probability that a first guess is wrong. */
  #missByLevel(): readonly number[] {
    return (this.#believed ??= this.#believe());
  }

  #forget(): void {
    this.#believed = undefined;
    this.#tokens = [];
  }

  #believe(): readonly number[] {
    let above = this.#levels[0]?.anchor ?? FIRST_MISS;
    return this.#levels.map(({ misses, exposure, anchor }) => {
      const prior = anchor ?? above;
      above = clamp((misses + ANCHOR_WEIGHT * prior) / (exposure + ANCHOR_WEIGHT));
      return above;
    });
  }

  /** Per level of an arm's tree, the probability that a path ends there. */
  #missesByLevel(index: number, miss: readonly number[], better = 1): number[] {
    const { tree, verify } = this.#arms[index]!;
    if (tree === undefined) return [];
    // Where shared noise makes sure of (1 - m) = overlap / (2 - overlap), rejection misses 1 - overlap = m / (2 - m).
    const rejecting = verify === undefined ? 1 : 1 / (2 - miss[0]!);
    const factor = this.#factor(index) * better * rejecting;
    const exposure = levelExposure(tree, miss[0]!);
    return Array.from({ length: depthOf({ tree }) }, (_, level) =>
      clamp(miss[level]! * exposure[level]! * factor),
    );
  }

  #factor(index: number): number {
    const { misses, expected } = this.#seen[index]!;
    return (misses + FACTOR_WEIGHT) / (expected + FACTOR_WEIGHT);
  }
}

/** No rate is believed to be quite 0 or 1, so that every ratio exists. */
function clamp(probability: number): number {
  return Math.max(0.005, Math.min(0.995, probability));
}
