import type { Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  encodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  ROW_SURPRISE_BYTES,
  SURPRISE_RECORD_BYTES,
  surpriseRowsLanes,
  TARGET_TREE,
  verifyMirostat,
  verifyMirostatGrid,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree, VOCABS } from "../trees.ts";

/** A chain whose tokens are certain, so that all of it is walked: what a round costs at most. */
const variants = VOCABS.flatMap((vocab) =>
  [1, 5].flatMap((nodes) =>
    ([2, 1] as const).map((version) => ({
      name: `vocab ${vocab}, version ${version}, ${nodes} tokens`,
      bytes: nodes * vocab * 4,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: surpriseRowsLanes(vocab) };
        const pipeline = gpu.kernels.compile(verifyMirostat, { constants });
        const tree = levelTree(nodes, 1);
        const logits = new Float32Array(nodes * vocab);
        const rows = new Float32Array((nodes * ROW_SURPRISE_BYTES) / 4);
        for (let node = 0; node < nodes; node++) {
          for (let c = 0; c < vocab; c++) logits[node * vocab + c] = -0.001 * c;
          logits[node * vocab + (tree[node + 1]?.token ?? 0)] = 200;
          rows.set([200, 0, 1.1], 4 * node);
          new Uint32Array(rows.buffer)[4 * node + 3] = vocab;
        }
        const start = encodeControl({ base: 100, seed: 1 });
        const mu = Float32Array.of(4);
        const buffers = {
          logits: gpu.buffers.upload("logits", logits),
          row_surprise: gpu.buffers.upload("row_surprise", rows),
          tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
          control: gpu.buffers.upload("control", start),
          ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
          mu_state: gpu.buffers.upload("mu", mu),
          surprises: gpu.buffers.storage("surprises", RING_ROUNDS * SURPRISE_RECORD_BYTES),
        };
        const params = {
          nodes,
          vocab,
          version,
          truncated: 0,
          temperature: 1,
          tau: 3,
          eta: 1,
          mu_min: 0,
          mu_max: Math.log2(vocab),
          rounding: 0.5,
        };
        const bound = pipeline.bind(gpu.buffers, buffers, params);
        const restore = () => {
          gpu.buffers.write(buffers.control, 0, start);
          gpu.buffers.write(buffers.mu_state, 0, mu);
        };
        return [bound, verifyMirostatGrid(), restore] as const;
      },
    })),
  ),
);

benchKernel("verify-mirostat", variants);
