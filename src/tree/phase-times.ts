/** The GPU's time by the parts of a round, added up over a text. */
import type { Phase } from "./rounds.ts";

export type PhaseTotals = Readonly<Record<Phase, number>>;

/** `times` in milliseconds, by phase; those that are left out took none. */
export function addPhases(
  totals: PhaseTotals | undefined,
  times: Readonly<Partial<Record<string, number>>>,
): PhaseTotals {
  const sum = (phase: Phase) => (totals?.[phase] ?? 0) + (times[phase] ?? 0);
  return {
    draft: sum("draft"),
    score: sum("score"),
    verify: sum("verify"),
    commit: sum("commit"),
  };
}
