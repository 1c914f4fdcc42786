import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  CONTROL,
  encodeControl,
  keepRow,
  keepRowGrid,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { VOCABS } from "../trees.ts";

const [ROWS, TOPS] = [4, 20];

const variants = VOCABS.map((vocab) => ({
  name: `vocab ${vocab}`,
  bytes: 2 * vocab * 4,
  async prepare(gpu: Gpu) {
    const { buffers: scope } = gpu;
    const pipeline = gpu.kernels.compile(keepRow);
    const control = encodeControl({});
    control[CONTROL.offsets.path / 4 + 1] = ROWS;
    const buffers = {
      control: scope.upload("control", control),
      logits: scope.storage("logits", ROWS * vocab * 4),
      candidates: scope.storage("candidates", ROWS * TOPS * CANDIDATE_BYTES),
      kept: scope.storage("kept", vocab * 4),
      kept_candidates: scope.storage("kept candidates", TOPS * CANDIDATE_BYTES),
    };
    const params = { vocab, k: TOPS, opening: 0 };
    return [pipeline.bind(scope, buffers, params), keepRowGrid(vocab)] as const;
  },
}));

benchKernel("keep-row", variants);
