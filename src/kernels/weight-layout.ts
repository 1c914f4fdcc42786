/**
 * Where the numbers of a weight matrix lie. A row is contiguous whatever its type, so stacking matrices is putting their
 * rows one after another. In blocks, a row is its groups of 64 weights and then its scales: `shaders/shared/blocks.wgsl`.
 */
import type { WeightType } from "../gpu/index.ts";

/** The types that are kept in blocks of 32 along K. */
export type BlockType = Exclude<WeightType, "f32" | "f16">;

/** Weights with one scale. */
export const BLOCK = 32;
/** Weights of two blocks, which are laid out together. */
export const GROUP = 2 * BLOCK;

/** Weights that a lane gets with one load of a row. */
export const PLACE_WEIGHTS: Readonly<Record<WeightType, number>> = {
  f32: 4,
  f16: 4,
  q8: 16,
  q4: 32,
  "q8-wide": 16,
  "q4-wide": 32,
};

export function isBlockType(type: WeightType): type is BlockType {
  return type !== "f32" && type !== "f16";
}

export interface BlockRow {
  /** Groups of `GROUP` weights; what K lacks to the last is padding. */
  readonly groups: number;
  /** Bytes of a group's integers. */
  readonly groupBytes: number;
  /** Where a row's scales begin, in bytes. */
  readonly scalesAt: number;
  /** Two f16 scales; or two f32 scales and two i32 zero points. */
  readonly scaleBytes: number;
  /** A multiple of 16. */
  readonly bytes: number;
}

/** A row of `k` weights in blocks. */
export function blockRow(type: BlockType, k: number): BlockRow {
  const groups = Math.ceil(k / GROUP);
  const groupBytes = type === "q8" || type === "q8-wide" ? GROUP : GROUP / 2;
  const scaleBytes = type === "q8" || type === "q4" ? 4 : 16;
  const scalesAt = groups * groupBytes;
  const bytes = Math.ceil((scalesAt + groups * scaleBytes) / 16) * 16;
  return { groups, groupBytes, scalesAt, scaleBytes, bytes };
}

/** Bytes of a row of `k` weights. */
export function weightRowBytes(type: WeightType, k: number): number {
  if (type === "f32") return k * 4;
  return type === "f16" ? k * 2 : blockRow(type, k).bytes;
}
