/** How kernels read a weight matrix: a text per weight type, appended to the shader that has the buffer. */
import blocks from "../../shaders/shared/blocks.wgsl?raw";
import quantsQ4 from "../../shaders/shared/quants-q4.wgsl?raw";
import quantsQ8 from "../../shaders/shared/quants-q8.wgsl?raw";
import scalesF16 from "../../shaders/shared/scales-f16.wgsl?raw";
import scalesF32 from "../../shaders/shared/scales-f32.wgsl?raw";
import weightsF16 from "../../shaders/shared/weights-f16.wgsl?raw";
import weightsF32 from "../../shaders/shared/weights-f32.wgsl?raw";
import type { WeightType } from "../gpu/index.ts";

export const WEIGHT_READERS: Readonly<Record<WeightType, readonly string[]>> = {
  f32: [weightsF32],
  f16: [weightsF16],
  q8: [quantsQ8, scalesF16, blocks],
  q4: [quantsQ4, scalesF16, blocks],
  "q8-wide": [quantsQ8, scalesF32, blocks],
  "q4-wide": [quantsQ4, scalesF32, blocks],
};
