import wgsl from "../../shaders/keep-row.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** Keeps the row of logits that the next step's token will be chosen from: the next pass overwrites it. */
export const keepRow = defineKernel({
  name: "keep-row",
  wgsl,
  shared: [candidate, control],
  buffers: {
    control: "read",
    logits: "read",
    candidates: "read",
    kept: "read_write",
    kept_candidates: "read_write",
  },
  params: { vocab: "u32", k: "u32", opening: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function keepRowGrid(vocab: number): Grid {
  return [Math.ceil(vocab / keepRow.constants.WORKGROUP_SIZE)];
}
