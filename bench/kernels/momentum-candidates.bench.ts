import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  encodeControl,
  encodeResistance,
  encodeTokenTree,
  momentumCandidates,
  momentumCandidatesGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";

const VOCAB = 2048;
const RESISTANCE = [1, 2, 3, 4, 5];

/** A text in which every candidate stands, and now and then what the text ends with before it. */
const variants = [200, 4000].flatMap((tokens) =>
  [1, 16, 64].flatMap((rows) =>
    [5, 64].map((k) => ({
      name: `${tokens} tokens, ${rows} rows, ${k} candidates`,
      bytes: rows * (tokens * 4 + k * CANDIDATE_BYTES),
      async prepare(gpu: Gpu) {
        const { buffers: scope } = gpu;
        const pipeline = gpu.kernels.compile(momentumCandidates);
        const text = Array.from({ length: tokens }, (_, i) => (i * i * 7) % VOCAB);
        const tree = Array.from({ length: rows }, (_, i) => ({ token: i, parent: i - 1 }));
        const words = new Uint32Array(2 * rows * k);
        const floats = new Float32Array(words.buffer);
        for (let i = 0; i < rows * k; i++) {
          words[2 * i] = ((i % k) * (i % k) * 7) % VOCAB;
          floats[2 * i + 1] = -1 - (i % k);
        }
        const buffers = {
          control: scope.upload("control", encodeControl({ base: tokens - 1 })),
          tree: scope.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
          history: scope.upload("history", Uint32Array.from(text)),
          resistance: scope.upload("resistance", encodeResistance(0.2, RESISTANCE)),
          sharpness: scope.upload("sharpness", Float32Array.of(1)),
          likely: scope.upload("likely", words),
          ranked: scope.storage("ranked", rows * k * CANDIDATE_BYTES),
          ids: scope.storage("ids", rows * 4),
        };
        const params = {
          node_start: 0,
          lag: 0,
          k,
          kept: k,
          top_k: k,
          longest: RESISTANCE.length + 1,
        };
        return [pipeline.bind(scope, buffers, params), momentumCandidatesGrid(rows)] as const;
      },
    })),
  ),
);

benchKernel("momentum-candidates", variants);
