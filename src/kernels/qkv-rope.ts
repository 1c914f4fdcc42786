import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import columns from "../../shaders/shared/columns.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import normDot from "../../shaders/shared/norm-dot.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import wgsl from "../../shaders/qkv-rope.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { COLUMNS, rowTile } from "./row-tile.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** Norm, then queries, keys and values, with their bias where there is one; rotates q and k, and puts k and v into the cache. */
export const qkvRope = defineKernel({
  name: "qkv-rope",
  wgsl,
  shared: [rows, normDot, laneSums, columns, addDot],
  buffers: {
    x: "read",
    gain: "read",
    w: "read",
    rope: "read",
    rows: "read",
    q: "read_write",
    kv: "read_write",
  },
  params: {
    rows: "u32",
    k4: "u32",
    heads: "u32",
    kv_heads: "u32",
    head_dim: "u32",
    slots: "u32",
    eps: "f32",
  },
  constants: { BIAS: 0, ROTATE: 1 },
  statics: { ROWS: 1, WORKGROUP_SIZE: 64 },
  weights: WEIGHT_READERS,
});

/** `cols` is the height of w: (heads + 2 kv_heads) * head_dim. */
export function qkvRopeGrid(cols: number, rows: number, tile = rowTile(rows)): Grid {
  return [Math.ceil(cols / COLUMNS), Math.ceil(rows / tile)];
}
