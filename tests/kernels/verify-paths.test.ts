import { describe, expect, test } from "vitest";
import { PATH_RULES, verifyPaths } from "../../src/kernels/index.ts";
import { verifyPaths as reference, type PathRule } from "../reference/verify-paths.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { pathsCases, withoutTokens } from "../support/rejection-cases.ts";
import { compareRounds, endRounds } from "../support/rejection-runs.ts";
import { faultTest, showsIn } from "../support/slow-adapters.ts";

type Shape = readonly [number, number];

/** Paths and their length. */
const SHAPES: readonly Shape[] = [
  [1, 1],
  [1, 63],
  [12, 1],
  [2, 3],
  [3, 2],
  [4, 5],
  [7, 9],
];

const FAULTS: Record<PathRule, [string, string, string][]> = {
  specinfer: [
    ["the residual is not renormalised", "return x / mass;", "return x;"],
    ["no residual", "var left = max(r - q, r * KEPT);", "var left = r;"],
    [
      "a rejected draw keeps its share",
      "if (c == rejected) { left = 0.0; }",
      "if (c == rejected) { left = r; }",
    ],
    ["the first path's token", "tree.token[child];", "tree.token[path_node(0u, depth + 1u)];"],
    ["paths that disagree are drawn on", "if (disagrees[path] == 1u) { continue; }", ""],
    ["not strict", "< target_share(token)", "<= target_share(token)"],
  ],
  spectr: [
    ["rho = 1", "return vec2(bounds.y, found);", "return vec2(1.0, found);"],
    ["one draw looked at", "return vec2(bounds.y, found);", "return vec2(bounds.y, 1.0);"],
    ["the residual of a single draw", "let taken = draws * min", "let taken = min"],
    ["drawn from the target", "leave_residual(lane); }", "target_rows[0] += 0.0; }"],
    ["every path counts", "agreeing += 1u;", "agreeing = params.paths;"],
  ],
};

describe.each(["specinfer", "spectr"] as const)("%s", (rule) => {
  const verdictsOf = (cases: Readonly<ReturnType<typeof pathsCases>>) =>
    cases.map((one) => reference(one, rule));
  const params = { rule: PATH_RULES[rule] };

  test("drawn paths: the path, the tokens, and whether the last one is a bonus", () =>
    withGpu(async (gpu) => {
      const cases = pathsCases(SHAPES, [2, 3, 5, 64, 257]);
      const verdicts = verdictsOf(cases);
      const found = await compareRounds(gpu, verifyPaths, cases, verdicts, { params });
      expect(found).toMatchObject({ wrong: [], impossible: [] });
      // More for K-SEQ: where p = q its equation has a root of K-th order, so that rounding moves rho.
      expect(found.doubtful).toBeLessThan(rule === "spectr" ? 0.08 : 0.03);
      // The cases must reach both endings and long paths, or they prove little.
      expect(new Set(verdicts.map(({ leaf }) => leaf)).size).toBe(2);
      expect(Math.max(...verdicts.map(({ path }) => path.length))).toBeGreaterThan(8);
    }));

  test("4096 tokens on 256 lanes", () =>
    withGpu(async (gpu) => {
      const cases = pathsCases([[3, 2]], [4096]);
      const options = { params, lanes: 256 };
      const found = await compareRounds(gpu, verifyPaths, cases, verdictsOf(cases), options);
      expect(found).toMatchObject({ wrong: [], impossible: [] });
      expect(found.doubtful).toBeLessThan(0.15);
    }));

  test("paths that nobody drew: no token that the target excludes", () =>
    withGpu(async (gpu) => {
      const cases = pathsCases([...SHAPES, [63, 1]], [2, 3, 5, 64], { tokens: "any" });
      const found = await compareRounds(gpu, verifyPaths, cases, verdictsOf(cases), { params });
      expect(found).toMatchObject({ wrong: [], impossible: [] });
      expect(found.doubtful).toBeLessThan(0.08);
    }));

  test("rows without a token end the round with some token of the vocabulary", () =>
    withGpu(async (gpu) => {
      const cases = pathsCases(SHAPES, [3, 64]).map(withoutTokens);
      const ended = await endRounds(gpu, verifyPaths, cases, { params });
      const last = ended.map(({ tokens }) => tokens.at(-1)!);
      expect(last.filter((token, i) => !(token < cases[i]!.vocab))).toEqual([]);
    }));

  test("after the end of the text nothing changes", () =>
    withGpu(async (gpu) => {
      const cases = pathsCases([[2, 3]], [5]);
      const ended = await endRounds(gpu, verifyPaths, cases, { params, done: 1 });
      for (const [i, { control, tokens }] of ended.entries()) {
        const { base, round } = cases[i]!;
        expect(control).toMatchObject({ base, round, pending: 3, previous: 5, accepted: 0 });
        expect(tokens).toEqual([]);
      }
    }));

  const shapes: Shape[] = [
    [4, 3],
    [6, 1],
  ];
  const relations = ["unlike", "some excluded"] as const;
  const faultCases = [
    ...pathsCases(shapes, [5, 64], { relations, times: 20 }),
    ...pathsCases(shapes, [5], { tokens: "any", times: 6 }),
  ];

  // A test each: a software adapter takes seconds to compile one.
  faultTest.each(FAULTS[rule])("a planted fault is seen: %s", (_, right, wrong) =>
    withGpu(async (gpu) => {
      const spec = plantFault(verifyPaths, right, wrong);
      const isSeen = await showsIn(faultCases, async (some) => {
        const found = await compareRounds(gpu, spec, some, verdictsOf(some), { params });
        return found.wrong.length > 0;
      });
      expect(isSeen).toBe(true);
    }),
  );
});
