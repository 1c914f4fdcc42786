// Probabilities in f64, each with a bound on how far a kernel's f32 may be from it, so that a decision that
// rounding may turn around is known as one. What WGSL promises is in docs/numerics.md.
import * as noise from "./noise.ts";

/** Relative error of one operation; absolute error where a subnormal number becomes zero. */
export const UNIT = 2 ** -23;
const SMALLEST = 2 ** -126;

/** A number and its f32 error, absolute. */
export interface Rounded {
  readonly value: number;
  readonly error: number;
}

/** A row of them. An excluded token's zero is exact. */
export interface Shares {
  readonly values: Float64Array;
  readonly errors: Float64Array;
}

/** Lanes that add up a row; more of them add up less each. */
const LANES = 64;
/** What the kernels leave of a share where the draft claims all of it. */
const KEPT = 2 ** -40;

export function exactly(value: number): Rounded {
  return { value, error: 0 };
}

export function product(a: Rounded, b: Rounded): Rounded {
  if (isNothing(a) || isNothing(b)) return exactly(0);
  const value = a.value * b.value;
  const error = a.error * Math.abs(b.value) + b.error * Math.abs(a.value) + a.error * b.error;
  return { value, error: error + UNIT * (Math.abs(value) + error) + SMALLEST };
}

function isNothing({ value, error }: Rounded): boolean {
  return value === 0 && error === 0;
}

/** A share: a / b where b is at least a, so that no error takes it beyond 0 and 1. */
export function ratio(a: Rounded, b: Rounded): Rounded {
  if (isNothing(a)) return a;
  const share = (x: number, y: number) => (y > 0 ? Math.min(1, Math.max(0, x) / y) : 1);
  const value = share(a.value, b.value);
  const low = share(a.value - a.error, b.value + b.error);
  const high = share(a.value + a.error, b.value - b.error);
  const error = Math.max(high - value, value - low);
  return { value, error: error + 3 * UNIT * high + SMALLEST };
}

export function at({ values, errors }: Shares, token: number): Rounded {
  return { value: values[token]!, error: errors[token]! };
}

function sharesOf(length: number, make: (token: number) => Rounded): Shares {
  const shares = { values: new Float64Array(length), errors: new Float64Array(length) };
  for (let token = 0; token < length; token++) {
    const { value, error } = make(token);
    shares.values[token] = value;
    shares.errors[token] = error;
  }
  return shares;
}

/** `make` for the tokens that are there, zero for the others. */
function mapShares(shares: Shares, make: (x: Rounded, token: number) => Rounded): Shares {
  return sharesOf(shares.values.length, (token) => {
    const x = at(shares, token);
    return isNothing(x) ? x : make(x, token);
  });
}

/** exp of a row of log-probabilities. */
export function probabilities(row: ArrayLike<number>): Shares {
  return sharesOf(row.length, (token) => {
    const log = row[token]!;
    const value = Math.exp(log);
    return {
      value,
      error: log === -Infinity ? 0 : value * (3 + 2 * Math.abs(log)) * UNIT + SMALLEST,
    };
  });
}

/** The positive part of a - b, and a trace of a where there is none. */
export function positivePart(a: Shares, b: Shares): Shares {
  return mapShares(a, (x, token) => {
    const y = at(b, token);
    const difference = x.value - y.value;
    const inputs = x.error + y.error;
    const error = inputs + UNIT * (Math.abs(difference) + inputs) + SMALLEST;
    // What is clearly negative is cut off together with its error.
    const high = Math.max(difference + error, 0);
    const kept = KEPT * x.value;
    return { value: Math.max(difference, kept), error: Math.min(error, high) + kept };
  });
}

export function scaled(shares: Shares, factor: Rounded): Shares {
  return mapShares(shares, (x) => product(x, factor));
}

export function without(shares: Shares, dropped: number): Shares {
  return mapShares(shares, (x, token) => (token === dropped ? exactly(0) : x));
}

export function massOf({ values, errors }: Shares): Rounded {
  const value = values.reduce((sum, x) => sum + x, 0);
  const error = errors.reduce((sum, x) => sum + x, 0);
  const additions = Math.ceil(values.length / LANES) + 32;
  return { value, error: error + 1.01 * additions * UNIT * (value + error) };
}

/** Divided by what they add up to. */
export function normalised(shares: Shares, mass = massOf(shares)): Shares {
  return mapShares(shares, (x) => ratio(x, mass));
}

