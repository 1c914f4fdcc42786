/** What the playground is measured by: recorded texts and the table of the documentation. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/files.mjs";

interface Golden {
  readonly prompt: string;
  readonly text: string;
  /** Between the first and the second logit, per token. */
  readonly margins: readonly number[];
}

/** Of the recorded greedy texts the one whose first `count` tokens are decided most clearly. */
export function surestGolden(count: number): Golden {
  const { target } = JSON.parse(read("models/tales/golden/greedy.json")) as { target: Golden[] };
  const sureness = ({ margins }: Golden) => Math.min(...margins.slice(0, count));
  const usable = target.filter(({ prompt }) => prompt !== "");
  return usable.reduce((best, golden) => (sureness(golden) > sureness(best) ? golden : best));
}

/** What docs/speculation.md promises of a kind of tree; of one that is not in its table, the default rule. */
export function documentedRules(tree: string): string[] {
  const rows = read("docs/speculation.md")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  const [, , ...rules] = rows.find(([, first]) => first === "tree") ?? [];
  const [, , ...marks] = rows.find(([, first]) => first === tree) ?? ["", tree, "yes"];
  return rules.filter((_, i) => marks[i] === "yes");
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
