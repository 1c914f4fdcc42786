import type { Gpu } from "../../src/gpu/index.ts";
import {
  DRAFTS,
  embedMix,
  embedMixGrid,
  encodeControl,
  encodeDrafts,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, matrix, matrixBytes, TYPES } from "../products.ts";

const VOCAB = 1024;

const variants = TYPES.flatMap((type) =>
  [1, 3, 10].map((live) => ({
    name: `${type}, ${live} drafts`,
    bytes: live * matrixBytes(1, K, type) + K * 4,
    async prepare(gpu: Gpu) {
      const pipeline = gpu.kernels.compile(embedMix, { weights: type });
      const drafts = encodeDrafts([1]);
      drafts[DRAFTS.offsets.live / 4] = live;
      for (let i = 0; i < live; i++) drafts[DRAFTS.offsets.token / 4 + i] = 37 * i;
      new Float32Array(drafts.buffer).fill(
        1 / live,
        DRAFTS.offsets.weight / 4,
        DRAFTS.offsets.score / 4,
      );
      const buffers = {
        control: gpu.buffers.upload("control", encodeControl({ base: 5 })),
        drafts: gpu.buffers.upload("drafts", drafts),
        w: matrix(gpu, VOCAB, K, type),
        rows: gpu.buffers.storage("rows", 16),
        x: gpu.buffers.storage("x", K * 4),
      };
      const bound = pipeline.bind(gpu.buffers, buffers, { cols4: K / 4 });
      return [bound, embedMixGrid(K / 4)] as const;
    },
  })),
);

benchKernel("embed-mix", variants);
