import wgsl from "../../shaders/kv-compact.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Commits the path that verification kept. `tree` is the verified tree for both caches: a draft
 * (`lag` 1) finds its own slots through `origin`. Two planes per layer, keys and values.
 */
export const kvCompact = defineKernel({
  name: "kv-compact",
  wgsl,
  shared: [control, tree],
  buffers: { control: "read", tree: "read", kv: "read_write" },
  params: { planes: "u32", slots: "u32", kv_dim4: "u32", lag: "u32" },
  constants: { WORKGROUP_SIZE: 64 },
  statics: { NODES: 64, LEVELS: 64 },
});

export function kvCompactGrid(kvDim4: number, planes: number): Grid {
  return [Math.ceil(kvDim4 / kvCompact.constants.WORKGROUP_SIZE), planes];
}
