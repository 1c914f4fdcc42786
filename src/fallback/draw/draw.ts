/** Which token a row of logits gives, by the stages and the shared noise, or by the largest logit. */
import type { ResolvedStages } from "../../options.ts";
import { gumbel } from "./noise.ts";
import { argmax, logSum, type Row } from "./rows.ts";
import { keepByStages } from "./stages.ts";

export interface Drawn {
  readonly id: number;
  /** Its log-probability under a softmax of the numbers it was the largest of: what drafts are ranked by. */
  readonly score: number;
}

/** `position` is that of the token drawn. At temperature 0 nothing is drawn. */
export function drawToken(row: Row, stages: ResolvedStages, seed: number, position: number): Drawn {
  if (stages.temperature === 0) return scoreOf(row, argmax(row));
  const { ids, logProbabilities } = keepByStages(row, stages);
  if (ids.length === 0) return { id: 0, score: 0 };
  const perturbed = Float64Array.from(
    ids,
    (id, i) => logProbabilities[i]! + gumbel(seed, position, id),
  );
  const best = argmax(perturbed);
  return { id: ids[best]!, score: scoreOf(perturbed, best).score };
}

/** An id with its log-probability in this row. */
export function scoreOf(row: ArrayLike<number>, id: number): Drawn {
  const score = row[id]! - logSum(row);
  return { id, score: Number.isFinite(score) ? Math.min(score, 0) : 0 };
}
