// The law of what the GPU writes, measured at length: every tree with every rule, and the wrong rules. Keeps what it has
// measured in .cache/law.json and writes bench/results/law.md, so that a run that is cut short goes on where it ended.
//
//   npx vitest bench --run --project lavapipe bench/law
//
// COPPICE_LAW_ROUNDS: rounds per combination, default 1,000,000. Takes hours on a software adapter.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import {
  COMBINATIONS,
  HARMLESS,
  PAIR,
  plantRule,
  STAGES,
  type WrongRule,
  WRONG_RULES,
} from "../../tests/support/law-cases.ts";
import { measureLaw } from "../../tests/support/law-run.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";
import { Records } from "../records.ts";
import { type Measured, report } from "./report.ts";

const ROUNDS = Number(process.env["COPPICE_LAW_ROUNDS"] ?? 1_000_000);
/** Rounds of a wrong rule: far fewer are enough. */
const POWER_ROUNDS = Math.min(ROUNDS, 40_000);
const COPIES = 250;
const RESULTS = new URL("../results/", import.meta.url);

type Case = Omit<Measured, "result" | "adapter">;

function cases(): Case[] {
  const right = (stages: (typeof STAGES)[number]) =>
    COMBINATIONS.map(([tree, verify]): Case => ({ kind: "right", tree, verify, stages }));
  const planted = (kind: "wrong" | "harmless", rules: readonly WrongRule[]) =>
    rules.map(({ name, tree, verify }): Case => {
      return { kind, name, tree, verify, stages: STAGES[0]! };
    });
  const [plain, ...others] = STAGES;
  return [
    ...right(plain!),
    ...planted("wrong", WRONG_RULES),
    ...planted("harmless", HARMLESS),
    ...others.flatMap(right),
  ];
}

const key = ({ kind, name, tree, verify, stages }: Case): string =>
  JSON.stringify([kind, name, tree, verify, stages]);

const records = new Records<Measured>("law", PAIR, key);

async function measure(one: Case, index: number): Promise<void> {
  const rounds = one.kind === "wrong" ? POWER_ROUNDS : ROUNDS;
  const known = records.find(key(one));
  if (known && known.result.rounds >= rounds) return;
  const rule = [...WRONG_RULES, ...HARMLESS].find(({ name }) => name === one.name);
  const started = performance.now();
  const measured = await withGpu(async (gpu): Promise<Measured> => {
    const { vendor, architecture, description } = gpu.adapter;
    const adapter = [vendor, architecture, description].filter(Boolean).join(" ");
    // Other seeds for each, so that the measurements are independent.
    const seed = 1 + index * COPIES;
    const faults = rule ? plantRule(rule) : {};
    const run = { ...one, pair: rule?.pair ?? PAIR, rounds, copies: COPIES, seed, faults };
    return { ...one, adapter, result: await measureLaw(gpu, run) };
  });
  const seconds = ((performance.now() - started) / 1000).toFixed();
  console.log(key(one), JSON.stringify(measured.result), `${seconds} s`);
  save(measured);
}

function save(measured: Measured): void {
  const order = cases().map(key);
  const all = records
    .save(measured)
    .toSorted((a, b) => order.indexOf(key(a)) - order.indexOf(key(b)));
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL("law.md", RESULTS), report(PAIR, all, order.length));
}

let done: Promise<void> | undefined;
async function run(): Promise<void> {
  for (const [index, one] of cases().entries()) await measure(one, index);
}

bench("law", () => (done ??= run()), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
