// How near Mirostat keeps the surprise of the embedded target's texts to tau, and how fast it comes back after a stretch in
// which it cannot. Writes bench/results/mirostat-<part>.md; no times, since the numbers do not depend on the machine.
//
//   npx vitest bench --run --project lavapipe bench/mirostat
//
// COPPICE_MIROSTAT_SEEDS (default 20) and COPPICE_MIROSTAT_PARTS (default all: "tracking,recovery,feedback,version-1") say how much is run.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import type { MirostatDecoder } from "../../src/options.ts";
import { meanSurprise, writeByMirostat, type Written } from "../../tests/support/mirostat-texts.ts";
import { realPairs } from "../../tests/support/real-pairs.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";

const SEEDS = Array.from(
  { length: Number(process.env["COPPICE_MIROSTAT_SEEDS"] ?? 20) },
  (_, i) => 201 + i,
);
const PARTS = (
  process.env["COPPICE_MIROSTAT_PARTS"] ?? "tracking,recovery,feedback,version-1"
).split(",");
const RESULTS = new URL("../results/", import.meta.url);
const LENGTH = 200;
/** Tokens that a text is forced to start with, and those that follow, in windows. */
const FORCED = 50;
const WINDOW = 25;
const WINDOWS = 2;
const UNBOUNDED = [-10_000, 10_000] as const;

const kind = "mirostat";
/** mu so large that nothing is cut: plain sampling, with its surprise measured. */
const PLAIN: MirostatDecoder = { kind, muBounds: [100, 100] };

interface Row {
  readonly name: string;
  readonly mirostat: MirostatDecoder;
}

const LOG_V = [0, 12] as const;

const TABLES: Record<string, readonly Row[]> = {
  tracking: [
    { name: "no cut: the model's own", mirostat: PLAIN },
    ...[2.5, 3, 3.5, 4].map((tau) => ({
      name: `tau ${tau}`,
      mirostat: { kind, tau } as const,
    })),
  ],
  "version-1": [3, 4].map((tau) => ({
    name: `tau ${tau}`,
    mirostat: { kind, version: 1, tau } as const,
  })),
  feedback: [
    { name: "model, eta 0.3", mirostat: { kind, tau: 4, eta: 0.3 } },
    { name: "model, eta 1, mu held to 0..12", mirostat: { kind, tau: 4, muBounds: LOG_V } },
    { name: "truncated, eta 0.1", mirostat: { kind, tau: 4, surprise: "truncated" } },
  ],
};
const RECOVERY: Row[] = [
  { name: "eta 1, mu held to -25..37 (default)", mirostat: { kind } },
  { name: "eta 1, mu not held", mirostat: { kind, muBounds: UNBOUNDED } },
  { name: "eta 0.3, mu held to -7.5..19.5 (its default)", mirostat: { kind, eta: 0.3 } },
];

const show = ({ mean, error }: { mean: number; error: number }) =>
  `${mean.toFixed(3)} ± ${error.toFixed(3)}`;
const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

async function rows(
  gpu: Gpu,
  list: readonly Row[],
  line: (texts: readonly Written[], row: Row) => string,
  forced?: readonly number[],
): Promise<string[]> {
  const { target, prompts } = await realPairs["tales"]!(gpu);
  const lines: string[] = [];
  for (const row of list) {
    const length = forced ? forced.length + WINDOW * WINDOWS : LENGTH;
    const { mirostat } = row;
    const writing = { target, prompts, mirostat, seeds: SEEDS, length, ...(forced && { forced }) };
    const texts = await writeByMirostat(gpu, writing);
    lines.push(`| ${row.name} | ${line(texts, row)} |`);
    console.log(lines.at(-1));
  }
  return lines;
}

async function tracking(gpu: Gpu, list: readonly Row[]): Promise<string> {
  const lines = await rows(gpu, list, (texts) => {
    const each = texts.map((text) => meanSurprise([text], 0, LENGTH).mean);
    const mus = texts.flatMap(({ mus: all }) => all.slice(50));
    return [
      show(meanSurprise(texts, 0, LENGTH)),
      `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`,
      show(meanSurprise(texts, LENGTH / 2, LENGTH)),
      mean(mus).toFixed(1),
    ].join(" | ");
  });
  return [
    "| decoder | mean surprise, bits | of one text | of its second half | mean mu after 50 tokens |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

async function recovery(gpu: Gpu): Promise<string> {
  const { target, prompts } = await realPairs["tales"]!(gpu);
  const seeds = [SEEDS[0]!];
  const [text] = await writeByMirostat(gpu, {
    target,
    prompts,
    mirostat: PLAIN,
    seeds,
    length: FORCED,
  });
  const lines = await rows(
    gpu,
    RECOVERY,
    (texts) => {
      const windows = Array.from({ length: WINDOWS }, (_, i) => FORCED + i * WINDOW);
      const saturated = mean(texts.map(({ mus }) => mus[FORCED - 1]!));
      const cells = windows.map((from) => show(meanSurprise(texts, from, from + WINDOW)));
      return [saturated.toFixed(1), ...cells].join(" | ");
    },
    text!.tokens,
  );
  const titles = Array.from(
    { length: WINDOWS },
    (_, i) => `tokens ${i * WINDOW + 1} to ${(i + 1) * WINDOW}`,
  );
  return [
    `| decoder, tau 3 | mu at the end of the forced tokens | ${titles.join(" | ")} |`,
    `| --- | --- |${" --- |".repeat(WINDOWS)}`,
    ...lines,
  ].join("\n");
}

const ABOUT: Record<string, string> = {
  tracking: `${LENGTH} tokens per text. Everything but tau is as it is by default: version 2, the model's surprise, eta 1, mu held to -25..37.`,
  "version-1": `${LENGTH} tokens per text. Everything but tau is as it is by default: the model's surprise, eta 1, mu held to -25..37.`,
  feedback: `${LENGTH} tokens per text, version 2, tau 4; mu is held as it is by default where nothing else is said.`,
  recovery: `Version 2. Each text starts with ${FORCED} forced tokens, the same in all, which surprise nobody; mu rises meanwhile. Then the model writes on.`,
};

async function run(): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  for (const part of PARTS) {
    await withGpu(async (gpu) => {
      const table = part === "recovery" ? await recovery(gpu) : await tracking(gpu, TABLES[part]!);
      const { vendor, architecture, description } = gpu.adapter;
      const adapter = [vendor, architecture, description].filter(Boolean).join(" ");
      const text = `# Mirostat: ${part}

The embedded target, ${SEEDS.length} texts (one seed each), computed on ${adapter}. ${ABOUT[part]}
Surprise is -log2 of a token's probability under the model's whole distribution; ± is one standard error over the texts.

${table}
`;
      writeFileSync(new URL(`mirostat-${part}.md`, RESULTS), text);
      console.log(text);
    });
  }
}

let done: Promise<void> | undefined;
bench("mirostat", () => (done ??= run()), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
