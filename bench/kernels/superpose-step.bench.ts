import type { Gpu } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { uniforms } from "../../tests/support/random.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits } from "../trees.ts";

const VOCAB = 4096;

/** Contexts of one token to three, each followed by `CHOICES` tokens. */
function sections(): kernels.ScaledSection[] {
  const [contexts, choices] = [4000, 12];
  return [1, 2, 3].map((length) => ({
    scale: 0.1,
    section: {
      length,
      keys: Array.from({ length: contexts * length }, (_, i) => Math.floor(i / length)),
      starts: Array.from({ length: contexts + 1 }, (_, i) => i * choices),
      tokens: Array.from({ length: contexts * choices }, (_, i) => (i % choices) * 300),
      shares: Array.from({ length: contexts * choices }, () => 1 / choices),
    },
  }));
}

const variants = [
  [3, 9],
  [10, 30],
  [10, 64],
].flatMap(([k, m]) =>
  [0, 3].map((orders) => ({
    name: `${k} drafts, ${m} candidates, ${orders} orders of n-grams`,
    bytes: k! * m! * 8,
    async prepare(gpu: Gpu) {
      const pipeline = gpu.kernels.compile(kernels.superposeStep);
      const uniform = uniforms(1);
      const { header, arrays } = kernels.encodeSections(sections().slice(0, orders));
      const candidates = Uint32Array.from({ length: 2 * m! }, (_, i) =>
        i % 2 === 0 ? Math.floor(i / 2) * 60 + Math.floor(uniform() * 60) : 0,
      );
      // As many drafts as can be: a step after the first.
      const drafts = kernels.encodeDrafts([7, 7, 7, 7, 7]);
      drafts[0] = k!;
      const buffers = {
        logits: randomLogits(gpu, 1, VOCAB),
        candidates: gpu.buffers.upload("candidates", candidates),
        ngrams: gpu.buffers.upload("ngrams", Uint32Array.of(...header, ...arrays)),
        drafts: gpu.buffers.upload("drafts", drafts),
        control: gpu.buffers.upload("control", kernels.encodeControl({})),
        ring: gpu.buffers.storage("ring", kernels.RING_STEPS * kernels.STEP_RECORD.bytes),
      };
      const params = {
        drafts: k!,
        candidates: m!,
        alpha: orders > 0 ? 0.54 : 0,
        temperature: 0.06,
      };
      return [pipeline.bind(gpu.buffers, buffers, params), kernels.superposeStepGrid()] as const;
    },
  })),
);

benchKernel("superpose-step", variants);
