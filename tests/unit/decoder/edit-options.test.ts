// Edits of the logits: defaults, edges, and what is refused.
import { expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import type { CoppiceError } from "../../../src/errors.ts";
import { encodeEdits, encodeSeen } from "../../../src/kernels/index.ts";
import { FakeSession, plain, END, run } from "./fake-session.ts";

const resolve = (options: object) =>
  resolveGenerateOptions(options, { hasDraft: false, vocabSize: 300 });

const NONE = {
  repetition: 1,
  presence: 0,
  frequency: 0,
  window: 0,
  noRepeatNgram: 0,
  minNewTokens: 0,
  biases: [],
  banned: [],
  forced: [],
};

test("nothing is edited by default, nor by values that change nothing", () => {
  const neutral = {
    penalties: { repetition: 1, presence: 0, frequency: 0 },
    noRepeatNgram: 0,
    logitBias: { 3: undefined },
    bannedTokens: [],
    forcedTokens: [],
    minNewTokens: 0,
  };
  for (const options of [{}, neutral, { penalties: {} }]) {
    expect(resolve(options)).not.toHaveProperty("edits");
    expect(resolve(options).decoder).not.toHaveProperty("edited");
  }
});

test("values do not change what is recorded", () => {
  const [a, b] = [{ noRepeatNgram: 3 }, { bannedTokens: [4] }].map(resolve);
  expect(a!.decoder).toEqual(b!.decoder);
  expect(a!.decoder.edited).toBe(true);
});

test.each([
  [{ penalties: { repetition: 1.2 } }, { repetition: 1.2 }],
  [{ penalties: { frequency: -2, window: 64 } }, { frequency: -2, window: 64 }],
  [{ penalties: { presence: 100, window: 1 } }, { presence: 100, window: 1 }],
  [{ noRepeatNgram: 1 }, { noRepeatNgram: 1 }],
  [
    { logitBias: { 299: -100, 0: 0.5 } },
    {
      biases: [
        [0, 0.5],
        [299, -100],
      ],
    },
  ],
  [{ bannedTokens: [3, 299, 3] }, { banned: [3, 299] }],
  [
    { forcedTokens: [5, 6] },
    {
      forced: [
        [0, 5],
        [1, 6],
      ],
    },
  ],
  [{ forcedTokens: { 7: 8 } }, { forced: [[7, 8]] }],
  [{ minNewTokens: 4, maxNewTokens: 4 }, { minNewTokens: 4 }],
])("%j is accepted", (options, wanted) => {
  expect(resolve(options).edits).toEqual({ ...NONE, ...wanted });
});

test.each([
  [
    { penalties: { repetition: 0 } },
    "penalties.repetition is 0; it must be a number from 0.01 to 100.",
  ],
  [{ penalties: { presence: 101 } }, "penalties.presence is 101"],
  [{ penalties: { frequency: NaN } }, "penalties.frequency is NaN"],
  [{ penalties: { repetition: 2, window: 0 } }, "penalties.window is 0"],
  [{ penalties: { window: 64 } }, "penalties.window is 64, but there is no penalty"],
  [{ penalties: 1.1 }, "penalties is 1.1"],
  [{ noRepeatNgram: 65 }, "noRepeatNgram is 65; it must be a whole number from 0 to 64."],
  [
    { logitBias: { 300: 1 } },
    'a key of logitBias is "300"; it must be a whole number from 0 to 299.',
  ],
  [{ logitBias: { a: 1 } }, 'a key of logitBias is "a"'],
  [{ logitBias: { 3: 101 } }, "logitBias[3] is 101"],
  [{ logitBias: { 3: null } }, "logitBias[3] is null"],
  [{ logitBias: new Map([[3, 1]]) }, "logitBias is a Map"],
  [{ bannedTokens: [300] }, "bannedTokens[0] is 300"],
  [{ bannedTokens: { 3: 1 } }, 'bannedTokens is {"3":1}'],
  [{ bannedTokens: Array.from({ length: 300 }, (_, i) => i) }, "bannedTokens has all 300 tokens"],
  [{ forcedTokens: [-1] }, "forcedTokens[0] is -1"],
  [
    { forcedTokens: { 4: 1 }, maxNewTokens: 4 },
    'a key of forcedTokens is "4"; it must be a whole number from 0 to 3.',
  ],
  [{ forcedTokens: Array.from({ length: 1025 }, () => 1) }, "at most 1024 tokens"],
  [
    { minNewTokens: 5, maxNewTokens: 4 },
    "minNewTokens is 5; it must be a whole number from 0 to 4.",
  ],
  [{ bannedTokens: [3], forcedTokens: [3] }, "Token 3 is in forcedTokens and in bannedTokens."],
  [{ bannedTokens: [3], logitBias: { 3: 1 } }, "Token 3 is in logitBias and in bannedTokens."],
])("%j is refused", (options, message) => {
  let error: CoppiceError | undefined;
  try {
    resolve(options);
  } catch (cause) {
    error = cause as CoppiceError;
  }
  expect(error?.code).toBe("option-invalid");
  expect(error?.message).toContain(message);
  expect(error?.fix).toMatch(/\.$/);
});

test("an unknown penalty is refused", () => {
  expect(() => resolve({ penalties: { repeat: 1.1 } })).toThrow('penalties has no field "repeat".');
});

test("the sequence is started with the edits", async () => {
  const session = new FakeSession([plain(END)]);
  const { edits } = resolve({ noRepeatNgram: 2 });
  await run(session, { edits: edits! });
  expect(session.started!.edits).toEqual({ ...NONE, noRepeatNgram: 2 });
});

test("edits as words: sizes, values, then lists one after another", () => {
  const edits = { ...NONE, repetition: 2, window: 9, minNewTokens: 1, banned: [7] } as const;
  const lists = { biases: [[3, -1.5]], forced: [[1, 4]] } as const;
  const words = encodeEdits({ ...edits, ...lists }, 5, [8]);
  expect([...words.subarray(0, 4)]).toEqual([5, 1, 0, 9]);
  expect([...new Float32Array(words.buffer, 16, 3)]).toEqual([2, 0, 0]);
  expect([...words.subarray(7, 11)]).toEqual([1, 1, 1, 1]);
  expect([...words.subarray(11)]).toEqual([3, 0xbfc00000, 7, 0, 8, 0, 1, 4]);
  // Ends of text are of no interest without a least length, and a window of all is the largest number.
  expect([...encodeEdits(NONE, 5, [8]).subarray(3)]).toEqual([
    0xffffffff,
    0x3f800000,
    ...Array(8).fill(0),
  ]);
});

test("what a window says of each id", () => {
  expect([...encodeSeen([1, 0, 1, 1], 0, 3)]).toEqual([1, 1, 3, 3, 0, 0]);
  expect([...encodeSeen([1, 0, 1, 1], 2, 3)]).toEqual([0, 0, 2, 3, 0, 0]);
});
