// A round costs one submission and one readback, whatever the tree.
import { describe, expect, test } from "vitest";
import type { TreeOptions } from "../../src/options.ts";
import {
  decodeTokens,
  loadTestModel,
  nextRound,
  roundSession,
  startSequence,
  withGpu,
} from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: TreeOptions[] = [
  { kind: "chain", length: 4 },
  { kind: "rsd-c", branching: [3, 2, 1] },
  { kind: "best-first", nodes: 12, depth: 4, width: 3 },
];
const model = tinyModel({ layers: 4, decay: 0.4 });

describe("counts", () => {
  test("a plain round is one submission and one readback", async () => {
    await withGpu(async (gpu) => {
      const session = await roundSession(gpu, await loadTestModel(gpu, model.files));
      await startSequence(session, [1, 2, 3, 4, 5]);
      const before = session.counts;
      for (let i = 0; i < 10; i++) await session.next();
      const after = session.counts;
      expect(after.submits - before.submits).toBe(10);
      expect(after.readbacks - before.readbacks).toBe(10);
      expect(after.targetForwards - before.targetForwards).toBe(10);
      // Embedding, 4 layers of 5, head, argmax, verify.
      expect(after.dispatchesPerRound).toBe(1 + 4 * 5 + 1 + 1 + 1);
    });
  });

  test.each(TREES)("a round of $kind is one submission and one readback", async (tree) => {
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const draft = await loadTestModel(gpu, model.files, { layers: 2 });
      const session = await roundSession(gpu, target, draft, tree);
      await startSequence(session, [1, 2, 3, 4, 5]);
      const before = session.counts;
      let tokens = 0;
      for (let i = 0; i < 10; i++) tokens += (await nextRound(session)).tokens.length;
      const after = session.counts;
      expect(after.submits - before.submits).toBe(10);
      expect(after.readbacks - before.readbacks).toBe(10);
      expect(after.targetForwards - before.targetForwards).toBe(10);
      expect(tokens).toBeGreaterThan(10);
    });
  });

  test("the bytes on the GPU do not grow while decoding", async () => {
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const draft = await loadTestModel(gpu, model.files, { layers: 2 });
      const session = await roundSession(gpu, target, draft, TREES[2]);
      await decodeTokens(session, [1, 2, 3], 10);
      const before = gpu.bytes;
      for (let i = 0; i < 5; i++) await decodeTokens(session, [1, 2, 3, 4], 20);
      expect(gpu.bytes).toBe(before);
    });
  });
});

test("the tree and the kept path come back when asked for, in the same readback", async () => {
  await withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 3 });
    const session = await roundSession(gpu, target, draft, TREES[2]);
    await startSequence(session, [1, 9, 4, 7]);
    const before = session.counts.readbacks;
    const { tree, path, tokens, accepted } = await nextRound(session, { trees: true });
    expect(session.counts.readbacks - before).toBe(1);
    expect(tree!.tokens).toHaveLength(12);
    expect(tree!.parents[0]).toBe(-1);
    expect(tree!.tokens[0]).toBe(7);
    expect(path).toHaveLength(accepted + 1);
    expect(path!.slice(1).map((node) => tree!.tokens[node])).toEqual(tokens.slice(0, accepted));
    for (let i = 1; i < 12; i++) expect(tree!.parents[i]).toBeLessThan(i);
    const deeper = tree!.parents
      .slice(1)
      .every((parent, i) => tree!.scores[i + 1]! <= tree!.scores[parent]!);
    expect(deeper, "scores fall along every path").toBe(true);
  });
});

test("the GPU's time is told per phase when asked for, in the same round trip", async () => {
  await withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const session = await roundSession(gpu, target, draft, TREES[2]);
    expect(session.hasTimestamps, "both software adapters have them").toBe(true);
    await startSequence(session, [1, 2, 3, 4, 5]);
    await session.next();
    expect(session.counts.phaseTimes).toBeUndefined();
    const before = session.counts;
    await session.next({ timed: true, rounds: 3 });
    const { phaseTimes, submits, readbacks } = session.counts;
    expect([submits - before.submits, readbacks - before.readbacks]).toEqual([1, 1]);
    for (const phase of ["draft", "score", "verify", "commit"] as const) {
      expect(phaseTimes![phase], phase).toBeGreaterThan(0);
    }
    await startSequence(session, [1, 2, 3]);
    await session.next({ timed: true, plan: "plain" });
    expect(session.counts.phaseTimes).toMatchObject({ draft: 0, commit: 0 });
  });
});
