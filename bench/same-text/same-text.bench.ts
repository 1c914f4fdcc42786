// Shows over 100,000 tokens per pair of models that speculation changes no token of a text. It ends at the first token that
// differs, and writes what was compared to bench/results/same-text-<pair>.md.
//
//   npx vitest bench --run --project lavapipe bench/same-text
//
// COPPICE_SAME_TEXT_TOKENS (default 100000) and COPPICE_SAME_TEXT_PAIRS (default all that are there) say how much is compared.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { realPairs } from "../../tests/support/real-pairs.ts";
import { type Compared, compareTexts } from "../../tests/support/same-text.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";

const TOKENS = Number(process.env["COPPICE_SAME_TEXT_TOKENS"] ?? 100_000);
const PAIRS = process.env["COPPICE_SAME_TEXT_PAIRS"]?.split(",") ?? Object.keys(realPairs);
const RESULTS = new URL("../results/", import.meta.url);
const LENGTH = 150;

async function run(): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  for (const name of PAIRS) {
    const open = realPairs[name];
    if (!open)
      throw new Error(
        `There is no pair "${name}"; there are ${Object.keys(realPairs).join(", ")}.`,
      );
    await withGpu(async (gpu) => {
      const compared = await compareTexts(gpu, await open(gpu), TOKENS, LENGTH);
      const text = report(gpu, name, compared);
      writeFileSync(new URL(`same-text-${name}.md`, RESULTS), text);
      console.log(text);
    });
  }
}

function report(gpu: Gpu, name: string, compared: readonly Compared[]): string {
  const { vendor, architecture, description } = gpu.adapter;
  const sum = (some: readonly Compared[], what: "texts" | "tokens" | "rounds") =>
    some.reduce((total, one) => total + one[what], 0);
  const rows = [
    ...new Set(compared.map(({ drafter, stages }) => `${drafter} | ${JSON.stringify(stages)}`)),
  ];
  const lines = rows.map((row) => {
    const some = compared.filter(
      ({ drafter, stages }) => `${drafter} | ${JSON.stringify(stages)}` === row,
    );
    const efficiency = (sum(some, "tokens") / sum(some, "rounds")).toFixed(2);
    return `| ${row} | ${sum(some, "texts")} | ${sum(some, "tokens")} | ${efficiency} |`;
  });
  const trees = [...new Set(compared.map(({ tree }) => JSON.stringify(tree)))];
  return `# Same seed, same text: ${name}

${sum(compared, "tokens")} tokens of ${sum(compared, "texts")} speculative texts were compared with the plain text of the same seed: every one is equal.
Computed on ${[vendor, architecture, description].filter(Boolean).join(" ")}, with the coupled rule, 1 to 16 rounds per
readback and these trees in turn: ${trees.map((tree) => `\`${tree}\``).join(", ")}.
The adversary is a random model of the same vocabulary.

| drafter | stages | texts | tokens | tokens per round |
| --- | --- | --- | --- | --- |
${lines.join("\n")}
`;
}

let done: Promise<void> | undefined;
bench("same text", () => (done ??= run()), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
