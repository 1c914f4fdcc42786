// The order of sampling stages, checked; single values are in options.test.ts.
import { expect, test } from "vitest";
import { resolveSampling, resolveStages } from "../../../src/decoder/sampling-options.ts";
import type { CoppiceError } from "../../../src/errors.ts";

const HF = ["temperature", "topNSigma", "topK", "topP", "minP", "typicalP"];
const LLAMA = ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"];

test("the presets, and Hugging Face's by default", () => {
  expect(resolveStages("at", {}).order).toEqual(HF);
  expect(resolveStages("at", { order: "hf" }).order).toEqual(HF);
  expect(resolveStages("at", { order: "llama.cpp" }).order).toEqual(LLAMA);
  expect(resolveSampling("at", undefined)).toMatchObject({ temperature: 0, order: HF });
});

test("a list of stages is taken as it is; what it leaves out must be off", () => {
  const order = ["topP", "temperature"];
  expect(resolveStages("at", { order, topP: 0.5, temperature: 2 })).toMatchObject({ order });
  expect(resolveStages("at", { order: [], topP: 1, topK: 0 }).order).toEqual([]);
});

function refusal(options: object): CoppiceError {
  try {
    resolveStages("at", options);
  } catch (error) {
    expect((error as CoppiceError).fix).toMatch(/\.$/);
    return error as CoppiceError;
  }
  throw new Error("it was accepted");
}

test.each([
  [{ order: ["topK"], topK: 3, topP: 0.9 }, 'at.topP is 0.9, but at.order leaves "topP" out.'],
  [{ order: ["topK"], temperature: 0 }, "at.temperature is 0, but at.order leaves"],
  [{ order: "openai" }, 'at.order is "openai"; it must be "hf", "llama.cpp" or a list'],
  [{ order: ["topK", "top-p"] }, 'at.order[1] is "top-p"; it must be "temperature", "topK"'],
  [{ order: ["topK", "topK"] }, 'at.order[1] is "topK"; it must be a stage that does not come'],
  [{ typicalP: 0 }, "at.typicalP is 0; it must be a number above 0, up to 1."],
  [{ topNSigma: -1 }, "at.topNSigma is -1; it must be a number from 0 to 100."],
  [
    { order: "llama.cpp", typicalP: 0.9, temperature: 0 },
    "at.typicalP is 0.9 and comes before a temperature of 0",
  ],
])("%j is refused", (options, message) => {
  const error = refusal(options);
  expect(error.code).toBe("option-invalid");
  expect(error.message).toContain(message);
});

test("what is typical after a temperature of 0 is the most probable token", () => {
  expect(resolveStages("at", { typicalP: 0.9, temperature: 0 })).toMatchObject({ typicalP: 0.9 });
});
