import type { Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  encodeControl,
  gatheredBytes,
  gatherLogProbs,
  gatherLogProbsGrid,
  RING_ROUNDS,
  ROUND_RECORD,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";

const VOCAB = 32000;
const NODES = 16;

const variants = [0, 5, 20].map((tops) => ({
  name: `8 tokens, ${tops} alternatives`,
  bytes: 8 * (2 + 2 * tops) * 4,
  async prepare(gpu: Gpu) {
    const { buffers: scope } = gpu;
    const pipeline = gpu.kernels.compile(gatherLogProbs);
    const shape = { width: 8, tops };
    const k = Math.max(1, tops);
    const words = encodeControl({ round: 1 });
    words.set([0, 1, 2, 3, 4, 5, 6, 7], CONTROL.offsets.path / 4);
    const ring = new Uint32Array((RING_ROUNDS * ROUND_RECORD.bytes) / 4);
    ring[ROUND_RECORD.offsets.accepted / 4] = 7;
    const gathered = scope.storage("gathered", gatheredBytes(shape));
    const buffers = {
      control: scope.upload("control", words),
      ring: scope.upload("ring", ring),
      logits: scope.storage("logits", NODES * VOCAB * 4),
      candidates: scope.storage("candidates", NODES * k * 8),
      gathered,
    };
    const bound = pipeline.bind(scope, buffers, { vocab: VOCAB, k, ...shape });
    const restore = () => scope.write(gathered, 0, new Uint32Array(1));
    return [bound, gatherLogProbsGrid(), restore] as const;
  },
}));

benchKernel("gather-log-probs", variants);
