// The decoding loop on sequences written down beforehand: where it ends, what it keeps, what it tells.
import { describe, expect, test } from "vitest";
import { decode } from "../../../src/decoder/decode.ts";
import { Meter } from "../../../src/decoder/metrics.ts";
import { deltas, END, FakeSession, ids, job, plain, round, run, step } from "./fake-session.ts";

describe("the end of the text", () => {
  test("comes with the model's end-of-text token, which is no part of it", async () => {
    const session = new FakeSession([round(ids("abc")), round([3, END, 4, 5])]);
    const { result } = await run(session);
    expect(result.text).toBe("abcd");
    expect(result.tokens).toEqual(ids("abcd"));
    expect(result.finishReason).toBe("end-of-text");
    expect(result.usage).toEqual({ promptTokens: 3, completionTokens: 4 });
    expect(session.rounds).toBe(2);
  });

  test("comes at maxNewTokens, in the middle of a round", async () => {
    const { result } = await run(new FakeSession([round(ids("abc"))]), { maxNewTokens: 5 });
    expect(result.text).toBe("abcab");
    expect(result.finishReason).toBe("length");
  });

  test("comes when the context is full", async () => {
    const session = new FakeSession([round(ids("abcd"))], 10);
    const { result, parts } = await run(session);
    expect(result.usage).toEqual({ promptTokens: 3, completionTokens: 7 });
    expect(result.finishReason).toBe("length");
    expect(parts.some((part) => part.type === "warning")).toBe(false);
  });

  test("comes earlier than asked when the context is too short, with a warning", async () => {
    const session = new FakeSession([plain(0)], 10);
    const { result, parts } = await run(session, { maxNewTokens: 8 });
    expect(result.tokens).toHaveLength(7);
    const warning = parts.find((part) => part.type === "warning");
    expect(warning?.message).toMatch(/maxNewTokens is 8.*context of 10.*room for 7/);
  });

  test("an end-of-text token right at the limit counts as the limit", async () => {
    const session = new FakeSession([round([0, 1, END])]);
    expect((await run(session, { maxNewTokens: 2 })).result.finishReason).toBe("length");
    expect((await run(session, { maxNewTokens: 3 })).result.finishReason).toBe("end-of-text");
  });

  test("may come with the first token: an empty text", async () => {
    const { result, parts } = await run(new FakeSession([plain(END)]));
    expect(result).toMatchObject({ text: "", tokens: [], finishReason: "end-of-text" });
    expect(parts.map((part) => part.type)).toEqual(["text-start", "text-end"]);
    expect(result.metrics.blockEfficiency).toBe(1);
  });
});

describe("stop strings", () => {
  test("end the text short of them, in the middle of a round", async () => {
    const { result } = await run(new FakeSession([round(ids("abxyc"))]), { stop: ["xy"] });
    expect(result.text).toBe("ab");
    expect(result.finishReason).toBe("stop");
    expect(result.tokens).toEqual(ids("abxy"));
  });

  test("may span rounds, and nothing of them is shown before", async () => {
    const session = new FakeSession([round(ids("abx")), round(ids("yz"))]);
    const { result, parts } = await run(session, { stop: ["xyz"] });
    expect(result.text).toBe("ab");
    expect(deltas(parts).map((part) => part.text)).toEqual(["ab", ""]);
    expect(deltas(parts)[1]!.tokens.map((token) => token.text)).toEqual(["", "", ""]);
  });

  test("cut away what comes after them, an incomplete character included", async () => {
    const text = { push: () => "xy", end: () => "\uFFFD" };
    const { result } = await run(new FakeSession([plain(0)]), { stop: ["y"], text });
    expect(result.text).toBe("x");
  });

  test("that do not come true give back what was held", async () => {
    const session = new FakeSession([round(ids("abx")), round([2, END])]);
    const { result, parts } = await run(session, { stop: ["xyz"] });
    expect(result.text).toBe("abxc");
    expect(deltas(parts).map((part) => part.text)).toEqual(["ab", "xc"]);
  });

  test("the limit wins over a stop string that comes later in the round", async () => {
    const { result } = await run(new FakeSession([round(ids("abxy"))]), {
      stop: ["xy"],
      maxNewTokens: 3,
    });
    expect(result).toMatchObject({ text: "abx", finishReason: "length" });
  });
});

