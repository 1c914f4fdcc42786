import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import wgsl from "../../shaders/gather-log-probs.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { RING_ROUNDS } from "./tree-layout.ts";

/** How probable the model finds what a round kept, and what it would have found likelier. */
export const gatherLogProbs = defineKernel({
  name: "gather-log-probs",
  wgsl,
  shared: [candidate, control, ring],
  buffers: {
    control: "read",
    ring: "read",
    logits: "read",
    candidates: "read",
    gathered: "read_write",
  },
  params: { vocab: "u32", k: "u32", tops: "u32", width: "u32" },
  constants: { WORKGROUP_SIZE: 64, RING_ROUNDS: 32 },
});

export function gatherLogProbsGrid(): Grid {
  return [1];
}

/** A token's log-probability, nats, and the most probable tokens in its place. */
export interface DecodedLogProb {
  readonly logProbability: number;
  readonly top: readonly { readonly id: number; readonly logProbability: number }[];
}

/** How many log-probabilities a round may give: the most tokens of a round, and how many others beside each. */
export interface LogProbShape {
  readonly width: number;
  readonly tops: number;
}

const wordsPerToken = ({ tops }: LogProbShape): number => 1 + 2 * tops;

/** Where the records start, and bytes of each. */
export const GATHERED_HEADER_BYTES = 4;
export function logProbRecordBytes(shape: LogProbShape): number {
  return shape.width * wordsPerToken(shape) * 4;
}
export function gatheredBytes(shape: LogProbShape): number {
  return GATHERED_HEADER_BYTES + RING_ROUNDS * logProbRecordBytes(shape);
}

/** The first `count` tokens of the record at `index` of `data`, which starts with a record. */
export function decodeLogProbs(
  data: ArrayBuffer,
  index: number,
  shape: LogProbShape,
  count: number,
): DecodedLogProb[] {
  const stride = wordsPerToken(shape);
  return Array.from({ length: count }, (_, j) => {
    const offset = index * logProbRecordBytes(shape) + j * stride * 4;
    const ids = new Uint32Array(data, offset, stride);
    const logs = new Float32Array(data, offset, stride);
    const top = Array.from({ length: shape.tops }, (__, i) => ({
      id: ids[1 + 2 * i]!,
      logProbability: logs[2 + 2 * i]!,
    }));
    return { logProbability: logs[0]!, top };
  });
}
