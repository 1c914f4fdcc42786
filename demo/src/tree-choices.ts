/** The trees that the page offers, as data. */
import type { TreeAndRule } from "coppice";
import type { Option } from "./choice-group.ts";
import { one, type Field, type Values } from "./field.ts";
import { plural } from "./format.ts";

export type Tree = Exclude<NonNullable<TreeAndRule["tree"]>, string>;
export type TreeKind = Tree["kind"];

/** Nodes that one pass of the target scores, the root included. */
const MOST_NODES = 64;

export interface TreeChoice extends Option<TreeKind> {
  readonly fields: readonly Field[];
  readonly build: (values: Values) => Tree;
  /** The root included; undefined where it is not decided yet. */
  readonly nodes: (values: Values) => number | undefined;
  /** Its shape in a few words. */
  readonly say: (values: Values) => string;
}

const BELOW = { min: 1, max: MOST_NODES - 1 } as const;

/** The tree in a few words, for the folded panel. */
export function sayTree(tree: TreeChoice, values: Values): string {
  const nodes = tree.nodes(values);
  return nodes === undefined ? tree.say(values) : `${tree.say(values)} · ${plural(nodes, "node")}`;
}

/** What is wrong with a tree as a whole; "" where nothing is. */
export function objectionTo(tree: TreeChoice, values: Values): string {
  const nodes = tree.nodes(values);
  if (nodes === undefined || nodes <= MOST_NODES) return "";
  return `This makes a tree of ${nodes} nodes; the target reads at most ${MOST_NODES} in one pass.`;
}

/** The first is chosen. */
export const TREES: readonly [TreeChoice, ...TreeChoice[]] = [
  {
    kind: "best-first",
    label: "Best-first",
    line: "Grows where the draft is surest, until the budget of nodes is spent.",
    fields: [
      {
        name: "nodes",
        label: "Nodes",
        line: "How many the target reads in one pass.",
        initial: "16",
        min: 2,
        max: MOST_NODES,
      },
      {
        name: "depth",
        label: "Depth",
        line: "How many words ahead a path may run.",
        initial: "5",
        ...BELOW,
      },
      {
        name: "width",
        label: "Width",
        line: "How many guesses live on each level.",
        initial: "4",
        ...BELOW,
      },
      {
        name: "confidence",
        label: "Confidence",
        line: "Above 1 for a draft too sure of itself: the tree gets broader, and less deep.",
        initial: "1",
        min: 0.01,
        max: 10,
        real: true,
      },
    ],
    build: (values) => ({
      kind: "best-first",
      nodes: one(values, "nodes"),
      depth: one(values, "depth"),
      width: one(values, "width"),
      confidence: one(values, "confidence"),
    }),
    nodes: (values) => one(values, "nodes"),
    say: (values) => `best-first, ${one(values, "depth")} deep`,
  },
  {
    kind: "auto",
    label: "Adaptive",
    line: "Measures while it writes, and takes the tree that pays on this machine, or none.",
    fields: [],
    build: () => ({ kind: "auto" }),
    nodes: () => undefined,
    say: () => "adaptive, as it pays",
  },
  {
    kind: "rsd-s",
    label: "Beam",
    line: "RSD-S: whole paths compete; each level keeps the best, drawn without replacement.",
    fields: [
      {
        name: "width",
        label: "Width",
        line: "How many paths live side by side.",
        initial: "4",
        ...BELOW,
      },
      { name: "depth", label: "Depth", line: "How many words ahead.", initial: "4", ...BELOW },
    ],
    build: (values) => ({
      kind: "rsd-s",
      width: one(values, "width"),
      depth: one(values, "depth"),
    }),
    nodes: (values) => 1 + one(values, "width") * one(values, "depth"),
    say: (values) => `beam of ${one(values, "width")} paths, ${one(values, "depth")} deep`,
  },
  {
    kind: "rsd-c",
    label: "Constant branching",
    line: "RSD-C: each branch of a level forks as often as the next, drawn without replacement.",
    fields: [
      {
        name: "branching",
        label: "Branching",
        line: "Children per node, level by level: 3, 2, 1 makes 1 + 3 + 6 + 6 nodes.",
        initial: "3, 2, 1, 1",
        ...BELOW,
        list: true,
      },
    ],
    build: (values) => ({ kind: "rsd-c", branching: values["branching"] ?? [] }),
    nodes: (values) => {
      let level = 1;
      return (values["branching"] ?? []).reduce((sum, children) => sum + (level *= children), 1);
    },
    say: (values) => `branching ${(values["branching"] ?? []).join(", ")}`,
  },
  {
    kind: "paths",
    label: "Paths",
    line: "Paths drawn each on its own: the same word may be guessed twice. There for comparison.",
    fields: [
      { name: "count", label: "Paths", line: "How many.", initial: "3", ...BELOW },
      { name: "length", label: "Length", line: "How many words ahead.", initial: "4", ...BELOW },
    ],
    build: (values) => ({
      kind: "paths",
      count: one(values, "count"),
      length: one(values, "length"),
    }),
    nodes: (values) => 1 + one(values, "count") * one(values, "length"),
    say: (values) => `${one(values, "count")} paths of ${one(values, "length")}`,
  },
  {
    kind: "chain",
    label: "Chain",
    line: "One line of guesses: classic speculative decoding, no tree at all.",
    fields: [
      { name: "length", label: "Length", line: "How many words ahead.", initial: "4", ...BELOW },
    ],
    build: (values) => ({ kind: "chain", length: one(values, "length") }),
    nodes: (values) => 1 + one(values, "length"),
    say: (values) => `chain of ${one(values, "length")}`,
  },
];
