// The port of one request, from both ends.
import { afterEach, expect, test, vi } from "vitest";
import { CoppiceError } from "../../../src/errors.ts";
import type { GenerateResult, StreamPart } from "../../../src/stream-part.ts";
import { STOP } from "../../../src/worker/protocol.ts";
import { pump, stopSignal } from "../../../src/worker/pump.ts";
import { TokenStream } from "../../../src/worker/token-stream.ts";

const result = { text: "abc", finishReason: "length" } as GenerateResult;
const start: StreamPart = { type: "text-start", promptTokens: 1 };
const end: StreamPart = { type: "text-end", result };
const warning = (message: string): StreamPart => ({ type: "warning", message });
const later = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const rejections = vi.fn<(reason: unknown) => void>();
process.on("unhandledRejection", rejections);
const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
  expect(rejections).not.toHaveBeenCalled();
});

/** A stream whose worker's half yields what `source` does; `given` counts the parts asked of it. */
function stream(source: (signal: AbortSignal) => AsyncIterable<StreamPart>): {
  stream: TokenStream;
  signal: AbortSignal;
  ended: () => number;
} {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const signal = stopSignal(port2);
  void pump(port2, source(signal));
  let ended = 0;
  return { stream: new TokenStream(port1, () => (ended += 1)), signal, ended: () => ended };
}

async function* parts(...list: (StreamPart | Error)[]): AsyncGenerator<StreamPart> {
  for (const part of list) {
    await later();
    if (part instanceof Error) throw part;
    yield part;
  }
}

/** Counts for ever, a millisecond apart. */
function counting(): {
  source: (signal: AbortSignal) => AsyncGenerator<StreamPart>;
  count: () => number;
} {
  let count = 0;
  async function* source(signal: AbortSignal): AsyncGenerator<StreamPart> {
    for (;;) {
      if (signal.aborted) throw new CoppiceError("aborted", "Aborted.", "Nothing.");
      yield warning(String(count));
      count += 1;
      await later();
    }
  }
  return { source, count: () => count };
}

async function read(from: AsyncIterable<StreamPart>): Promise<StreamPart[]> {
  const all: StreamPart[] = [];
  for await (const part of from) all.push(part);
  return all;
}

test("parts arrive in order, and the result with the last", async () => {
  const list = [start, ...Array.from({ length: 50 }, (_, i) => warning(String(i))), end];
  const { stream: tokens, ended } = stream(() => parts(...list));
  expect(await read(tokens)).toEqual(list);
  expect(await tokens.result).toEqual(result);
  expect(ended()).toBe(1);
});

test("the result can be awaited without reading the parts, which wait", async () => {
  const { stream: tokens } = stream(() => parts(start, end));
  expect(await tokens.result).toEqual(result);
  expect(await read(tokens)).toEqual([start, end]);
});

test("parts can be asked for ahead", async () => {
  const { stream: tokens } = stream(() => parts(start, end));
  const three = await Promise.all([tokens.next(), tokens.next(), tokens.next()]);
  expect(three.map(({ value }) => value?.type)).toEqual(["text-start", "text-end", undefined]);
});

test("an error comes after the parts before it, once, with code and fix", async () => {
  const fault = new CoppiceError("device-lost", "The device was lost.", "Load again.");
  const { stream: tokens } = stream(() => parts(start, fault));
  await expect(tokens.result).rejects.toThrow(CoppiceError);
  expect(await tokens.next()).toEqual({ done: false, value: start });
  await expect(tokens.next()).rejects.toMatchObject({ code: "device-lost", fix: "Load again." });
  expect(await tokens.next()).toEqual({ done: true, value: undefined });
});

test("an error that is not ours keeps its words", async () => {
  const { stream: tokens } = stream(() => parts(new TypeError("x is undefined")));
  await expect(tokens.result).rejects.toMatchObject({
    code: "internal",
    message: "x is undefined",
  });
});

test("an error nobody looks at is no unhandled rejection", async () => {
  const { ended } = stream(() => parts(new Error("unseen")));
  await later(20);
  expect(ended()).toBe(1);
});

test("leaving the loop stops the worker, and the result says so", async () => {
  const { source, count } = counting();
  const { stream: tokens, signal } = stream(source);
  for await (const part of tokens) if (part.type === "warning" && part.message === "3") break;
  await expect.poll(() => signal.aborted).toBe(true);
  const stoppedAt = count();
  await later(20);
  expect(count()).toBe(stoppedAt);
  await expect(tokens.result).rejects.toMatchObject({ code: "aborted" });
  expect(await tokens.next()).toEqual({ done: true, value: undefined });
});

test("stopping fails at once and drops what was not read", async () => {
  const { source } = counting();
  const { stream: tokens, signal } = stream(source);
  await tokens.next();
  await later(10);
  tokens.fail(new CoppiceError("aborted", "Aborted.", "Nothing."));
  await expect(tokens.next()).rejects.toMatchObject({ code: "aborted" });
  await expect.poll(() => signal.aborted).toBe(true);
});

test("a reader who waits when it stops is told, and others see the end", async () => {
  const { stream: tokens } = stream(() => parts());
  const [first, second] = [tokens.next(), tokens.next()];
  tokens.fail(new CoppiceError("aborted", "Aborted.", "Nothing."));
  await expect(first).rejects.toMatchObject({ code: "aborted" });
  expect(await second).toEqual({ done: true, value: undefined });
});

test("leaving after the end keeps the result", async () => {
  const { stream: tokens } = stream(() => parts(start, end));
  for await (const part of tokens) if (part.type === "text-end") break;
  expect(await tokens.result).toEqual(result);
});

test("the message alone stops the worker, where a browser does not tell of closed ports", async () => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const signal = stopSignal(port2);
  port1.postMessage(STOP);
  await expect.poll(() => signal.aborted).toBe(true);
});

test("stopping sends the message and closes the port; the end closes it, too", async () => {
  for (const stopped of [true, false]) {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const sent = vi.spyOn(port1, "postMessage");
    const closed = new Promise((resolve) => port2.addEventListener("close", resolve));
    port2.start();
    const tokens = new TokenStream(port1);
    if (stopped) await tokens.return();
    else port2.postMessage({ part: end });
    await closed;
    expect(sent.mock.calls).toEqual(stopped ? [[STOP]] : []);
  }
});

test("a page that goes away stops the worker", async () => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port2);
  const signal = stopSignal(port2);
  const { source, count } = counting();
  void pump(port2, source(signal));
  await later(10);
  port1.close();
  await expect.poll(() => signal.aborted).toBe(true);
  await later(5);
  const stoppedAt = count();
  await later(20);
  expect(count()).toBe(stoppedAt);
});
