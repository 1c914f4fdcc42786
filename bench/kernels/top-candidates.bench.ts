import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits, VOCABS } from "../trees.ts";

const ROWS = 8;

const variants = VOCABS.flatMap((vocab) =>
  [1, 8, 63].flatMap((k) =>
    [...new Set([topCandidatesLanes(vocab, k), 64, 256])].map((lanes) => ({
      name: `vocab ${vocab}, k ${k}, ${lanes} lanes`,
      bytes: ROWS * vocab * 4,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = gpu.kernels.compile(topCandidates, { constants });
        const candidates = gpu.buffers.storage("candidates", ROWS * k * CANDIDATE_BYTES);
        const sharpness = gpu.buffers.upload("sharpness", Float32Array.of(1));
        const buffers = { logits: randomLogits(gpu, ROWS, vocab), sharpness, candidates };
        const bound = pipeline.bind(gpu.buffers, buffers, { vocab, k });
        return [bound, topCandidatesGrid(ROWS)] as const;
      },
    })),
  ),
);

benchKernel("top-candidates", variants);
