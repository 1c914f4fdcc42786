// The built package in a real Firefox, whose shader compiler (naga) is another than Chromium's and Dawn's: what the
// embedded pair writes there, and that speculation changes none of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  Decoder,
  DraftsOptions,
  DraftsResult,
  GenerateOptions,
  GenerateResult,
  SamplingStages,
  StreamToken,
  TreeAndRule,
} from "coppice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { firefoxDriver } from "../../scripts/lib/firefox.mjs";
import { kernelModules } from "../support/kernel-modules.ts";
import { LOGIT_ERROR } from "../support/logits.ts";
import { resultOf, TestBrowser, valueOf } from "./browser.ts";
import { FirefoxPage } from "./firefox.ts";

const TALES = join(ROOT, "models/tales");
const PROMPT = "Once upon a time";
const COUNT = 24;
const SEED = 7;

/** Same seed, same text as without a tree. */
const COUPLED: readonly TreeAndRule[] = [
  { tree: { kind: "chain", length: 3 } },
  { tree: { kind: "rsd-c", branching: [3, 2] } },
  { tree: { kind: "rsd-s", width: 3, depth: 2 } },
  { tree: { kind: "paths", count: 2, length: 3 } },
  { tree: { kind: "best-first", nodes: 8, depth: 3, width: 3 } },
];

/** Rules that draw other tokens from the same distribution: equal text is promised at temperature 0 only. */
const REJECTING: readonly TreeAndRule[] = [
  { tree: { kind: "rsd-c", branching: [3, 2] }, verify: "recursive" },
  { tree: { kind: "rsd-s", width: 3, depth: 2 }, verify: "recursive" },
  { tree: { kind: "rsd-s", width: 3, depth: 2 }, verify: "traversal" },
  { tree: { kind: "chain", length: 3 }, verify: "block" },
  { tree: { kind: "paths", count: 3, length: 2 }, verify: "spectr" },
  { tree: { kind: "paths", count: 3, length: 2 }, verify: "specinfer" },
];

const STAGES: Readonly<Record<string, SamplingStages>> = {
  "T = 0": { temperature: 0 },
  "T = 0.8, top-p 0.9": { temperature: 0.8, topP: 0.9 },
};

/** No kernel: shows that a fault would be seen. */
const WRONG = { label: "wrong", code: "fn main() { let x: u32 = 1.5; }", constants: {} };

interface Golden {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly text: string;
}

let firefox: FirefoxPage;
let facts: Awaited<ReturnType<typeof load>>;

const load = async () => {
  const pair = { target: "/models/tales/target/", draft: "/models/tales/draft/" };
  return valueOf(await firefox.load("tales", pair)).facts;
};

async function generate(
  decoder: Decoder,
  options: GenerateOptions = {},
  prompt = PROMPT,
): Promise<GenerateResult> {
  const all = { maxNewTokens: COUNT, seed: SEED, roundsPerReadback: 8, ...options, decoder };
  return resultOf(await firefox.generate("tales", prompt, all));
}

beforeAll(async () => {
  firefox = await FirefoxPage.open({ "/models/tales/": TALES });
  facts = await load();
});
afterAll(() => firefox?.close());

