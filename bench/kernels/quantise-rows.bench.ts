import type { Gpu } from "../../src/gpu/index.ts";
import {
  NO_FAULT,
  quantiseRows,
  quantiseRowsGrid,
  quantiseStatics,
  SOURCE_TYPES,
  weightRowBytes,
} from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { K, matrix } from "../products.ts";

// A piece, as weights are loaded.
const ROWS = software ? 64 : 2 ** 20 / K;

const variants = (["q8", "q4"] as const).flatMap((type) =>
  (["F32", "F16", "BF16"] as const).map((source) => ({
    name: `${type} of ${source}`,
    bytes: ROWS * (K * (source === "F32" ? 4 : 2) + weightRowBytes(type, K)),
    async prepare(gpu: Gpu) {
      const pipeline = gpu.kernels.compile(quantiseRows, { statics: quantiseStatics(type) });
      const buffers = {
        source: matrix(gpu, ROWS, K, source === "F32" ? "f32" : "f16"),
        w: gpu.buffers.storage("w", ROWS * weightRowBytes(type, K)),
        faults: gpu.buffers.upload("faults", Uint32Array.of(NO_FAULT)),
      };
      const place = { first_row: 0, tensor_row: 0, slot: 0 };
      const params = { rows: ROWS, k: K, ...place, source: SOURCE_TYPES[source] };
      return [pipeline.bind(gpu.buffers, buffers, params), quantiseRowsGrid(ROWS, K)] as const;
    },
  })),
);

benchKernel("quantise-rows", variants);
