// Where a program's randomness comes from. Trees and rules are written against `Chance`, so that the same
// text runs once, at random, or again and again through every outcome it can have.

export interface Chance {
  /** True with this probability. */
  accept(probability: number): boolean;
  /** An index, with probability proportional to its weight; never one of weight 0. */
  draw(weights: readonly number[]): number;
}

export interface Outcome<T> {
  readonly value: T;
  readonly probability: number;
}

/** Chance from uniform numbers in [0, 1). */
export function randomChance(uniform: () => number): Chance {
  return {
    // Strict, so that a probability of 0 never accepts and one of 1 always does.
    accept: (probability) => uniform() < probability,
    draw(weights) {
      let left = uniform() * totalOf(weights);
      // Rounding may leave something after the last weight: then the last possible index it is.
      let last = -1;
      for (const [index, weight] of weights.entries()) {
        if (weight <= 0) continue;
        if (left < weight) return index;
        left -= weight;
        last = index;
      }
      return last;
    },
  };
}

interface Fork {
  readonly weights: readonly number[];
  readonly total: number;
  taken: number;
}

/**
 * Every outcome of a program with its exact probability. The program runs once per outcome: all but the last of the
 * choices of the run before are replayed, and that last one moves on to its next alternative.
 */
export function outcomes<T>(program: (chance: Chance) => T): Outcome<T>[] {
  const found: Outcome<T>[] = [];
  const forks: Fork[] = [];
  do {
    let depth = 0;
    let probability = 1;
    const draw = (weights: readonly number[]): number => {
      if (depth === forks.length) {
        forks.push({
          weights: [...weights],
          total: totalOf(weights),
          taken: nextIndex(weights, 0),
        });
      }
      const { weights: odds, total, taken } = forks[depth++]!;
      probability *= odds[taken]! / total;
      return taken;
    };
    const accept = (p: number) => draw([Math.min(1, p), Math.max(0, 1 - p)]) === 0;
    const value = program({ accept, draw });
    found.push({ value, probability });
  } while (moveOn(forks));
  return found;
}

/** Takes the next alternative of the last choice that has one, and forgets the choices after it. */
function moveOn(forks: Fork[]): boolean {
  for (let fork = forks.at(-1); fork; forks.pop(), fork = forks.at(-1)) {
    const next = nextIndex(fork.weights, fork.taken + 1);
    if (next < 0) continue;
    fork.taken = next;
    return true;
  }
  return false;
}

function nextIndex(weights: readonly number[], start: number): number {
  return weights.findIndex((weight, index) => index >= start && weight > 0);
}

function totalOf(weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Written so that NaN is refused too.
  if (!(total > 0) || weights.some((weight) => weight < 0)) {
    throw new Error(`no distribution: [${weights.join(", ")}]`);
  }
  return total;
}
