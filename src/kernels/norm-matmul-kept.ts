import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import columnGroups from "../../shaders/shared/column-groups.wgsl?raw";
import columns from "../../shaders/shared/columns.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import normDot from "../../shaders/shared/norm-dot.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import softcap from "../../shaders/shared/softcap.wgsl?raw";
import wgsl from "../../shaders/norm-matmul-kept.wgsl?raw";
import { defineKernel } from "../gpu/index.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** The last norm and a head that knows some tokens only. Its grid is `normMatmulGrid` of the kept ones. */
export const normMatmulKept = defineKernel({
  name: "norm-matmul-kept",
  wgsl,
  shared: [normDot, laneSums, columns, columnGroups, addDot, order, softcap],
  buffers: { x: "read", gain: "read", w: "read", kept: "read", logits: "read_write" },
  params: { rows: "u32", first: "u32", count: "u32", vocab: "u32", k4: "u32", eps: "f32" },
  constants: { SOFTCAP: 0 },
  statics: { ROWS: 1, WORKGROUP_SIZE: 64 },
  weights: WEIGHT_READERS,
});

/**
 * The kept tokens as the kernel reads them: the ids, then a bit per token of the vocabulary.
 * @param ids rising, each below `vocabSize`
 */
export function keptTokens(ids: readonly number[], vocabSize: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(ids.length + Math.ceil(vocabSize / 32));
  words.set(ids);
  for (const id of ids) words[ids.length + (id >>> 5)]! |= 1 << (id & 31);
  return words;
}
