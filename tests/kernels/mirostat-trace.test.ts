// 10,000 steps of Mirostat on injected rows, with the noise of the kernels: the same number kept and the same token as
// the f64 reference, which runs free, at every step that rounding does not decide.
import { expect, test } from "vitest";
import type { MirostatSettings } from "../reference/verify-mirostat.ts";
import { adapterName } from "../setup/gpu.ts";
import { withGpu } from "../support/kernel-run.ts";
import { randomTrace, runTrace } from "../support/mirostat-trace.ts";

/** SwiftShader takes ten times as long for the same. */
const STEPS = adapterName === "swiftshader" ? 2_000 : 10_000;
const VOCAB = 211;
const trace = randomTrace(VOCAB, STEPS);

const PAPER: MirostatSettings = {
  version: 2,
  truncated: false,
  temperature: 1,
  tau: 3,
  eta: 1,
  bounds: [0, Math.fround(Math.log2(VOCAB))],
  ratios: 0,
  rounding: 0.5,
};
const LLAMA: MirostatSettings = { ...PAPER, truncated: true, eta: Math.fround(0.1), rounding: 0 };

const CASES: Record<string, MirostatSettings> = {
  "v2, the paper's feedback": PAPER,
  "v2, llama.cpp's feedback": LLAMA,
  "v1, the paper's feedback": { ...PAPER, version: 1, ratios: 100 },
  "v1, llama.cpp's feedback": { ...LLAMA, version: 1, ratios: 99 },
};

test.each(Object.entries(CASES))("%s", (_, settings) =>
  withGpu(async (gpu) => {
    const report = await runTrace(gpu, trace, settings);
    expect(report.faults).toEqual([]);
    expect(report.steps).toBe(STEPS);
    // Rounding decides next to nothing: here no token, and a number kept in fewer than one of a thousand steps.
    expect(report.closeCounts / STEPS).toBeLessThan(0.003);
    expect(report.closeTokens / STEPS).toBeLessThan(0.001);
    expect(report.otherTokens).toBeLessThanOrEqual(1);
    // Rounding adds up over 10,000 steps, and still mu is off by less than it takes to see.
    expect(report.worst).toBeLessThan(1e-3);
    // A trace that always kept the same tokens would prove little.
    expect(report.distinctCounts).toBeGreaterThan(40);
  }),
);
