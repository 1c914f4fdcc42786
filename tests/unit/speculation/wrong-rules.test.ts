// The proof by enumeration has teeth: every wrong tree and every wrong rule fails it by far.
import { expect, test } from "vitest";
import {
  drawPerPath,
  likelyFirst,
  noResidual,
  notRenormalised,
  tokenResidual,
  unlikelyPruned,
} from "../../reference/speculation/planted.ts";
import { recursive, type VerifyRule } from "../../reference/speculation/recursive.ts";
import { spectr } from "../../reference/speculation/spectr.ts";
import { traversal, traversalOf } from "../../reference/speculation/traversal.ts";
import {
  beamCase,
  branchingCase,
  chainCase,
  errorsOf,
  pathsCase,
  type TreeCase,
} from "../../support/speculation-cases.ts";

const BRANCHING = branchingCase(3, [2, 2]);
const BEAM = beamCase(3, 3, 2);
const PATHS = pathsCase(3, 2, 2);

const sorted = (tree: TreeCase) => ({ ...tree, grow: likelyFirst(tree.grow) });
const pruned = (tree: TreeCase) => ({ ...tree, grow: unlikelyPruned(tree.grow, 0.3) });

const WRONG: [string, TreeCase, VerifyRule][] = [
  ["rsd-c, likely siblings first", sorted(BRANCHING), recursive],
  ["rsd-s, likely siblings first", sorted(BEAM), recursive],
  ["rsd-c, likely siblings first, traversal", sorted(BRANCHING), traversal],
  ["rsd-c, unlikely children pruned", pruned(BRANCHING), recursive],
  ["rsd-s, unlikely children pruned", pruned(BEAM), recursive],
  ["rsd-c, draft's law not renormalised", BRANCHING, notRenormalised],
  ["rsd-s, draft's law not renormalised", BEAM, notRenormalised],
  ["rsd-c, no residual", BRANCHING, noResidual],
  ["rsd-s, no residual", BEAM, noResidual],
  ["block verification, residual of a single token", chainCase(3, 3), tokenResidual],
  ["one target draw per path, not per node", branchingCase(3, [2, 1]), drawPerPath],
  ["distinct draws taken for independent ones: spectr", BRANCHING, spectr],
  ["distinct draws taken for independent ones: traversal", BRANCHING, traversalOf("independently")],
  ["independent draws taken for distinct ones: recursive", PATHS, recursive],
  ["independent draws taken for distinct ones: traversal", PATHS, traversal],
];

test.each(WRONG)("caught, error > 1e-3: %s", (_, tree, rule) => {
  expect(Math.max(...Object.values(errorsOf(tree, rule)))).toBeGreaterThan(1e-3);
});
