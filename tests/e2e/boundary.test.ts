// The boundary between page and worker in a real browser: stopping, queueing, several engines, the end.
import type { Worker } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tinyModel } from "../support/tiny-model.ts";
import { resultOf, TestBrowser, until, valueOf } from "./browser.ts";

declare global {
  /** Counted in the worker by `countSubmits`. */
  var counted: { submits: number; readbacks: number };
  /** Tokens after which the page has its GPU's process crash. */
  var e2eCrashAfter: number | undefined;
  var crash: () => Promise<void>;
}

const model = "/models/tiny/";
const greedy = { decoder: { kind: "greedy" } };
let browser: TestBrowser;

beforeAll(async () => {
  browser = await TestBrowser.open({
    folders: { tiny: tinyModel({ layers: 2, context: 512 }).files },
    args: ["--js-flags=--expose-gc"],
  });
});
afterAll(() => browser.close());
beforeEach(() => browser.reload());

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const workers = (): number => browser.page.workers().length;
/** Loads an engine and counts, inside its worker, what goes to the GPU and comes back. */
async function loadCounted(name: string, options: object = { target: model }): Promise<Worker> {
  const before = browser.page.workers();
  valueOf(await browser.load(name, options));
  const worker = browser.page.workers().find((each) => !before.includes(each))!;
  await worker.evaluate(() => {
    globalThis.counted = { submits: 0, readbacks: 0 };
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { submit } = GPUQueue.prototype;
    GPUQueue.prototype.submit = function counting(buffers) {
      counted.submits += 1;
      return submit.call(this, buffers);
    };
    // oxlint-disable-next-line typescript/unbound-method -- the same
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function counting(...range) {
      counted.readbacks += 1;
      return mapAsync.apply(this, range);
    };
  });
  return worker;
}

const counts = (worker: Worker): Promise<typeof counted> => worker.evaluate(() => ({ ...counted }));

/** How many rounds ran after a moment when at most the one in flight should have. */
async function roundsAfter(worker: Worker): Promise<number> {
  const before = await counts(worker);
  await later(400);
  return (await counts(worker)).submits - before.submits;
}

describe("stopping", () => {
  test("leaving the loop stops the worker within a round", async () => {
    const worker = await loadCounted("a");
    const { value } = await browser.generate("a", "the", greedy, 3);
    expect(value!.parts.filter((part) => part.type === "text-delta")).toHaveLength(3);
    expect(await roundsAfter(worker)).toBeLessThanOrEqual(1);
    expect((await counts(worker)).submits).toBeLessThan(50);
    resultOf(await browser.generate("a", "the", { ...greedy, maxNewTokens: 2 }));
  });

  test("so does the signal, and both loop and result reject at once", async () => {
    const worker = await loadCounted("a");
    const outcome = await browser.page.evaluate(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const stream = e2e.engines.get("a")!.generate("the", { decoder: { kind: "greedy" }, signal });
      const loop = await e2e.attempt(async () => {
        for await (const part of stream) if (part.type === "text-delta") controller.abort();
      });
      const result = await e2e.attempt(() => stream.result);
      const late = await e2e.attempt(
        () => e2e.engines.get("a")!.generate("the", { signal }).result,
      );
      return [loop.error, result.error, late.error];
    });
    for (const error of outcome)
      expect(error).toMatchObject({ code: "aborted", isCoppiceError: true });
    expect(await roundsAfter(worker)).toBeLessThanOrEqual(1);
  });

  test("a queued request that is aborted is never run", async () => {
    const worker = await loadCounted("a");
    const { error, result } = await browser.page.evaluate(async () => {
      const engine = e2e.engines.get("a")!;
      const controller = new AbortController();
      const options = { decoder: { kind: "greedy" }, maxNewTokens: 10 } as const;
      const first = engine.generate("the", options);
      const second = engine.generate("the", { ...options, signal: controller.signal });
      controller.abort();
      const { error } = await e2e.attempt(() => second.result);
      return { error, result: await first.result };
    });
    expect(error).toMatchObject({ code: "aborted" });
    await later(100);
    expect((await counts(worker)).submits).toBe(result.metrics.submits);
  });

  test("a page that goes away takes its workers along", async () => {
    await loadCounted("a");
    await browser.page.evaluate(() => void e2e.engines.get("a")!.generate("the"));
    await browser.page.goto("about:blank");
    await until(() => workers() === 0);
  });
});

test("a speculative round is one submission and one readback, counted from outside", async () => {
  const worker = await loadCounted("a", { target: model, draft: { model, layers: 1 } });
  const options = { decoder: { kind: "speculative" }, maxNewTokens: 12, roundsPerReadback: 1 };
  await browser.generate("a", "the", options);
  const before = await counts(worker);
  const { metrics } = resultOf(await browser.generate("a", "the", options));
  const after = await counts(worker);
  expect(after.readbacks - before.readbacks).toBe(metrics.rounds);
  expect(after.submits - before.submits).toBe(metrics.submits);
  expect(metrics.readbacks).toBe(metrics.rounds);
});

