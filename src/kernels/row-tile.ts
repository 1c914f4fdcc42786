/** The shape of the few-row matrix products: how many rows, columns and lanes a workgroup has. */
import type { WeightType } from "../gpu/index.ts";
import { PLACE_WEIGHTS } from "./weight-layout.ts";

/** Rows that share one load of the weights. */
export type RowTile = 1 | 2 | 4 | 8;

/** Rows of the weight matrix, so columns of the product, per workgroup. */
export const COLUMNS = 4;

/** The `ROWS` variant for a pass of `rows` rows: the smallest that holds them, else 8. */
export function rowTile(rows: number): RowTile {
  if (rows <= 1) return 1;
  if (rows <= 2) return 2;
  return rows <= 4 ? 4 : 8;
}

/**
 * A `WORKGROUP_SIZE` for products along `k`, 4 to `most`: four or more vec4 per lane, and a whole load of `type`. It sets
 * the order of the sums, so one value must serve all row tiles of a matrix. Software adapters run the lanes of a workgroup
 * one after another and pay for their memory and barriers: there `most` = 4 takes half the time.
 */
export function laneCount(k: number, most = 64, type: WeightType = "f32"): number {
  const least = Math.max(16, PLACE_WEIGHTS[type]);
  let lanes = most;
  while (lanes > 4 && lanes * least > k) lanes /= 2;
  return lanes;
}