/** How far a kernel's Gumbel noise may be from its f64 value. */
function gumbelError(u: number): number {
  const exponential = -Math.log1p(-u);
  // u: a conversion, an addition, a product. Below 1/32 five terms of a series, short by u^5 / 6 < 5e-9; above, a
  // subtraction and a log that is off by 2^-21 or 3 ulp. What is next to 1 may come out as 1.
  const series = 14 * UNIT * exponential;
  const log = (4 * UNIT) / (1 - u) + Math.max(2 ** -21, 3 * UNIT * exponential);
  const relative = (u < 0.0312 ? series : Math.max(series, log)) / exponential;
  const value = Math.abs(Math.log(exponential));
  const moved = relative < 1 ? -Math.log1p(-relative) : Infinity;
  return moved + Math.max(2 ** -21, 3 * UNIT * value);
}

/** One round's random numbers, and whether any of its decisions was within rounding of the other outcome. */
export class Decisions {
  doubtful = false;
  readonly #seed: number;
  readonly #base: number;

  constructor({ seed, base }: { readonly seed: number; readonly base: number }) {
    this.#seed = seed;
    this.#base = base;
  }

  /** The number that decides about a node. */
  uniform(node: number): Rounded {
    const place = noise.drawPlace(this.#base, node);
    return exactly(noise.uniformNumber(this.#seed, noise.ACCEPTANCE, place, 0));
  }

  isLess(a: Rounded, b: Rounded): boolean {
    const errors = a.error + b.error;
    // Written so that an infinite error is a doubt; two exact numbers never are.
    if (errors > 0 && !(Math.abs(a.value - b.value) > errors)) this.doubtful = true;
    return a.value < b.value;
  }

  /** A token in proportion to its share, with the noise of a node; undefined where there is none. */
  draw(node: number, { values, errors }: Shares): number | undefined {
    const log = (x: number) => Math.log(Math.max(0, x));
    return this.#perturbed(node, values.map(log), (token) => {
      const [value, error] = [values[token]!, errors[token]!];
      const [low, high] = [log(value - error), log(value + error)];
      const own = (x: number) => Math.max(2 ** -21, 3 * UNIT * Math.abs(x));
      return [low - own(low), high > -Infinity ? high + own(high) : high];
    });
  }

  /** The same from log-probabilities, which are as they are. */
  drawFromLogs(node: number, logs: ArrayLike<number>): number | undefined {
    return this.#perturbed(node, logs, (token) => [logs[token]!, logs[token]!]);
  }

  #perturbed(
    node: number,
    logs: ArrayLike<number>,
    bounds: (token: number) => readonly [number, number],
  ): number | undefined {
    const place = noise.drawPlace(this.#base, node);
    let best: { token: number; score: number; low: number } | undefined;
    const highs = new Float64Array(logs.length);
    for (let token = 0; token < logs.length; token++) {
      const key = [this.#seed, noise.RESIDUAL, place, token] as const;
      const [low, high] = bounds(token);
      const gumbel = noise.gumbel(...key);
      const error = gumbelError(noise.fineUniform(...key));
      const score = logs[token]! + gumbel;
      const rounded = (bound: number, sign: number) =>
        bound + sign * (error + UNIT * (Math.abs(bound) + error));
      highs[token] = high === -Infinity ? high : rounded(high + gumbel, 1);
      if (score > (best?.score ?? -Infinity)) {
        best = { token, score, low: low === -Infinity ? low : rounded(low + gumbel, -1) };
      }
    }
    const least = best?.low ?? -Infinity;
    const isRival = (high: number, token: number) =>
      high > -Infinity && high >= least && token !== best?.token;
    if (highs.some(isRival)) this.doubtful = true;
    return best?.token;
  }
}

/** What a round keeps and emits. */
export interface Verdict {
  /** Nodes from the root on. */
  readonly path: number[];
  /** The token after it; undefined where the target's row has none. */
  readonly token: number | undefined;
  /** The last token was drawn at a node without children. */
  readonly leaf: boolean;
  /** Rounding may turn one of the decisions around. */
  readonly doubtful: boolean;
}

/** What the references of the rejecting rules take. */
export interface RejectionRound {
  readonly tokens: readonly number[];
  readonly parents: readonly number[];
  /** Log-probabilities after every node; a leaf's draft row is not looked at. */
  readonly target: readonly ArrayLike<number>[];
  readonly draft: readonly ArrayLike<number>[];
  readonly seed: number;
  readonly base: number;
}

export function childrenOf({ parents }: Pick<RejectionRound, "parents">, node: number): number[] {
  return parents.flatMap((parent, i) => (parent === node ? [i] : []));
}

export function pathTo({ parents }: Pick<RejectionRound, "parents">, node: number): number[] {
  return node === 0 ? [0] : [...pathTo({ parents }, parents[node]!), node];
}