test("two engines run at once and do not disturb each other", async () => {
  const options = { ...greedy, maxNewTokens: 20 };
  for (const name of ["a", "b"]) valueOf(await browser.load(name, { target: model }));
  expect(workers()).toBe(2);
  const alone = [];
  for (const prompt of ["the", "a dog"])
    alone.push(resultOf(await browser.generate("a", prompt, options)).tokens);
  const together = await Promise.all([
    browser.generate("a", "the", options),
    browser.generate("b", "a dog", options),
  ]);
  expect(together.map((outcome) => resultOf(outcome).tokens)).toEqual(alone);
  await browser.dispose("a");
  await until(() => workers() === 1);
  expect(resultOf(await browser.generate("b", "the", options)).tokens).toEqual(alone[0]);
});

test("a lost device is a typed error, and another engine can be loaded", async () => {
  valueOf(await browser.load("a", { target: model }));
  const [worker] = browser.page.workers();
  await worker!.evaluate(() => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { createCommandEncoder } = GPUDevice.prototype;
    GPUDevice.prototype.createCommandEncoder = function losing(description) {
      queueMicrotask(() => this.destroy());
      return createCommandEncoder.call(this, description);
    };
  });
  for (let i = 0; i < 2; i++) {
    const { error } = await browser.generate("a", "the", { maxNewTokens: 4 });
    expect(error).toMatchObject({ code: "device-lost", isCoppiceError: true });
  }
  valueOf(await browser.load("b", { target: model }));
  resultOf(await browser.generate("b", "the", { maxNewTokens: 4 }));
});

/** Ways for a device to be lost while an engine on worker 0 writes, about `rounds` rounds in. */
const LOSSES: Record<string, (rounds: number) => Promise<void>> = {
  "device.destroy()": async (rounds) => {
    await browser.page.workers()[0]!.evaluate((left) => {
      // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
      const { createCommandEncoder } = GPUDevice.prototype;
      GPUDevice.prototype.createCommandEncoder = function losing(description) {
        if (--left === 0) queueMicrotask(() => this.destroy());
        return createCommandEncoder.call(this, description);
      };
    }, rounds);
  },
  "a crash of the GPU's process": async (rounds) => {
    const session = await browser.page.context().browser()!.newBrowserCDPSession();
    await browser.page.exposeFunction("crash", () => session.send("Browser.crashGpuProcess"));
    await browser.page.evaluate((left) => (globalThis.e2eCrashAfter = left), rounds);
  },
};

test.each(Object.entries(LOSSES))(
  "a text goes on where it was broken off, token for token: %s",
  async (_, lose) => {
    const options = {
      decoder: { kind: "sample" },
      seed: 5,
      maxNewTokens: 60,
      roundsPerReadback: 1,
    };
    valueOf(await browser.load("a", { target: model }));
    const whole = resultOf(await browser.generate("a", "the", options)).tokens;
    await lose(20);
    const broken = await browser.page.evaluate(async (request) => {
      const ids: number[] = [];
      try {
        for await (const part of e2e.engines.get("a")!.generate("the", request as object)) {
          if (part.type !== "text-delta") continue;
          ids.push(...part.tokens.map(({ id }) => id));
          if (ids.length === globalThis.e2eCrashAfter) void globalThis.crash();
        }
      } catch (error) {
        return { ids, code: (error as { code: string }).code };
      }
      return { ids, code: "none" };
    }, options);
    expect(broken.code).toBe("device-lost");
    expect(broken.ids.length).toBeGreaterThan(0);
    expect(broken.ids.length).toBeLessThan(60);
    await browser.dispose("a");

    valueOf(await browser.load("b", { target: model }));
    const left = 60 - broken.ids.length;
    const resumed = { ...options, continueFrom: broken.ids, maxNewTokens: left };
    const rest = resultOf(await browser.generate("b", "the", resumed)).tokens;
    expect([...broken.ids, ...rest]).toEqual(whole);
  },
);

describe("the end of an engine", () => {
  test("disposing aborts what runs and ends the worker; later requests are refused", async () => {
    valueOf(await browser.load("a", { target: model }));
    const [running, later] = await browser.page.evaluate(async () => {
      const engine = e2e.engines.get("a")!;
      const stream = engine.generate("the");
      await stream.next();
      await engine.dispose();
      await engine.dispose();
      const late = engine.generate("the");
      return [await e2e.attempt(() => stream.result), await e2e.attempt(() => late.result)];
    });
    expect(running!.error).toMatchObject({ code: "aborted", isCoppiceError: true });
    expect(later!.error).toMatchObject({ code: "engine-disposed", isCoppiceError: true });
    await until(() => workers() === 0);
  });

  test("an engine that the page forgot is let go of", async () => {
    valueOf(await browser.load("a", { target: model }));
    expect(workers()).toBe(1);
    await browser.page.evaluate(() => e2e.engines.delete("a"));
    await until(async () => {
      await browser.page.evaluate(() => (globalThis as unknown as { gc(): void }).gc());
      return workers() === 0;
    });
  });

  test("loading can be aborted", async () => {
    const { error } = await browser.page.evaluate(
      (target) =>
        e2e.attempt(async () => {
          const controller = new AbortController();
          const { signal } = controller;
          const onProgress = (): void => controller.abort();
          await e2e.coppice.loadEngine({ target, signal, onProgress });
        }),
      model,
    );
    expect(error).toMatchObject({ code: "aborted", isCoppiceError: true });
    await until(() => workers() === 0);
  });
});