describe("the stream", () => {
  test("says where each token came from", async () => {
    const session = new FakeSession([
      round(ids("abc"), { leaf: true }),
      round(ids("de")),
      plain(5),
      round([6], { accepted: 0 }),
      plain(END),
    ]);
    const { parts } = await run(session);
    expect(deltas(parts).map((part) => part.tokens.map((token) => token.origin))).toEqual([
      ["accepted", "accepted", "bonus"],
      ["accepted", "recovered"],
      ["plain"],
      ["recovered"],
    ]);
  });

  test("joins to the result: texts and tokens", async () => {
    const session = new FakeSession([round([0, 100, 101]), round([1, 100]), round([101, END])]);
    const { parts, result } = await run(session);
    const tokens = deltas(parts).flatMap((part) => part.tokens);
    expect(result.text).toBe("aébé");
    expect(
      deltas(parts)
        .map((part) => part.text)
        .join(""),
    ).toBe(result.text);
    expect(tokens.map((token) => token.text).join("")).toBe(result.text);
    expect(tokens.map((token) => token.id)).toEqual(result.tokens);
  });

  test("ends an incomplete character with a replacement character", async () => {
    const { parts, result } = await run(new FakeSession([round([0, 100])]), { maxNewTokens: 2 });
    expect(result.text).toBe("a\uFFFD");
    expect(deltas(parts).at(-1)!.text).toBe("a\uFFFD");
  });

  test("shows trees only when asked, before what they gave", async () => {
    const tree = { tokens: [2, 0, 1], parents: [-1, 0, 0], depths: [0, 1, 1], scores: [0, -1, -2] };
    const session = new FakeSession([round([0, END], { tree, path: [0, 1] })]);
    const shown = (await run(session, { trees: true })).parts;
    expect(shown.map((part) => part.type)).toEqual([
      "text-start",
      "tree",
      "text-delta",
      "text-end",
    ]);
    expect(shown[1]).toEqual({
      type: "tree",
      tree: { ...tree, texts: ["c", "a", "b"], path: [0, 1] },
    });
    const hidden = (await run(session)).parts;
    expect(hidden.some((part) => part.type === "tree")).toBe(false);
  });

  test("gives warnings before the text", async () => {
    const { parts } = await run(new FakeSession([plain(END)]), { warnings: ["Mind this."] });
    expect(parts[1]).toEqual({ type: "warning", message: "Mind this." });
  });

  test("starts with the prompt's length, and the session gets the prompt", async () => {
    const session = new FakeSession([plain(END)]);
    const { parts } = await run(session, { prompt: [7, 8] });
    expect(parts[0]).toEqual({ type: "text-start", promptTokens: 2 });
    expect(session.prompt).toEqual([7, 8]);
  });
});

