// The table and the plot of one pair at one temperature.
import { METHODS } from "./grid.ts";
import {
  blockEfficiency,
  type Estimate,
  type Measured,
  memoryBoundSpeedUp,
  pairedGain,
} from "./measure.ts";
import type { Pair } from "../../tests/support/real-pairs.ts";

const show = ({ mean, error }: Estimate): string => `${mean.toFixed(2)} ± ${error.toFixed(2)}`;
const percent = ({ mean, error }: Estimate): string =>
  `${mean >= 0 ? "+" : ""}${(100 * mean).toFixed(1)} ± ${(100 * error).toFixed(1)} %`;

/** The cell of a method with the highest block efficiency, as the paper reports it. */
function best(cells: readonly Measured[], method: string): Measured | undefined {
  return cells
    .filter(({ cell }) => cell.method === method)
    .sort((a, b) => blockEfficiency(b).mean - blockEfficiency(a).mean)[0];
}

/** Cells of one experiment and size, in the order of the grid. */
function groups(all: readonly Measured[], experiment: string): [number, Measured[]][] {
  const cells = all.filter(({ cell }) => cell.experiment === experiment);
  const sizes = [...new Set(cells.map(({ cell }) => cell.size))];
  return sizes.map((size) => [size, cells.filter(({ cell }) => cell.size === size)]);
}

export function table(pair: Pair, all: readonly Measured[]): string {
  const lines: string[] = [];
  for (const [experiment, title] of [
    ["length", "draft length"],
    ["budget", "drafted nodes"],
  ] as const) {
    if (groups(all, experiment).length === 0) continue;
    lines.push(
      `| ${title} | method | tree | block efficiency | MBSU | against RSD-S, paired |`,
      "| --- | --- | --- | --- | --- | --- |",
    );
    for (const [size, cells] of groups(all, experiment)) {
      const reference = best(cells, "RSD-S");
      for (const one of cells) {
        const gain = !reference || one === reference ? "" : percent(pairedGain(one, reference));
        const { method, label } = one.cell;
        const numbers = [show(blockEfficiency(one)), show(memoryBoundSpeedUp(pair, one)), gain];
        lines.push(`| ${[size, method, label, ...numbers].join(" | ")} |`);
      }
    }
    lines.push("");
  }
  return lines.join("\n");
}

const COLOURS: Record<string, string> = {
  SD: "#8a8a8a",
  SpecTr: "#b07d2b",
  "RSD-C": "#5b8c5a",
  "RSD-S": "#2f6f4f",
  traversal: "#3b6ea5",
  coupled: "#b3402a",
};
const [WIDTH, HEIGHT, MARGIN] = [360, 240, 36];

/** Block efficiency of each method's best tree over the size, with bars of one standard error. */
export function plot(title: string, all: readonly Measured[]): string {
  const present = (["length", "budget"] as const).filter((one) => groups(all, one).length > 0);
  const panels = present.map((experiment, i) =>
    panel(groups(all, experiment), experiment, i * WIDTH),
  );
  const legend = METHODS.map(
    (method, i) =>
      `<text x="${MARGIN + i * 110}" y="${HEIGHT + 34}" fill="${COLOURS[method]}">${method}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${HEIGHT + 48}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN}" y="16" font-size="13">${title}</text>
${[...panels, ...legend].join("\n")}
</svg>
`;
}

function panel(sizes: [number, Measured[]][], experiment: string, left: number): string {
  const points = METHODS.map((method) => ({
    method,
    at: sizes.flatMap(([size, cells]) => {
      const one = best(cells, method);
      return one ? [{ size, ...blockEfficiency(one) }] : [];
    }),
  }));
  const values = points.flatMap(({ at }) => at.map(({ mean }) => mean));
  const [low, high] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const [least, most] = [sizes[0]![0], sizes.at(-1)![0]];
  const x = (size: number) =>
    left + MARGIN + ((size - least) / (most - least)) * (WIDTH - 2 * MARGIN);
  const y = (value: number) =>
    HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2.2 * MARGIN);
  const parts = points.flatMap(({ method, at }) => {
    const colour = COLOURS[method]!;
    const line = at.map(({ size, mean }) => `${x(size).toFixed(1)},${y(mean).toFixed(1)}`);
    const bars = at.map(
      ({ size, mean, error }) =>
        `<path d="M${x(size).toFixed(1)} ${y(mean - error).toFixed(1)}V${y(mean + error).toFixed(1)}" stroke="${colour}"/>`,
    );
    return [
      `<polyline points="${line.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.6"/>`,
      ...bars,
    ];
  });
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i).map(
    (value) =>
      `<path d="M${left + MARGIN} ${y(value)}H${left + WIDTH - MARGIN}" stroke="#ddd"/><text x="${left + MARGIN - 14}" y="${y(value) + 4}">${value}</text>`,
  );
  const marks = sizes.map(([size]) => `<text x="${x(size) - 4}" y="${HEIGHT - 18}">${size}</text>`);
  const name = experiment === "length" ? "draft length" : "drafted nodes";
  const caption = `<text x="${left + WIDTH / 2 - 30}" y="${HEIGHT - 2}">${name}</text>`;
  return [...ticks, ...parts, ...marks, caption].join("\n");
}
