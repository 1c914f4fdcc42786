/** The tree of the speculative decoder, checked: every node has to fit the pass that scores them. */
import { CoppiceError } from "../errors.ts";
import {
  BEST_FIRST_DEFAULTS,
  MAX_TREE_NODES,
  type AutoTree,
  type TreeOptions,
} from "../options.ts";
import { checkChoice, checkNumber, checkRecord, show } from "./checks.ts";

/** `TreeOptions` with nothing left out. */
export type ResolvedTree =
  | AutoTree
  | {
      [K in TreeOptions["kind"]]: Required<Extract<TreeOptions, { kind: K }>>;
    }[TreeOptions["kind"]];

const FIELDS = {
  chain: ["kind", "length"],
  "rsd-c": ["kind", "branching"],
  "rsd-s": ["kind", "width", "depth"],
  paths: ["kind", "count", "length"],
  "best-first": ["kind", "nodes", "depth", "width", "confidence"],
  auto: ["kind"],
} as const;

const KINDS = ["chain", "rsd-c", "rsd-s", "paths", "best-first", "auto"] as const;

/** @throws CoppiceError `tree-invalid`, `option-invalid` (the kind) or `option-unknown`. */
export function resolveTree(field: string, value: unknown): ResolvedTree {
  if (value === undefined) return bestFirst(field, {});
  if (value === "auto") return { kind: "auto" };
  // The kind first: it decides which other fields there are.
  const { kind } = (typeof value === "object" && value !== null ? value : {}) as { kind?: unknown };
  const known = checkChoice(`${field}.kind`, kind, KINDS);
  const options = checkRecord<string>(field, value, FIELDS[known]);
  switch (known) {
    case "chain":
      return {
        kind: known,
        length: size(`${field}.length`, options["length"], 1, MAX_TREE_NODES - 1),
      };
    case "rsd-c":
      return { kind: known, branching: branching(`${field}.branching`, options["branching"]) };
    case "rsd-s": {
      const [width, depth] = rectangle(field, options, "width", "depth");
      return { kind: known, width, depth };
    }
    case "paths": {
      const [count, length] = rectangle(field, options, "count", "length");
      return { kind: known, count, length };
    }
    case "best-first":
      return bestFirst(field, options);
    case "auto":
      return { kind: known };
  }
}

function bestFirst(field: string, options: Readonly<Record<string, unknown>>): ResolvedTree {
  const below = MAX_TREE_NODES - 1;
  const ask = (name: "nodes" | "depth" | "width", min: number, max: number) =>
    size(`${field}.${name}`, options[name], min, max, BEST_FIRST_DEFAULTS[name]);
  const nodes = ask("nodes", 2, MAX_TREE_NODES);
  const depth = ask("depth", 1, below);
  const width = ask("width", 1, below);
  const confidence = checkNumber(
    `${field}.confidence`,
    options["confidence"],
    Number.MIN_VALUE,
    10,
    BEST_FIRST_DEFAULTS.confidence,
  );
  // A kept node's ancestors are kept too, so more levels or wider ones than nodes change nothing.
  return {
    kind: "best-first",
    nodes,
    depth: Math.min(depth, nodes - 1),
    width: Math.min(width, nodes - 1),
    confidence,
  };
}

/** Two sizes whose product is the number of nodes below the root. */
function rectangle(
  field: string,
  options: Readonly<Record<string, unknown>>,
  across: string,
  down: string,
): [number, number] {
  const below = MAX_TREE_NODES - 1;
  const a = size(`${field}.${across}`, options[across], 1, below);
  const b = size(`${field}.${down}`, options[down], 1, below);
  if (a * b <= below) return [a, b];
  throw treeInvalid(
    field,
    options,
    `a tree of at most ${MAX_TREE_NODES} nodes, the root included, not of ${1 + a * b}`,
    `Lower ${across} or ${down}: nodes = 1 + ${across} times ${down}.`,
  );
}

function branching(field: string, value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw treeInvalid(
      field,
      value,
      "a list of at least one number of children",
      "Give one number per level, such as [3, 2, 1].",
    );
  }
  let level = 1;
  let nodes = 1;
  for (const [depth, children] of value.entries()) {
    level *= size(`${field}[${depth}]`, children, 1, MAX_TREE_NODES - 1);
    nodes += level;
  }
  if (nodes > MAX_TREE_NODES) {
    throw treeInvalid(
      field,
      value,
      `a tree of at most ${MAX_TREE_NODES} nodes, the root included, not of ${nodes}`,
      "Use smaller numbers or fewer levels: nodes = 1 + b0 + b0 b1 + b0 b1 b2 + ...",
    );
  }
  return [...value] as number[];
}

function size(field: string, value: unknown, min: number, max: number, fallback?: number): number {
  if (value === undefined && fallback !== undefined) return fallback;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number;
  throw treeInvalid(
    field,
    value,
    `a whole number from ${min} to ${max}`,
    `Set ${field} to a whole number from ${min} to ${max}.`,
  );
}

function treeInvalid(field: string, value: unknown, rule: string, fix: string): CoppiceError {
  return new CoppiceError("tree-invalid", `${field} is ${show(value)}; it must be ${rule}.`, fix);
}
