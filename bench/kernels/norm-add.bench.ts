import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, normAdd, normAddGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, ROWS, vector } from "../products.ts";

const variants = ROWS.map((rows) => ({
  name: `${rows} rows of ${K}`,
  bytes: 3 * rows * K * 4,
  async prepare(gpu: Gpu) {
    const statics = { WORKGROUP_SIZE: laneCount(K) };
    const pipeline = gpu.kernels.compile(normAdd, { statics });
    const [x, y, gain] = [vector(gpu, rows * K), vector(gpu, rows * K), vector(gpu, K)];
    const bound = pipeline.bind(gpu.buffers, { y, gain, x }, { k4: K / 4, eps: 1e-6 });
    return [bound, normAddGrid(rows)] as const;
  },
}));

benchKernel("norm-add", variants);
