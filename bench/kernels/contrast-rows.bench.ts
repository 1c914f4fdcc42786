import type { Gpu } from "../../src/gpu/index.ts";
import {
  contrastRows,
  contrastRowsGrid,
  encodeControl,
  laneCount,
  rowTile,
} from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { K, vector } from "../products.ts";

const CONTEXT = software ? 256 : 4096;

/** The grid is that of the whole context, whatever the length of the text. */
const variants = [1 / 16, 1 / 2, 1].flatMap((share) =>
  [1, 4, 8, 16].map((candidates) => {
    const text = CONTEXT * share;
    return {
      name: `${text} of ${CONTEXT} positions, ${candidates} candidates`,
      bytes: (text + candidates) * K * 4,
      async prepare(gpu: Gpu) {
        const statics = { ROWS: rowTile(candidates), WORKGROUP_SIZE: laneCount(K) };
        const pipeline = gpu.kernels.compile(contrastRows, { statics });
        const slots = CONTEXT + 64;
        const buffers = {
          control: gpu.buffers.upload("control", encodeControl({ base: text - 1 })),
          units: vector(gpu, slots * K),
          similarities: gpu.buffers.storage("similarities", (slots / 4) * candidates * 4),
        };
        const bound = pipeline.bind(gpu.buffers, buffers, { candidates, k4: K / 4 });
        return [bound, contrastRowsGrid(slots, candidates)] as const;
      },
    };
  }),
);

benchKernel("contrast-rows", variants);
