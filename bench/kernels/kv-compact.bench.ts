import type { Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  encodeControl,
  encodeTokenTree,
  kvCompact,
  kvCompactGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { vector } from "../products.ts";
import { levelTree } from "../trees.ts";

const PLANES = software ? 4 : 32; // two per layer
const KV_DIM = software ? 128 : 512;
const SLOTS = 256;
const BASE = 100;

const variants = [0, 1, 5, 31].map((accepted) => ({
  name: `${accepted} accepted`,
  bytes: 2 * accepted * PLANES * KV_DIM * 4,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(kvCompact);
    const control = encodeControl({ round_base: BASE, accepted });
    // Every other node, so that each row does move.
    control.set(
      Array.from({ length: accepted + 1 }, (_, j) => 2 * j),
      CONTROL.offsets.path / 4,
    );
    const buffers = {
      control: gpu.buffers.upload("control", control),
      tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, levelTree(64, 2))),
      kv: vector(gpu, PLANES * SLOTS * KV_DIM),
    };
    const params = { planes: PLANES, slots: SLOTS, kv_dim4: KV_DIM / 4, lag: 0 };
    const bound = pipeline.bind(gpu.buffers, buffers, params);
    return [bound, kvCompactGrid(KV_DIM / 4, PLANES)] as const;
  },
}));

benchKernel("kv-compact", variants);
