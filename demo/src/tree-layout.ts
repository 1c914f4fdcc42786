/** Where each node of a token tree goes: depth to the right, leaves on rows of their own. Lengths in SVG units. */
import type { TokenOrigin, TreeSnapshot } from "coppice";
import { targetShares, type Growth } from "./rounds.ts";
import { wordOf } from "./words.ts";

const ROW = 27;
const GAP = 42;
const MARGIN = 12;
/** Room for the stump to the left of the root's word. */
const STUMP = 40;
/** Letters of a label; what is longer is cut at a word. */
const LONGEST = 24;

export interface LaidNode {
  /** -1 for the root. */
  readonly parent: number;
  readonly depth: number;
  readonly label: string;
  readonly kept: boolean;
  /** How sure the draft was of the whole path, 0..1; undefined for the target's own word, and where the scores do not say. */
  readonly confidence: number | undefined;
  /** What the target gives it after its parent, 0..1; undefined where it was not asked. */
  readonly share: number | undefined;
  /** Set for the target's own word, which was in no tree. */
  readonly origin: TokenOrigin | undefined;
  /** Left end and middle height of the label. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Layout {
  readonly nodes: readonly LaidNode[];
  readonly width: number;
  readonly height: number;
}

type Unplaced = Omit<LaidNode, "x" | "y" | "width">;

/** `measure` gives the width of a node, padding included. */
export function layOut(
  tree: TreeSnapshot,
  round: Growth,
  measure: (node: Pick<LaidNode, "label" | "share">) => number,
): Layout {
  const nodes = collect(tree, round);
  const widths = nodes.map(measure);
  const rows = placeRows(nodes);
  const columns: number[] = [MARGIN + STUMP];
  const widest: number[] = [];
  nodes.forEach(({ depth }, i) => (widest[depth] = Math.max(widest[depth] ?? 0, widths[i]!)));
  for (let depth = 1; depth < widest.length; depth++)
    columns[depth] = columns[depth - 1]! + widest[depth - 1]! + GAP;
  return {
    nodes: nodes.map((node, i) => ({
      ...node,
      x: columns[node.depth]!,
      y: MARGIN + (rows[i]! + 0.5) * ROW,
      width: widths[i]!,
    })),
    width: columns.at(-1)! + widest.at(-1)! + MARGIN,
    height: MARGIN * 2 + (Math.max(...rows) + 1) * ROW,
  };
}

/** The tree's nodes, and the target's own word as one more at the end of the kept path. */
function collect(tree: TreeSnapshot, round: Growth): Unplaced[] {
  const kept = new Set(tree.path);
  const shares = targetShares(round);
  const nodes = tree.tokens.map((_, i): Unplaced => ({
    parent: tree.parents[i]!,
    depth: tree.depths[i]!,
    label: shorten(wordOf(tree.texts[i] ?? "")),
    kept: kept.has(i),
    confidence: round.hasConfidence ? Math.exp(tree.scores[i] ?? 0) : undefined,
    share: shares[i],
    origin: undefined,
  }));
  const end = tree.path.at(-1) ?? 0;
  const own = round.tokens.at(-1);
  // Where the length ran out amid the kept path, the last token is one of the tree's.
  if (own && own.origin !== "accepted") {
    const depth = (nodes[end]?.depth ?? 0) + 1;
    nodes.push({
      parent: end,
      depth,
      label: wordOf(own.text),
      kept: true,
      confidence: undefined,
      share: own.logProbability === undefined ? undefined : Math.exp(own.logProbability),
      origin: own.origin,
    });
  }
  return nodes;
}

/** Leaves take rows in depth-first order; a parent sits in the middle of its children. */
function placeRows(nodes: readonly Unplaced[]): number[] {
  const children = nodes.map((): number[] => []);
  nodes.forEach(({ parent }, i) => children[parent]?.push(i));
  const rows: number[] = [];
  let free = 0;
  const place = (node: number): number => {
    const below = children[node]!.map(place);
    return (rows[node] = below.length === 0 ? free++ : (below[0]! + below.at(-1)!) / 2);
  };
  place(0);
  return rows;
}

function shorten(label: string): string {
  if (label.length <= LONGEST) return label;
  const start = label.slice(0, LONGEST).replace(/\s+\S*$/, "");
  return `${start} …`;
}
