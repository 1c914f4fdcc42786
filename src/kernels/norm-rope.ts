import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import wgsl from "../../shaders/norm-rope.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** Norms and rotates the heads of queries and new keys, where a model norms them: after qkv-rope without ROTATE. */
export const normRope = defineKernel({
  name: "norm-rope",
  wgsl,
  shared: [laneSums, rows],
  buffers: { gains: "read", rope: "read", rows: "read", q: "read_write", kv: "read_write" },
  params: { heads: "u32", kv_heads: "u32", head_dim: "u32", slots: "u32", eps: "f32" },
  constants: {},
  statics: { WORKGROUP_SIZE: 32 },
});

export function normRopeGrid(heads: number, kvHeads: number, rows: number): Grid {
  return [heads + kvHeads, rows];
}
