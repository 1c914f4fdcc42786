// What the model says of a token goes with it, also where its text is held back.
import { expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { deltas, END, FakeSession, ids, plain, round, run } from "./fake-session.ts";

test("tokens carry their log-probability and the alternatives' texts", async () => {
  const said = (logProbability: number, ...others: number[]) => ({
    logProbability,
    top: others.map((id, i) => ({ id, logProbability: -i })),
  });
  const session = new FakeSession([
    round(ids("ax"), { logProbs: [said(-0.5, 0, 1), said(-1.5, 2, 3)] }),
    round(ids("b"), { logProbs: [said(-2.5)] }),
    round([END], { logProbs: [said(-3)] }),
  ]);
  const { parts } = await run(session, { stop: ["xyz"] });
  const tokens = deltas(parts).flatMap((part) => part.tokens);
  expect(tokens.map(({ logProbability }) => logProbability)).toEqual([-0.5, -1.5, -2.5]);
  expect(tokens.map(({ top }) => top)).toEqual([
    [
      { id: 0, text: "a", logProbability: -0 },
      { id: 1, text: "b", logProbability: -1 },
    ],
    [
      { id: 2, text: "c", logProbability: -0 },
      { id: 3, text: "d", logProbability: -1 },
    ],
    [],
  ]);
});

test("alternatives are spelled as what follows the token before them", async () => {
  const logProbs = [0, 1].map(() => ({
    logProbability: -1,
    top: [{ id: 7, logProbability: -1 }],
  }));
  const session = new FakeSession([round(ids("ab"), { logProbs }), plain(END)]);
  const textOf = (id: number, previous: number | undefined): string => `${previous} ${id}`;
  const { parts } = await run(session, { textOf, prompt: [5, 6] });
  const tops = deltas(parts).flatMap((part) => part.tokens.map(({ top }) => top![0]!.text));
  expect(tops).toEqual(["6 7", "0 7"]);
});

test("without them a token has no such fields", async () => {
  const { parts } = await run(new FakeSession([plain(0), plain(END)]));
  expect(deltas(parts)[0]!.tokens[0]).toEqual({ id: 0, origin: "plain", text: "a" });
});

test("they are part of what is recorded, and none are by default", () => {
  const decoderOf = (options: object) =>
    resolveGenerateOptions(options, { hasDraft: false, vocabSize: 300 }).decoder;
  expect(decoderOf({})).not.toHaveProperty("logProbabilities");
  expect(decoderOf({ logProbabilities: 0 })).toMatchObject({ logProbabilities: 0 });
  expect(decoderOf({ logProbabilities: 20 })).toMatchObject({ logProbabilities: 20 });
});