test("the pair is loaded, and the adapter's facts are told", async () => {
  expect(await firefox.version()).toMatch(/^firefox\//i);
  const { adapter } = facts;
  for (const name of ["vendor", "architecture", "device", "description"] as const) {
    expect(typeof adapter[name], name).toBe("string");
  }
  const isLavapipe = firefoxDriver() !== undefined;
  if (isLavapipe) expect(adapter).toMatchObject({ fallback: true });
  if (isLavapipe) expect(adapter.features).toContain("shader-f16");
  expect(facts.gpuBytes).toBeGreaterThan(0);
});

test("every kernel compiles, with every type of weights", async () => {
  const faults = await firefox.run(
    async (modules) => {
      const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
      const told: string[] = [];
      for (const { label, code, constants } of modules) {
        const module = device.createShaderModule({ label, code });
        const { messages } = await module.getCompilationInfo();
        told.push(...messages.map(({ lineNum, message }) => `${label}:${lineNum} ${message}`));
        const compute = { module, entryPoint: "main", constants };
        await device
          .createComputePipelineAsync({ label, layout: "auto", compute })
          .catch((error: unknown) => told.push(`${label}: ${String(error)}`));
      }
      device.destroy();
      return told;
    },
    [WRONG, ...kernelModules],
  );
  expect(kernelModules.length).toBeGreaterThan(15);
  expect(faults.filter((fault) => !fault.startsWith(WRONG.label))).toEqual([]);
  expect(faults, "the wrong one is found").not.toEqual([]);
});

test("greedy text is what PyTorch writes with the same files", async () => {
  const file = readFileSync(join(TALES, "golden/greedy.json"), "utf8");
  const { target } = JSON.parse(file) as { target: Golden[] };
  for (const { prompt, ids, text } of target.slice(0, 3)) {
    const result = await generate({ kind: "greedy" }, {}, prompt);
    expect(result.tokens).toEqual(ids.slice(0, COUNT));
    expect(text.startsWith(result.text), JSON.stringify(result.text)).toBe(true);
  }
});

test("all sampling stages at once: the same seed gives the same text, another another", async () => {
  const decoder = { kind: "sample", temperature: 0.9, topK: 40, topP: 0.95, minP: 0.02 } as const;
  const first = await generate(decoder);
  expect((await generate(decoder)).tokens).toEqual(first.tokens);
  expect((await generate(decoder, { seed: SEED + 1 })).tokens).not.toEqual(first.tokens);
});

describe.each(Object.entries(STAGES))("%s", (_, stages) => {
  let plain: GenerateResult;
  beforeAll(async () => {
    plain = await generate({ kind: "sample", ...stages }, { roundsPerReadback: 1 });
  });

  test("eight rounds per readback change nothing but the number of readbacks", async () => {
    const result = await generate({ kind: "sample", ...stages });
    expect(result.tokens).toEqual(plain.tokens);
    expect(result.text).toBe(plain.text);
    expect(result.metrics.readbacks).toBeLessThan(plain.metrics.readbacks / 2);
  });

  test.each(COUPLED)("$tree.kind: speculative text is plain text", async (treeAndRule) => {
    const decoder = { kind: "speculative", sampling: stages, ...treeAndRule } as const;
    const result = await generate(decoder);
    expect(result.tokens).toEqual(plain.tokens);
    expect(result.text).toBe(plain.text);
    expect(result.metrics.blockEfficiency).toBeGreaterThan(1);
  });

  test.each(REJECTING)("$verify, $tree.kind: drafts are accepted", async (treeAndRule) => {
    const decoder = { kind: "speculative", sampling: stages, ...treeAndRule } as const;
    const result = await generate(decoder);
    if (result.finishReason === "length") expect(result.tokens).toHaveLength(COUNT);
    expect(result.metrics.blockEfficiency).toBeGreaterThan(1);
    if (stages.temperature === 0) expect(result.tokens).toEqual(plain.tokens);
  });
});

test("the GPU's time is told by phase, where there are timestamps", async () => {
  const { metrics } = await generate({ kind: "speculative" }, { timings: true, maxNewTokens: 8 });
  const hasTimestamps = facts.adapter.features.includes("timestamp-query");
  expect(metrics.phaseTimes !== undefined).toBe(hasTimestamps);
  for (const time of Object.values(metrics.phaseTimes ?? { none: 1 })) {
    expect(time).toBeGreaterThan(0);
  }
});

test("one round per readback and eight: the same speculative text", async () => {
  const sampling = { temperature: 0.8, topP: 0.9 };
  const decoder = { kind: "speculative", sampling, tree: { kind: "chain", length: 3 } } as const;
  const one = await generate(decoder, { roundsPerReadback: 1 });
  const eight = await generate(decoder, { roundsPerReadback: 8 });
  expect(eight.tokens).toEqual(one.tokens);
  expect(eight.metrics.readbacks).toBeLessThan(one.metrics.readbacks);
});

/**
 * Chromium renders on another adapter, through another shader compiler, so logits differ in their last bits: by twice what
 * either may be off (20 is above the goldens' largest logit, 13.2); a log-probability by twice that. In nats.
 */
const APART = 2 * 2 * LOGIT_ERROR * 20;
const FEW = 10;
const MIROSTAT = { kind: "mirostat" } as const;
const MOMENTUM = { kind: "momentum" } as const;
const SEARCH = { kind: "contrastive" } as const;
/** By what scores are divided. */
const DRAFTED: readonly [DraftsOptions["decoder"], sharpness: number][] = [
  [{ kind: "superposed", drafts: 3, maxDraftTokens: FEW, temperature: 0.5 }, 2],
  [{ kind: "beam", beams: 3 }, 1],
  [{ kind: "samples", count: 3, topK: 40 }, 1],
];

describe("as in Chromium", () => {
  let chromium: TestBrowser;
  beforeAll(async () => {
    chromium = await TestBrowser.open({ mounts: { "/models/tales/": TALES } });
    valueOf(await chromium.load("tales", { target: "/models/tales/target/" }));
  });
  afterAll(() => chromium?.close());

  const options = { maxNewTokens: FEW, seed: SEED, roundsPerReadback: 8 };
  const tokensOf = async (browser: typeof firefox | TestBrowser, decoder: Decoder) => {
    const outcome = await browser.generate("tales", PROMPT, { ...options, decoder });
    const { parts } = valueOf(outcome);
    return parts.flatMap((part) => (part.type === "text-delta" ? part.tokens : []));
  };
  const idsOf = (tokens: readonly StreamToken[]) => tokens.map(({ id }) => id);

  test("Mirostat: the same text; surprises and mu apart by rounding alone", async () => {
    const [here, there] = [await tokensOf(firefox, MIROSTAT), await tokensOf(chromium, MIROSTAT)];
    expect(idsOf(here)).toEqual(idsOf(there));
    expect(here).toHaveLength(FEW);
    for (const [i, { surprise, mu }] of here.entries()) {
      const bits = APART / Math.LN2;
      expect(Math.abs(surprise! - there[i]!.surprise!)).toBeLessThan(bits);
      expect(Math.abs(mu! - there[i]!.mu!)).toBeLessThan((i + 1) * bits);
    }
    const drafted = await tokensOf(firefox, { kind: "speculative", sampling: MIROSTAT });
    const drawn = (tokens: readonly StreamToken[]) =>
      tokens.map(({ id, surprise, mu }) => ({ id, surprise, mu }));
    expect(drawn(drafted), "with a tree, to the bit").toEqual(drawn(here));
  });

  test("momentum: the same text", async () => {
    const here = idsOf(await tokensOf(firefox, MOMENTUM));
    expect(here).toEqual(idsOf(await tokensOf(chromium, MOMENTUM)));
    const drafted = await tokensOf(firefox, { kind: "speculative", sampling: MOMENTUM });
    expect(idsOf(drafted)).toEqual(here);
  });

  test("contrastive search: the same text", async () => {
    const [here, there] = [await tokensOf(firefox, SEARCH), await tokensOf(chromium, SEARCH)];
    expect(idsOf(here)).toEqual(idsOf(there));
    expect(here).toHaveLength(FEW);
  });

  test.each(DRAFTED)(
    "$kind: the same drafts; scores apart by rounding alone",
    async (decoder, sharpness) => {
      const results = [];
      for (const browser of [firefox, chromium]) {
        const given = { maxNewTokens: FEW, seed: SEED, decoder };
        results.push(valueOf(await browser.generate("tales", PROMPT, given)).result);
      }
      const [here, there] = results as unknown as [DraftsResult, DraftsResult];
      expect(here.drafts.map(({ tokens }) => tokens)).toEqual(
        there.drafts.map(({ tokens }) => tokens),
      );
      expect(here.drafts).toHaveLength(3);
      for (const [i, { score, tokens }] of here.drafts.entries()) {
        const apart = Math.abs(score - there.drafts[i]!.score);
        expect(apart).toBeLessThan(sharpness * tokens.length * APART);
      }
    },
  );
});
