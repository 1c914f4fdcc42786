/** Draws one round's tree: the stump, the branches, and the path that was kept. */
import { make, makeSvg } from "./dom.ts";
import type { LaidNode, Layout } from "./tree-layout.ts";

/** Font of the labels; the same in tree.css, or the widths are wrong. */
const LABEL_FONT_SIZE = 15;
/** Of the target's percentage beside it. */
const SHARE_FONT_SIZE = 11;
const SHARE_GAP = 4;
const PADDING = 8;
const PILL = 22;

const context = document.createElement("canvas").getContext("2d");

/** Width of a node in the page's own font, padding included. */
export function nodeWidth({ label, share }: Pick<LaidNode, "label" | "share">): number {
  const number = shareText(share);
  const rest = number ? SHARE_GAP + textWidth(number, SHARE_FONT_SIZE) : 0;
  return Math.max(18, Math.ceil(textWidth(label, LABEL_FONT_SIZE) + rest) + PADDING * 2);
}

function textWidth(text: string, size: number): number {
  if (!context) return text.length * size * 0.5;
  context.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(text).width;
}

/** In whole percent; "" where nothing is known. */
function shareText(share: number | undefined): string {
  if (share === undefined) return "";
  return share < 0.005 ? "<1" : String(Math.round(share * 100));
}

/** `note` is given every node to say something of. */
export function drawTree(
  { nodes, width, height }: Layout,
  note: (element: SVGElement, index: number) => void,
): SVGSVGElement {
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const root = nodes[0];
  if (root) svg.append(stump(root.x - 20, root.y));
  // Kept branches last, so that they lie over the cut ones.
  const order = [...nodes.keys()].sort((a, b) => Number(nodes[a]!.kept) - Number(nodes[b]!.kept));
  for (const i of order) {
    const node = nodes[i]!;
    const parent = nodes[node.parent];
    if (parent) svg.append(...branch(parent, node));
  }
  nodes.forEach((node, i) => {
    const group = label(node);
    note(group, i);
    svg.append(group);
  });
  return svg;
}

/** What kind of node it is, as class names. */
function classOf({ kept, origin, parent }: LaidNode): string {
  if (parent < 0) return "root";
  if (origin) return `own ${origin}`;
  return kept ? "kept" : "cut";
}

function branch(parent: LaidNode, node: LaidNode): SVGElement[] {
  const [x1, y1, x2, y2] = [parent.x + parent.width, parent.y, node.x, node.y];
  const bend = Math.max(14, (x2 - x1) * 0.55);
  const path = makeSvg("path", {
    class: `branch ${classOf(node)}`,
    d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
    // As thick as the draft was sure of the whole path.
    "stroke-width": (1.25 + 5 * Math.sqrt(node.confidence ?? 0.04)).toFixed(2),
    pathLength: 1,
  });
  path.style.setProperty("--depth", String(node.depth));
  if (node.kept || !parent.kept) return [path];
  return [path, saw(x2 - 9, y2)];
}

/** The cut: where a branch leaves the kept path. */
function saw(x: number, y: number): SVGElement {
  return makeSvg("path", { class: "saw", d: `M${x - 2.5} ${y + 5}L${x + 2.5} ${y - 5}` });
}

/** The stump's cross-section, rings and all. */
function stump(cx: number, cy: number): SVGElement {
  const rings = [15, 10.5, 6.5, 2.5].map((r) => makeSvg("circle", { cx, cy, r }));
  const check = makeSvg("path", { class: "check", d: `M${cx} ${cy}l11 9.5` });
  return makeSvg("g", { class: "stump" }, ...rings, check);
}

/** What stands in the tree's place while there is none: the stump, and a line of words. */
export function noTree(line: string): HTMLElement {
  const svg = makeSvg(
    "svg",
    { viewBox: "0 0 64 34", width: 64, height: 34, "aria-hidden": "true" },
    stump(32, 17),
  );
  return make("p", { className: "tree-empty" }, svg, line);
}

function label(node: LaidNode): SVGElement {
  const text = makeSvg(
    "text",
    { x: node.x + node.width / 2, y: node.y + 5, "text-anchor": "middle" },
    makeSvg("tspan", { class: "word" }, node.label),
  );
  const number = shareText(node.share);
  if (number) text.append(makeSvg("tspan", { class: "share", dx: SHARE_GAP }, number));
  const pill = makeSvg("rect", {
    x: node.x,
    y: node.y - PILL / 2,
    width: node.width,
    height: PILL,
    rx: PILL / 2,
  });
  const group = makeSvg("g", { class: `node ${classOf(node)}` }, pill, text);
  group.style.setProperty("--depth", String(node.depth));
  return group;
}
