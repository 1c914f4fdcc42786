import { describe, expect, test } from "vitest";
import type { TreeOptions } from "../../../src/options.ts";
import { MAX_CANDIDATES, MAX_NODES, planTree } from "../../../src/tree/tree-plan.ts";

const VOCAB = 4096;

describe("planTree", () => {
  test("a chain is one node per level", () => {
    const plan = planTree({ kind: "chain", length: 3 }, VOCAB);
    expect(plan.levels).toEqual([
      { frontierStart: 1, frontierCount: 1, branching: 1, width: 1 },
      { frontierStart: 2, frontierCount: 1, branching: 1, width: 1 },
      { frontierStart: 3, frontierCount: 1, branching: 1, width: 1 },
    ]);
    expect(plan).toMatchObject({ nodes: 4, candidates: 5 });
  });

  test("constant branching keeps every child", () => {
    const plan = planTree({ kind: "rsd-c", branching: [3, 2, 1] }, VOCAB);
    expect(plan.levels.map((level) => level.width)).toEqual([3, 6, 6]);
    expect(plan).toMatchObject({ nodes: 16, candidates: 17 });
  });

  test("best-first grows more candidates than it keeps", () => {
    const plan = planTree({ kind: "best-first", nodes: 8, depth: 4, width: 4 }, VOCAB);
    expect(plan.levels.map((level) => level.width)).toEqual([4, 4, 4, 4]);
    expect(plan).toMatchObject({ nodes: 8, candidates: 18 });
  });

  test("no level keeps more nodes than the budget leaves for its depth", () => {
    const plan = planTree({ kind: "best-first", nodes: 5, depth: 9, width: 63 }, VOCAB);
    expect(plan.levels.map((level) => level.width)).toEqual([4, 3, 2, 1]);
    expect(plan.nodes).toBe(5);
  });

  test("a vocabulary smaller than the width limits the first levels", () => {
    const plan = planTree({ kind: "best-first", nodes: 20, depth: 2, width: 10 }, 3);
    expect(plan.levels.map((level) => [level.branching, level.width])).toEqual([
      [3, 3],
      [3, 9],
    ]);
    expect(plan.nodes).toBe(13);
  });

  test.each<[string, TreeOptions]>([
    ["the longest chain", { kind: "chain", length: 63 }],
    ["the widest star", { kind: "rsd-c", branching: [63] }],
    ["the largest binary tree", { kind: "rsd-c", branching: [2, 2, 2, 2, 2] }],
    ["the deepest best-first tree", { kind: "best-first", nodes: 64, depth: 63, width: 8 }],
    ["the widest best-first tree", { kind: "best-first", nodes: 64, depth: 8, width: 63 }],
  ])("%s fits", (_, options) => {
    const plan = planTree(options, VOCAB);
    expect(plan.nodes).toBeLessThanOrEqual(MAX_NODES);
    expect(plan.candidates).toBeLessThanOrEqual(MAX_CANDIDATES);
  });

  test.each<[string, TreeOptions, RegExp]>([
    ["a chain of 64", { kind: "chain", length: 64 }, /65 nodes; at most 64/],
    ["branching over budget", { kind: "rsd-c", branching: [8, 8] }, /73 nodes/],
    ["no branching", { kind: "rsd-c", branching: [] }, /no node below its root/],
    ["too many candidates", { kind: "best-first", nodes: 64, depth: 20, width: 63 }, /candidates/],
  ])("%s is refused", (_, options, message) => {
    expect(() => planTree(options, VOCAB)).toThrow(
      expect.objectContaining({ code: "tree-invalid" }),
    );
    expect(() => planTree(options, VOCAB)).toThrow(message);
  });

  test("levels follow each other without a gap", () => {
    const { levels } = planTree({ kind: "best-first", nodes: 30, depth: 6, width: 7 }, VOCAB);
    for (const [i, level] of levels.entries()) {
      const before = levels[i - 1];
      if (before) expect(level.frontierStart).toBe(before.frontierStart + before.frontierCount);
      if (before) expect(level.frontierCount).toBe(before.width);
    }
  });
});
