import type { Gpu } from "../../src/gpu/index.ts";
import {
  editRows,
  editRowsGrid,
  encodeControl,
  encodeEdits,
  encodeSeen,
  encodeTokenTree,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { NO_EDITS } from "../../tests/support/edit-cases.ts";
import { normals } from "../../tests/support/random.ts";
import { benchKernel } from "../harness.ts";
import { VOCABS } from "../trees.ts";

const ROWS = 8;
const TOKENS = 2000;

const EDITS = {
  nothing: NO_EDITS,
  repetition: { ...NO_EDITS, repetition: 1.1 },
  "repetition in 64": { ...NO_EDITS, repetition: 1.1, window: 64 },
  "n-grams": { ...NO_EDITS, noRepeatNgram: 3 },
};

const variants = VOCABS.flatMap((vocab) =>
  Object.entries(EDITS).map(([name, edits]) => ({
    name: `vocab ${vocab}, ${TOKENS} tokens, ${name}`,
    bytes: ROWS * TOKENS * 4,
    async prepare(gpu: Gpu) {
      const { buffers: scope } = gpu;
      const pipeline = gpu.kernels.compile(editRows);
      const normal = normals(vocab);
      const logits = Float32Array.from({ length: ROWS * vocab }, normal);
      const text = Array.from({ length: TOKENS }, (_, i) => (i * i * 7) % vocab);
      const tree = Array.from({ length: ROWS }, (_, i) => ({ token: i, parent: i - 1 }));
      const buffers = {
        control: scope.upload("control", encodeControl({ base: TOKENS - 1 })),
        tree: scope.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
        history: scope.upload("history", Uint32Array.from(text)),
        seen: scope.upload("seen", encodeSeen(text, edits.window, vocab)),
        edits: scope.upload("edits", encodeEdits(edits, 100, [])),
        logits: scope.upload("logits", logits),
      };
      const bound = pipeline.bind(scope, buffers, { vocab, node_start: 0, lag: 0 });
      const restore = () => scope.write(buffers.logits, 0, logits);
      return [bound, editRowsGrid(ROWS), restore] as const;
    },
  })),
);

benchKernel("edit-rows", variants);
