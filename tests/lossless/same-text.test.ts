// Same seed, same text, on real models: whatever drafts, every tree gives the plain text. bench/same-text compares 100,000 tokens.
import { expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import { withGpu } from "../support/engine.ts";
import { realPairs } from "../support/real-pairs.ts";
import { compareTexts } from "../support/same-text.ts";

/** SwiftShader takes some 0.2 s per round. */
const TOKENS = adapterName === "swiftshader" ? 36 : 180;
const LENGTH = 12;

test.each(Object.entries(realPairs))("%s", (_, open) =>
  withGpu(async (gpu) => {
    const compared = await compareTexts(gpu, await open(gpu), TOKENS, LENGTH);
    const tokens = compared.reduce((sum, one) => sum + one.tokens, 0);
    expect(tokens).toBeGreaterThanOrEqual(TOKENS);
    const drafted = compared.filter(({ drafter, rounds }) => drafter === "draft" && rounds > 0);
    const efficiency = (sum: keyof Pick<(typeof drafted)[number], "tokens" | "rounds">) =>
      drafted.reduce((total, one) => total + one[sum], 0);
    // Were nothing ever accepted, equality would be no feat.
    expect(efficiency("tokens") / efficiency("rounds")).toBeGreaterThan(1.3);
  }),
);