describe("stopping", () => {
  test("an aborted request runs nothing", async () => {
    const session = new FakeSession([plain(0)]);
    await expect(run(session, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(session.prompt).toBeUndefined();
  });

  test("an abort during a round is the last round, and gives no more parts", async () => {
    const controller = new AbortController();
    const session = new FakeSession([plain(0)], 1000);
    session.onRound = (index) => {
      if (index === 3) controller.abort();
    };
    const parts: string[] = [];
    const running = async (): Promise<void> => {
      for await (const part of decode(session, job({ signal: controller.signal })))
        parts.push(part.type);
    };
    await expect(running()).rejects.toMatchObject({ code: "aborted" });
    expect(session.rounds).toBe(4);
    expect(parts).toEqual(["text-start", "text-delta", "text-delta", "text-delta"]);
  });
});

describe("several rounds per readback", () => {
  test("the text is the same, and rounds after its end are dropped", async () => {
    const script = [round(ids("ab")), round(ids("c")), round(ids("de")), round([5, END, 1])];
    const one = await run(new FakeSession(script));
    const session = new FakeSession(script);
    const four = await run(session, { roundsPerReadback: 4 });
    expect(four.result.text).toBe(one.result.text);
    expect(four.result.metrics.rounds).toBe(4);
    expect(session.asked).toEqual([1, 4]);
    expect(deltas(four.parts).map(({ text }) => text)).toEqual(["ab", "c", "de", "f"]);
  });

  test("the sequence is told where it may end", async () => {
    const session = new FakeSession([round(ids("ab"))]);
    await run(session, { maxNewTokens: 5, seed: 9, endOfText: new Set([END, 98]) });
    const wanted = {
      prompt: [1, 2, 3],
      seed: 9,
      maxNewTokens: 5,
      endTokens: [END, 98],
      written: 0,
    };
    expect(session.started).toMatchObject(wanted);
  });

  test("a session that gives no round is a fault, not an endless loop", async () => {
    const session = new FakeSession([round(ids("ab"))]);
    session.next = () => Promise.resolve([]);
    await expect(run(session)).rejects.toMatchObject({ code: "internal" });
  });
});

describe("metrics", () => {
  test("block efficiency counts the tokens of use, end-of-text included, per round", async () => {
    const session = new FakeSession([round(ids("abcd")), round(ids("e")), round([0, END, 1, 1])]);
    const { metrics } = (await run(session)).result;
    expect(metrics.rounds).toBe(3);
    expect(metrics.blockEfficiency).toBeCloseTo((4 + 1 + 2) / 3);
    expect(metrics.readbacks / metrics.rounds).toBe(1);
  });

  test("acceptance is per depth, over the rounds whose tree went that deep", async () => {
    const session = new FakeSession([
      round(ids("abc"), { depth: 2 }),
      round(ids("ab"), { depth: 3 }),
      round(ids("a"), { depth: 1 }),
      plain(END),
    ]);
    const { metrics } = (await run(session)).result;
    expect(metrics.acceptanceByDepth).toEqual([2 / 3, 1 / 2, 0]);
  });

  test("ranks, and the speed-up that memory traffic alone would allow", async () => {
    const session = new FakeSession([
      round(ids("abc"), { steps: [step(0), step(2)] }),
      round(ids("ab"), { steps: [step(0)] }),
      plain(END),
    ]);
    const { metrics } = (await run(session)).result;
    expect(metrics.acceptedByRank).toEqual([2 / 3, 0, 1 / 3]);
    // Three tokens, two, and one, in three rounds; the draft, a tenth of the target, made 3 + 3 + 0 passes.
    expect(metrics.memoryBoundSpeedUp).toBeCloseTo(2 / (1 + 0.1 * 2));
  });

  test("times: to the first token from the request on, decoding from the first round's end on", async () => {
    let now = 100;
    const session = new FakeSession([round(ids("ab"))]);
    session.start = () => {
      now += 30;
      return Promise.resolve();
    };
    session.onRound = () => {
      now += 10;
    };
    const meter = new Meter(80, 0.1, () => now);
    const { parts, result } = await run(session, { meter, maxNewTokens: 6 });
    expect(deltas(parts)[0]!.metrics).toMatchObject({ decodeTime: 0, tokensPerSecond: 0 });
    expect(result.metrics.timeToFirstToken).toBe(20 + 30 + 10);
    expect(result.metrics.decodeTime).toBe(20);
    expect(result.metrics.tokensPerSecond).toBe(200);
  });
});

test("surprises come with the tokens, and their mean with the metrics", async () => {
  const drawn = (surprise: number, mu: number) => ({ surprise, mu, kept: 5 });
  const session = new FakeSession([
    round(ids("ab"), { surprises: [drawn(2, 4), drawn(6, 1)] }),
    round([...ids("c"), END, ...ids("d")], {
      surprises: [drawn(1, 3), drawn(3, 2.5), drawn(50, 0)],
    }),
  ]);
  const { parts, result } = await run(session);
  const tokens = deltas(parts).flatMap((part) => part.tokens);
  expect(tokens.map(({ surprise, mu }) => [surprise, mu])).toEqual([
    [2, 4],
    [6, 1],
    [1, 3],
  ]);
  // The end-of-text token was drawn too; what came after it was not.
  expect(result.metrics).toMatchObject({ meanSurprise: 3, mu: 2.5 });
  expect((await run(new FakeSession([plain(END)]))).result.metrics).not.toHaveProperty("mu");
});
