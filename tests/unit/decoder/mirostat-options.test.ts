// Mirostat's options: defaults, units, edges, and the message for what lies outside.
import { expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import type { CoppiceError } from "../../../src/errors.ts";

const resolve = (decoder: unknown, hasDraft = true) =>
  resolveGenerateOptions({ decoder }, { hasDraft, vocabSize: 4096 }).decoder;

const kind = "mirostat";
const DEFAULTS = {
  version: 2,
  tau: 3,
  eta: 1,
  mu: 6,
  muBounds: [-25, 37],
  surprise: "model",
};
const STAGES = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1, topNSigma: 0 };

test("defaults: the paper's surprise, and llama.cpp's learning rate with its own", () => {
  expect(resolve({ kind }, false)).toMatchObject({ mirostat: DEFAULTS, stages: STAGES });
  expect(resolve({ kind }, false)).not.toHaveProperty("speculation");
  expect(resolve({ kind, surprise: "truncated" }).mirostat).toEqual({
    ...DEFAULTS,
    surprise: "truncated",
    eta: 0.1,
    muBounds: [-2.5, 14.5],
  });
});

test("nats become bits", () => {
  const nats = { unit: "nats", tau: 3 * Math.LN2, mu: 4 * Math.LN2, muBounds: [0, 8 * Math.LN2] };
  const { tau, mu, muBounds } = resolve({ kind, ...nats }).mirostat!;
  expect(tau).toBeCloseTo(3, 12);
  expect(mu).toBeCloseTo(4, 12);
  expect(muBounds![1]).toBeCloseTo(8, 12);
  // The default is the same in either unit.
  expect(resolve({ kind, unit: "nats" }).mirostat!.tau).toBeCloseTo(3, 12);
});

test("it is what a speculative decoder reproduces, with any tree", () => {
  for (const tree of [undefined, "auto", { kind: "chain", length: 3 }]) {
    const decoder = { kind: "speculative", tree, sampling: { kind, temperature: 0.7 } };
    expect(resolve(decoder)).toMatchObject({
      mirostat: DEFAULTS,
      stages: { ...STAGES, temperature: 0.7 },
      speculation: { verify: "coupled" },
    });
  }
});

test.each([
  { tau: 12 },
  { tau: 1e-9 },
  { eta: 0.001 },
  { eta: 10 },
  { mu: 0 },
  { mu: 2, muBounds: [2, 2] },
  { muBounds: [-10_000, 10_000] },
  { temperature: 0.01 },
  { temperature: 100 },
  { version: 1 },
])("%j is accepted", (options) => {
  expect(() => resolve({ kind, ...options })).not.toThrow();
});

test.each([
  [{ tau: 0 }, "decoder.tau is 0; it must be a number above 0, up to 12."],
  [{ tau: 12.1 }, "decoder.tau is 12.1"],
  [{ tau: "3" }, 'decoder.tau is "3"'],
  [{ tau: NaN }, "decoder.tau is NaN"],
  [{ tau: 9, unit: "nats" }, "decoder.tau is 9; it must be a number above 0, up to 8.31"],
  [{ unit: "bit" }, 'decoder.unit is "bit"; it must be "bits" or "nats".'],
  [{ eta: 0 }, "decoder.eta is 0; it must be a number from 0.001 to 10."],
  [{ eta: 11 }, "decoder.eta is 11"],
  [{ mu: -26 }, "decoder.mu is -26; it must be a number from -25 to 37."],
  [{ mu: 5, muBounds: [0, 4] }, "decoder.mu is 5; it must be a number from 0 to 4."],
  [{ muBounds: [3, 1] }, "decoder.muBounds is [3,1]; it must be two numbers, the lower one first."],
  [{ muBounds: 8 }, "decoder.muBounds is 8"],
  [{ muBounds: [0] }, "decoder.muBounds is [0]"],
  [{ muBounds: [0, "8"] }, 'decoder.muBounds[1] is "8"'],
  [{ muBounds: [undefined, 8] }, "decoder.muBounds[0] is missing"],
  [{ muBounds: [0, 10_001] }, "decoder.muBounds[1] is 10001"],
  [{ surprise: "true" }, 'decoder.surprise is "true"; it must be "model" or "truncated".'],
  [{ version: 3 }, "decoder.version is 3; it must be 1 or 2."],
  [{ version: "2" }, 'decoder.version is "2"'],
  [{ temperature: 0 }, "decoder.temperature is 0; it must be a number from 0.01 to 100."],
  [{ topK: 40 }, 'decoder has no field "topK".'],
])("%j is refused", (options, message) => {
  try {
    resolve({ kind, ...options });
  } catch (error) {
    expect((error as CoppiceError).message).toContain(message);
    expect((error as CoppiceError).fix).toMatch(/\.$/);
    return;
  }
  throw new Error("it was accepted");
});

test.each(["recursive", "traversal", "block", "spectr", "specinfer"])(
  "the rule %s does not go with it",
  (verify) => {
    const tree = { kind: "chain", length: 3 };
    const decoder = { kind: "speculative", tree, verify, sampling: { kind } };
    expect(() => resolve(decoder)).toThrow(
      `decoder.sampling is "mirostat", but decoder.verify is "${verify}"`,
    );
  },
);

test("fields are named where they stand", () => {
  const decoder = { kind: "speculative", sampling: { kind, tau: -1 } };
  expect(() => resolve(decoder)).toThrow("decoder.sampling.tau is -1");
});
