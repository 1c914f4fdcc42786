import wgsl from "../../shaders/quantise-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { type BlockType, GROUP } from "./weight-layout.ts";

/** Makes blocks of weights as they are stored in a file. */
export const quantiseRows = defineKernel({
  name: "quantise-rows",
  wgsl,
  buffers: { source: "read", w: "read_write", faults: "read_write" },
  params: {
    rows: "u32",
    k: "u32",
    first_row: "u32",
    tensor_row: "u32",
    source: "u32",
    slot: "u32",
  },
  constants: {},
  statics: { BITS: 8, WIDE: 0 },
});

/** `params.source`: how a file stores a weight. */
export const SOURCE_TYPES = { F32: 0, F16: 1, BF16: 2 } as const;

/** What `faults` holds of a tensor without any. */
export const NO_FAULT = 0xffffffff;

/** The statics for a type of blocks. */
export function quantiseStatics(type: BlockType): { BITS: number; WIDE: number } {
  return { BITS: type.startsWith("q8") ? 8 : 4, WIDE: type.endsWith("-wide") ? 1 : 0 };
}

/** `rows * k` at most 2^20, or one row. */
export function quantiseRowsGrid(rows: number, k: number): Grid {
  return [Math.ceil((rows * Math.ceil(k / GROUP)) / 64)];
}
