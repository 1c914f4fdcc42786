import type { Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  encodeControl,
  encodeEdits,
  encodeTokenTree,
  extendHistory,
  extendHistoryGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { NO_EDITS } from "../../tests/support/edit-cases.ts";
import { benchKernel } from "../harness.ts";

const VOCAB = 32000;

const variants = [0, 4, 63].map((accepted) => ({
  name: `${accepted} accepted`,
  bytes: (accepted + 1) * 12,
  async prepare(gpu: Gpu) {
    const { buffers: scope } = gpu;
    const pipeline = gpu.kernels.compile(extendHistory);
    const path = Array.from({ length: accepted + 1 }, (_, i) => i);
    const words = encodeControl({ base: 100 + accepted, round_base: 99, accepted });
    words.set(path, CONTROL.offsets.path / 4);
    const tree = path.map((token) => ({ token, parent: token - 1 }));
    const buffers = {
      control: scope.upload("control", words),
      tree: scope.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
      edits: scope.upload("edits", encodeEdits({ ...NO_EDITS, window: 64 }, 10, [])),
      history: scope.storage("history", 4096),
      seen: scope.storage("seen", VOCAB * 8),
    };
    return [pipeline.bind(scope, buffers, { counts: 1 }), extendHistoryGrid()] as const;
  },
}));

benchKernel("extend-history", variants);
