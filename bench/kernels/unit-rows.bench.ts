import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, unitRows, unitRowsGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, ROWS, vector } from "../products.ts";

const variants = [...new Set([4, ...ROWS])].map((rows) => ({
  name: `${rows} rows of ${K}`,
  bytes: 2 * rows * K * 4,
  async prepare(gpu: Gpu) {
    const statics = { WORKGROUP_SIZE: laneCount(K) };
    const pipeline = gpu.kernels.compile(unitRows, { statics });
    const buffers = {
      x: vector(gpu, rows * K),
      gain: vector(gpu, K),
      rows: gpu.buffers.upload(
        "rows",
        Uint32Array.from({ length: 4 * rows }, (_, i) => Math.floor(i / 4)),
      ),
      units: gpu.buffers.storage("units", rows * K * 4),
    };
    return [pipeline.bind(gpu.buffers, buffers, { k4: K / 4 }), unitRowsGrid(rows)] as const;
  },
}));

benchKernel("unit-rows", variants);
