import { test } from "vitest";
import { addNode, emptyTree } from "../reference/token-tree.ts";
import { verifyPaths } from "../reference/verify-paths.ts";
import { verifyRecursive } from "../reference/verify-recursive.ts";
import { verifyTraversal } from "../reference/verify-traversal.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import { uniforms } from "../support/random.ts";
import { drawToken, rowsOf, type Rows } from "../support/rejection-cases.ts";
import { branchingParents } from "../support/token-trees.ts";
const V = 4;
test("law", () => {
  const next = uniforms(5);
  const rules: [string, number[], (r: any) => any, boolean][] = [
    ["recursive", branchingParents([2, 2]), verifyRecursive, true],
    ["traversal", branchingParents([2, 2]), verifyTraversal, true],
    [
      "specinfer",
      [-1, 0, 0, 0, 1, 2, 3],
      (r) => verifyPaths({ ...r, paths: 3 }, "specinfer"),
      false,
    ],
    ["spectr", [-1, 0, 0, 0, 1, 2, 3], (r) => verifyPaths({ ...r, paths: 3 }, "spectr"), false],
  ];
  for (const relation of ["unlike", "some excluded"] as const)
    for (const [name, parents, rule, distinct] of rules) {
      const known = new Map<string, Rows>();
      const rowsAt = (path: number[]) => {
        const key = `${path}`;
        const index = path.reduce((a, b) => a * V + b, 1);
        const rows = known.get(key) ?? rowsOf(relation, V, 100 + 7 * index);
        known.set(key, rows);
        return rows;
      };
      const counts = new Map<string, number>();
      const N = 150000;
      for (let n = 0; n < N; n++) {
        const tree = emptyTree();
        const rows: Rows[] = [];
        const taken = parents.map(() => new Set<number>());
        parents.forEach((parent, i) => {
          let token = 0;
          if (i > 0) {
            token = drawToken(rows[parent]!.draft, distinct ? taken[parent]! : new Set(), next);
            taken[parent]!.add(token);
          }
          addNode(tree, { token, parent });
          rows.push(rowsAt(tree.ancestors[i]!.slice(1).map((a) => tree.tokens[a]!)));
        });
        const verdict = rule({
          tokens: tree.tokens,
          parents: tree.parents,
          target: rows.map((r) => r.target),
          draft: rows.map((r) => r.draft),
          seed: Math.floor(next() * 2 ** 32),
          base: Math.floor(next() * 5000),
        });
        const text = [...verdict.path.slice(1).map((i: number) => tree.tokens[i]!), verdict.token];
        while (text.length < 2) text.push(drawToken(rowsAt(text).target, new Set(), next));
        const key = `${text.slice(0, 2)}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      const law = new Map<string, number>();
      for (let a = 0; a < V; a++)
        for (let b = 0; b < V; b++) {
          const p = Math.exp(rowsAt([]).target[a]!) * Math.exp(rowsAt([a]).target[b]!);
          if (p > 0) law.set(`${a},${b}`, p);
        }
      console.log("LAW", relation, name, chiSquareExcess(counts, law).toFixed(2));
    }
}, 600000);
