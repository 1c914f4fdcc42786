import type { Gpu } from "../../src/gpu/index.ts";
import {
  attentionTile,
  attentionTree,
  attentionTreeGrid,
  encodeTokenTree,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { ROWS, vector } from "../products.ts";

const HEADS = software ? 4 : 32;
const KV_HEADS = software ? 2 : 8;
const HEAD_DIM = 64;
const PREFIXES = software ? [100] : [128, 1024, 4096];

const variants = PREFIXES.flatMap((base) =>
  ROWS.map((rows) => ({
    name: `prefix ${base}, ${rows} rows`,
    bytes: 2 * base * KV_HEADS * HEAD_DIM * 4,
    async prepare(gpu: Gpu) {
      const slots = base + 64;
      const pipeline = gpu.kernels.compile(attentionTree, {
        statics: { ...TARGET_TREE, TILE: attentionTile(HEAD_DIM) },
      });
      const nodes = Array.from({ length: rows }, (_, i) => ({
        token: 0,
        parent: i === 0 ? -1 : 0,
      }));
      const places = nodes.flatMap(({ parent }, r) => [
        r,
        base,
        base + (parent < 0 ? 0 : 1),
        base + r,
      ]);
      const buffers = {
        q: vector(gpu, rows * HEADS * HEAD_DIM),
        kv: vector(gpu, 2 * slots * KV_HEADS * HEAD_DIM),
        rows: gpu.buffers.upload("rows", Uint32Array.from(places)),
        tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, nodes)),
        out: gpu.buffers.storage("out", rows * HEADS * HEAD_DIM * 4),
      };
      const params = { heads: HEADS, kv_heads: KV_HEADS, head_dim: HEAD_DIM, slots };
      return [pipeline.bind(gpu.buffers, buffers, params), attentionTreeGrid(HEADS, rows)] as const;
    },
  })),
);

benchKernel("attention-tree", variants);
