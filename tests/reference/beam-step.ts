// Beam search and diverse beam search in f64, over whole texts: Hugging Face's rules, from their definition.

export interface BeamSearchOptions {
  readonly groups: number;
  /** Beams per group. */
  readonly width: number;
  readonly maxTokens: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
  readonly diversity: number;
  readonly ends: readonly number[];
}

export interface Hypothesis {
  readonly tokens: readonly number[];
  readonly score: number;
}

export interface GroupState {
  running: Hypothesis[];
  /** Scores over length to the power of the penalty, best first. */
  finished: Hypothesis[];
  done: boolean;
}

/** The state before the first step: in every group one beam, the empty text. */
export function startBeams({ groups }: BeamSearchOptions): GroupState[] {
  return Array.from({ length: groups }, () => ({
    running: [{ tokens: [], score: 0 }],
    finished: [],
    done: false,
  }));
}

/**
 * One step of all groups. `next` gives the log-probabilities of every token after a text. Returns the least difference between
 * two numbers whose order mattered: where it is within rounding, another order is as right.
 */
export function stepBeams(
  state: GroupState[],
  next: (tokens: readonly number[]) => readonly number[],
  options: BeamSearchOptions,
): number {
  const { width, maxTokens, lengthPenalty, earlyStopping, diversity, ends } = options;
  const takenBefore: number[] = [];
  let margin = Infinity;
  const compared = (a: number, b: number) => {
    if (Number.isFinite(a) && Number.isFinite(b)) margin = Math.min(margin, Math.abs(a - b));
  };
  for (const group of state) {
    if (group.done) continue;
    const candidates = group.running.flatMap(({ tokens, score }, beam) =>
      next(tokens).map((logProbability, token) => {
        const times = takenBefore.filter((other) => other === token).length;
        return { beam, token, tokens, score: score + logProbability - diversity * times };
      }),
    );
    candidates.sort((a, b) => b.score - a.score || a.beam - b.beam || a.token - b.token);
    const keep = Math.max(2, 1 + ends.length) * width;
    candidates
      .slice(0, keep)
      .forEach((one, i) => compared(one.score, candidates[i + 1]?.score ?? -Infinity));
    const kept = candidates.slice(0, keep).filter(({ score }) => score > -Infinity);
    const running: Hypothesis[] = [];
    let goesOn = false;
    for (const [rank, { token, tokens, score }] of kept.entries()) {
      const text = [...tokens, token];
      const stops = ends.includes(token) || text.length >= maxTokens;
      if (!stops) {
        goesOn = true;
        if (running.length < width) running.push({ tokens: text, score });
      } else if (rank < width) {
        const final = score / text.length ** lengthPenalty;
        group.finished.forEach((other) => compared(final, other.score));
        group.finished.push({ tokens: text, score: final });
        // Stable: of equals the earlier one stays.
        group.finished.sort((a, b) => b.score - a.score);
        group.finished.length = Math.min(group.finished.length, width);
      }
    }
    group.running = running;
    takenBefore.push(...running.map(({ tokens }) => tokens.at(-1)!));
    if (!goesOn) group.done = true;
    if (group.finished.length < width || group.done) continue;
    const length = running[0]!.tokens.length;
    const reached = earlyStopping === "never" && lengthPenalty > 0 ? maxTokens : length;
    const best = running[0]!.score / reached ** lengthPenalty;
    const worst = group.finished.at(-1)!.score;
    if (earlyStopping !== true) compared(best, worst);
    if (earlyStopping === true || best <= worst) group.done = true;
  }
  return margin;
}
