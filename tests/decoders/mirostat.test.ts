// Mirostat on a trained model: the surprise of its texts is what was asked for. A few short texts; bench/mirostat writes
// twenty long ones for every setting.
import { expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import { withGpu } from "../support/engine.ts";
import { meanSurprise, writeByMirostat, type Written } from "../support/mirostat-texts.ts";
import { realPairs } from "../support/real-pairs.ts";

const kind = "mirostat";
const isSlow = adapterName === "swiftshader";
const SEEDS = isSlow ? [1] : [1, 2];
const LENGTH = isSlow ? 40 : 100;
const VERSIONS = isSlow ? ([2] as const) : ([2, 1] as const);

test("the mean surprise of a text is near tau", () =>
  withGpu(async (gpu) => {
    const { target, prompts } = await realPairs["tales"]!(gpu);
    for (const version of VERSIONS) {
      const mirostat = { kind, version } as const;
      const writing = { target, prompts: prompts.slice(1), mirostat, seeds: SEEDS };
      const texts = await writeByMirostat(gpu, { ...writing, length: LENGTH });
      // Where mu meets no bound, what surprises are above tau is what mu has come down: here 10 bits at most.
      const { mean } = meanSurprise(texts, 0, LENGTH);
      expect(Math.abs(mean - 3), `version ${version}: ${mean}`).toBeLessThan(10 / LENGTH);
    }
  }));

test("held mu comes back within 50 tokens; mu that ran off does not", () =>
  withGpu(async (gpu) => {
    const { target, prompts } = await realPairs["tales"]!(gpu);
    // Tokens that are forced surprise nobody: mu rises to its bound.
    const forced = prompts[2]!.slice(1);
    const end = forced.length + 50;
    const writing = { target, prompts: prompts.slice(1), seeds: SEEDS, forced, length: end };
    const held = await writeByMirostat(gpu, { ...writing, mirostat: { kind } });
    const bound = Math.log2(target.config.vocabSize) + 25;
    expect(held.map(({ mus }) => mus[forced.length - 1])).toEqual(SEEDS.map(() => bound));
    // Below the logarithm of the vocabulary's size, where mu started from, it cuts again.
    const cuts = ({ mus }: Written) => mus.findIndex((mu, i) => i >= forced.length && mu < 12);
    for (const text of held) expect(cuts(text)).toBeGreaterThan(forced.length);

    const unbounded = { kind, mu: 500, muBounds: [-10_000, 10_000] } as const;
    const lost = await writeByMirostat(gpu, { ...writing, mirostat: unbounded });
    expect(lost.map(cuts)).toEqual(SEEDS.map(() => -1));
    const last = [held, lost].map((texts) => meanSurprise(texts, end - 25, end).mean);
    expect(last[1]! - last[0]!, `${last}`).toBeGreaterThan(0.75);
  }));
