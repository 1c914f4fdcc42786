// Damaged model files by the hundred thousand. Writes bench/results/format-fuzz.md.
//
//   npx vitest bench --run --project lavapipe bench/formats
//
// COPPICE_FUZZ_FILES: files in all, default 102,000. Takes some minutes; needs no GPU.
import { writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { bench } from "vitest";
import {
  FUZZ_SEEDS,
  fuzzCase,
  type FuzzFormat,
  mutate,
  tryFile,
} from "../../tests/support/format-fuzz.ts";

const FILES = Number(process.env["COPPICE_FUZZ_FILES"] ?? 102_000);
const SEED = Number(process.env["COPPICE_FUZZ_SEED"] ?? 7);
const RESULT = new URL("../results/format-fuzz.md", import.meta.url);
const FORMATS = Object.keys(FUZZ_SEEDS) as FuzzFormat[];

interface Tally {
  readonly format: FuzzFormat;
  readonly codes: Map<string, number>;
  files: number;
  /** Of the largest typed array to the file's size, for files of 1,000 bytes and more. */
  ratio: number;
}

async function tally(format: FuzzFormat): Promise<Tally> {
  const seeds = FUZZ_SEEDS[format];
  const found: Tally = { format, codes: new Map(), files: 0, ratio: 0 };
  await fc.assert(
    fc.asyncProperty(fuzzCase, async ({ seed, mutations }) => {
      const bytes = mutate(seeds[seed % seeds.length]!, mutations);
      const { code = "none: it loads", largest } = await tryFile(format, bytes);
      found.files += 1;
      found.codes.set(code, (found.codes.get(code) ?? 0) + 1);
      if (bytes.length >= 1000) found.ratio = Math.max(found.ratio, largest / bytes.length);
    }),
    { numRuns: Math.ceil(FILES / FORMATS.length), seed: SEED },
  );
  return found;
}

function report(tallies: readonly Tally[]): string {
  const number = (n: number): string => n.toLocaleString("en");
  const codes = [...new Set(tallies.flatMap(({ codes }) => [...codes.keys()]))].sort();
  const rows = tallies.map(({ format, files, ratio, codes: own }) =>
    [
      format,
      number(files),
      ...codes.map((code) => number(own.get(code) ?? 0)),
      ratio.toFixed(2),
    ].join(" | "),
  );
  const total = tallies.reduce((sum, { files }) => sum + files, 0);
  return `# Damaged model files

Written by \`npx vitest bench --run --project lavapipe bench/formats\`: ${number(total)} files, made with fast-check (seed ${SEED}) from small models of each
format by one to three changes each: bytes, bits, words of extreme value, cuts, parts left out or repeated, headers more often than weights. Each was
opened as a page would open it, its header, configuration and tokenizer read and every tensor of it converted. A run ends at the first file that
hangs, throws anything but a typed error of a fitting code, gives a tensor of another length than its shape, or asks for a typed array of more than
16 times the file's size (an f64 is 16 times the 4 bits it may stand for) and 64 kB. None did.

| format | files | ${codes.join(" | ")} | largest array / file |
| --- | --- | ${codes.map(() => "---").join(" | ")} | --- |
${rows.map((row) => `| ${row} |`).join("\n")}
`;
}

bench(
  "damaged files",
  async () => {
    const tallies: Tally[] = [];
    for (const format of FORMATS) tallies.push(await tally(format));
    writeFileSync(RESULT, report(tallies));
  },
  { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 },
);
