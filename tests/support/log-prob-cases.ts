// Rows of logits that bite log-probabilities, and how far these may be off.
import { topCandidatesLanes } from "../../src/kernels/index.ts";
import { normals } from "./random.ts";
import { logError, shareErrors, SMALLEST, UNIT } from "./tolerance.ts";

/** `nodes` rows: plain ones, one in four with ties, one with -infinity, one that is certain. */
export function logitRows(vocab: number, nodes: number): Float32Array<ArrayBuffer> {
  const normal = normals(vocab);
  return Float32Array.from({ length: nodes * vocab }, (_, i) => {
    const [node, c] = [Math.floor(i / vocab), i % vocab];
    if (node % 4 === 1) return Math.round(normal());
    if (node % 4 === 2) return c % 3 === 1 ? -Infinity : normal();
    return node % 4 === 3 && c === 0 ? 60 : 4 * normal();
  });
}

/** Whether a log-probability under `row` is as near to another as a difference, a sum and the sum of exponentials allow. */
export function isCloseUnder(row: Float32Array): (a: number, b: number) => boolean {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const distances = [...row].filter((x) => x > -Infinity).map((x) => top - x);
  const { sum, relative } = shareErrors(distances, row.length, topCandidatesLanes(row.length, 1));
  const ofSum = relative + logError(sum) + SMALLEST;
  return (a, b) => a === b || Math.abs(a - b) <= ofSum + 4 * UNIT * (Math.abs(b) + Math.log(sum));
}
