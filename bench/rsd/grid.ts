// The experiments of Recursive Speculative Decoding (arXiv 2402.14160, section 5 and appendix C): trees of one depth, and
// trees of one number of nodes. `coupled` and `traversal` are what this library adds to its table.
import type { TreeOptions, VerifyRule } from "../../src/options.ts";

export interface Cell {
  readonly experiment: "length" | "budget";
  /** Draft length, or drafted nodes. */
  readonly size: number;
  readonly method: string;
  readonly label: string;
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
}

/** Longest path of a tree: passes of the draft. */
export function depthOf(tree: TreeOptions): number {
  switch (tree.kind) {
    case "rsd-c":
      return tree.branching.length;
    case "rsd-s":
      return tree.depth;
    case "best-first":
      return tree.depth ?? 5;
    default:
      return tree.length;
  }
}

/** The paper's budgets with its (beam, length) pairs and branchings. */
const BUDGETS: readonly {
  readonly nodes: number;
  readonly beams: readonly (readonly [width: number, depth: number])[];
  readonly branchings: readonly (readonly number[])[];
}[] = [
  {
    nodes: 6,
    beams: [
      [2, 3],
      [3, 2],
    ],
    branchings: [
      [2, 1, 1],
      [2, 2],
      [3, 1],
    ],
  },
  {
    nodes: 10,
    beams: [
      [2, 5],
      [5, 2],
    ],
    branchings: [
      [2, 1, 1, 1, 1],
      [2, 2, 1],
      [5, 1],
    ],
  },
  {
    nodes: 14,
    beams: [
      [2, 7],
      [7, 2],
    ],
    branchings: [
      [2, 1, 1, 1, 1, 1, 1],
      [2, 2, 2],
      [7, 1],
    ],
  },
  {
    nodes: 21,
    beams: [
      [3, 7],
      [7, 3],
    ],
    branchings: [
      [3, 1, 1, 1, 1, 1, 1],
      [3, 2, 2],
      [7, 1, 1],
    ],
  },
  {
    nodes: 30,
    beams: [
      [5, 6],
      [6, 5],
    ],
    branchings: [
      [5, 1, 1, 1, 1, 1],
      [2, 2, 2, 2],
      [6, 1, 1, 1, 1],
    ],
  },
];

function budgetCells({ nodes, beams, branchings }: (typeof BUDGETS)[number]): Cell[] {
  const cell = (method: string, label: string, tree: TreeOptions, verify: VerifyRule): Cell => {
    return { experiment: "budget", size: nodes, method, label, tree, verify };
  };
  return [
    cell("SD", `${nodes}`, { kind: "chain", length: nodes }, "recursive"),
    ...beams.map(([count, length]) =>
      cell("SpecTr", `${count}x${length}`, { kind: "paths", count, length }, "spectr"),
    ),
    ...branchings.map((branching) =>
      cell("RSD-C", branching.join("-"), { kind: "rsd-c", branching }, "recursive"),
    ),
    ...beams.map(([width, depth]) =>
      cell("RSD-S", `${width}x${depth}`, { kind: "rsd-s", width, depth }, "recursive"),
    ),
    ...beams.map(([width, depth]) =>
      cell("traversal", `${width}x${depth}`, { kind: "rsd-s", width, depth }, "traversal"),
    ),
    ...beams.map(([width, depth]) => {
      // The budget goes where the draft is sure: deeper and narrower than a beam of the same size.
      const size = { nodes: nodes + 1, depth: depth + 2, width: width + 2 };
      const label = `${nodes} of ${size.width}x${size.depth}`;
      return cell("coupled", label, { kind: "best-first", ...size }, "coupled");
    }),
  ];
}

function lengthCells(length: number): Cell[] {
  const cell = (method: string, label: string, tree: TreeOptions, verify: VerifyRule): Cell => {
    return { experiment: "length", size: length, method, label, tree, verify };
  };
  const width = 3;
  const branching = Array.from({ length }, (_, i) => (i === 0 ? width : 1));
  const nodes = 1 + width * length;
  return [
    cell("SD", `${length}`, { kind: "chain", length }, "recursive"),
    cell("SpecTr", `${width}x${length}`, { kind: "paths", count: width, length }, "spectr"),
    cell("RSD-C", branching.join("-"), { kind: "rsd-c", branching }, "recursive"),
    cell("RSD-S", `${width}x${length}`, { kind: "rsd-s", width, depth: length }, "recursive"),
    cell("traversal", `${width}x${length}`, { kind: "rsd-s", width, depth: length }, "traversal"),
    cell(
      "coupled",
      `${nodes - 1} of ${width + 2}x${length}`,
      { kind: "best-first", nodes, depth: length, width: width + 2 },
      "coupled",
    ),
  ];
}

export const METHODS = ["SD", "SpecTr", "RSD-C", "RSD-S", "traversal", "coupled"] as const;

export const CELLS: readonly Cell[] = [
  ...[2, 3, 4, 5].flatMap(lengthCells),
  ...BUDGETS.flatMap(budgetCells),
];
