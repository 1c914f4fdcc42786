// Momentum's options: defaults, edges, and the message for what lies outside.
import { expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import type { CoppiceError } from "../../../src/errors.ts";

const resolve = (decoder: unknown, hasDraft = true) =>
  resolveGenerateOptions({ decoder }, { hasDraft, vocabSize: 4096 }).decoder;

const kind = "momentum";
const DEFAULTS = { topK: 5, alpha: 0.2, resistance: [1, 2, 3, 4, 5] };

test("defaults are the paper's; nothing is drawn", () => {
  const decoder = resolve({ kind }, false);
  expect(decoder).toMatchObject({ momentum: DEFAULTS, stages: { temperature: 0 } });
  expect(decoder).not.toHaveProperty("speculation");
  expect(decoder).not.toHaveProperty("mirostat");
});

test("it is what a speculative decoder reproduces, with any tree", () => {
  for (const tree of [undefined, "auto", { kind: "chain", length: 3 }]) {
    const decoder = { kind: "speculative", tree, sampling: { kind, alpha: 0.1 } };
    expect(resolve(decoder)).toMatchObject({
      momentum: { ...DEFAULTS, alpha: 0.1 },
      stages: { temperature: 0 },
      speculation: { verify: "coupled" },
    });
  }
});

test.each([
  { topK: 2 },
  { topK: 64 },
  { alpha: 0 },
  { alpha: 100 },
  { resistance: [0] },
  { resistance: Array.from({ length: 16 }, () => 1000) },
  { resistance: undefined },
])("%j is accepted", (options) => {
  expect(() => resolve({ kind, ...options })).not.toThrow();
});

test.each([
  [{ topK: 1 }, "decoder.topK is 1; it must be a whole number from 2 to 64."],
  [{ topK: 65 }, "decoder.topK is 65"],
  [{ topK: 2.5 }, "decoder.topK is 2.5"],
  [{ alpha: -0.1 }, "decoder.alpha is -0.1; it must be a number from 0 to 100."],
  [{ alpha: NaN }, "decoder.alpha is NaN"],
  [{ alpha: "0.2" }, 'decoder.alpha is "0.2"'],
  [{ resistance: [] }, "decoder.resistance is []; it must be a list of 1 to 16 numbers."],
  [{ resistance: Array.from({ length: 17 }, () => 1) }, "a list of 1 to 16 numbers"],
  [{ resistance: 3 }, "decoder.resistance is 3"],
  [{ resistance: { 1: 1 } }, "a list of 1 to 16 numbers"],
  [{ resistance: [1, -1] }, "decoder.resistance[1] is -1; it must be a number from 0 to 1000."],
  [{ resistance: [1, Infinity] }, "decoder.resistance[1] is Infinity"],
  [{ resistance: [undefined] }, "decoder.resistance[0] is missing"],
  [{ temperature: 1 }, 'decoder has no field "temperature".'],
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

test.each(["recursive", "traversal", "block", "spectr", "specinfer", "auto"])(
  "the rule %s does not go with it",
  (verify) => {
    const tree = verify === "auto" ? "auto" : { kind: "chain", length: 3 };
    const decoder = { kind: "speculative", tree, verify, sampling: { kind } };
    expect(() => resolve(decoder)).toThrow(
      `decoder.sampling is "momentum", but decoder.verify is "${verify}"`,
    );
  },
);

test("fields are named where they stand", () => {
  const decoder = { kind: "speculative", sampling: { kind, topK: 0 } };
  expect(() => resolve(decoder)).toThrow("decoder.sampling.topK is 0");
});
