// Contrastive search's options: defaults, edges, and the messages for what lies outside or does not go with it.
import { expect, test } from "vitest";
import { GREEDY_STAGES } from "../../../src/decoder/sampling-options.ts";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { refusal } from "./refusal.ts";

const kind = "contrastive";
const generate = (options: object, hasDraft = true) =>
  resolveGenerateOptions(options, { hasDraft, vocabSize: 4096 });
const resolve = (fields: object, hasDraft = true) =>
  generate({ decoder: { kind, ...fields } }, hasDraft).decoder;

test("defaults, with a draft loaded or without; nothing is speculated", () => {
  const contrastive = { topK: 4, alpha: 0.6 };
  for (const hasDraft of [true, false]) {
    expect(resolve({}, hasDraft)).toEqual({ stages: GREEDY_STAGES, contrastive });
  }
});

test.each([{ topK: 2 }, { topK: 16 }, { alpha: 0 }, { alpha: 1 }, { topK: 7, alpha: 0.25 }])(
  "%j is taken",
  (fields) => expect(resolve(fields).contrastive).toMatchObject(fields),
);

test.each<[object, string]>([
  [{ topK: 1 }, "decoder.topK is 1; it must be a whole number from 2 to 16."],
  [{ topK: 17 }, "decoder.topK is 17"],
  [{ topK: 2.5 }, "decoder.topK is 2.5"],
  [{ alpha: -0.1 }, "decoder.alpha is -0.1; it must be a number from 0 to 1."],
  [{ alpha: 1.5 }, "decoder.alpha is 1.5"],
  [{ alpha: "0.6" }, 'decoder.alpha is "0.6"'],
])("%j is refused", (fields, message) => {
  const error = refusal(() => resolve(fields));
  expect(error.code).toBe("option-invalid");
  expect(error.message).toContain(message);
});

test("an unknown field is refused", () => {
  expect(refusal(() => resolve({ temperature: 1 })).code).toBe("option-unknown");
});

test("no speculative decoder reproduces it", () => {
  for (const tree of [undefined, "auto"]) {
    const decoder = { kind: "speculative", tree, sampling: { kind } };
    const error = refusal(() => generate({ decoder }));
    expect(error.code).toBe("option-invalid");
    expect(error.message).toContain("decoder.sampling.kind");
    expect(error.fix).toContain("decoder itself");
  }
});

test("edits and log-probabilities are taken; trees are warned of", () => {
  const decoder = { kind };
  expect(generate({ decoder, logProbabilities: 3 }).decoder.logProbabilities).toBe(3);
  const edits = { bannedTokens: [3], penalties: { repetition: 1.2 } };
  expect(generate({ decoder, ...edits })).toMatchObject({
    decoder: { edited: true },
    edits: { banned: [3], repetition: 1.2 },
  });
  expect(generate({ decoder, trees: true }).warnings).toHaveLength(1);
  expect(generate({ decoder }).warnings).toEqual([]);
});
