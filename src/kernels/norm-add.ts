import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import wgsl from "../../shaders/norm-add.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** What a block gives, normed and added onto the residual stream: after matmul-add without ADD. */
export const normAdd = defineKernel({
  name: "norm-add",
  wgsl,
  shared: [laneSums],
  buffers: { y: "read", gain: "read", x: "read_write" },
  params: { k4: "u32", eps: "f32" },
  constants: {},
  statics: { WORKGROUP_SIZE: 64 },
});

export function normAddGrid(rows: number): Grid {
  return [rows];
}
