// What only shows after a while: memory that grows, models that stay behind, a page that leaves in the middle.
import type { DraftsMetrics, GenerateOptions, Metrics } from "coppice";
import type { Worker } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { tinyModel } from "../support/tiny-model.ts";
import { resultOf, TestBrowser, until, valueOf } from "./browser.ts";

interface Held {
  /** Of the buffers that were made and not destroyed. */
  bytes: number;
  buffers: number;
}

declare global {
  /** Counted by the script that `countBuffers` puts before a worker's own. */
  var held: Held;
}

const FIRST = { target: "/models/first/", draft: { model: "/models/first/", layers: 1 } };
const SECOND = { target: "/models/second/", draft: { model: "/models/second/", layers: 1 } };
const PROMPT = "the rain";
const sampling = { temperature: 0.8 };
const chain = { kind: "chain", length: 2 } as const;

/** Every decoder, and options that need buffers of their own. */
const TURNS: readonly object[] = [
  { decoder: { kind: "greedy" } },
  { decoder: { kind: "sample", ...sampling }, logProbabilities: 2 },
  { decoder: { kind: "speculative", tree: chain } },
  { decoder: { kind: "speculative", tree: chain, sampling, verify: "recursive" } },
  { decoder: { kind: "mirostat" } },
  { decoder: { kind: "momentum" }, penalties: { repetition: 1.2 } },
  { decoder: { kind: "contrastive", topK: 2 } },
  { decoder: { kind: "superposed", drafts: 2 } },
  { decoder: { kind: "beam", beams: 2 } },
  { decoder: { kind: "samples", count: 2 } },
];
const CYCLES = 10;

let browser: TestBrowser;
beforeAll(async () => {
  const sizes = { layers: 2, hidden: 16, heads: 2, kvHeads: 1, intermediate: 24, context: 512 };
  browser = await TestBrowser.open({
    folders: {
      first: tinyModel(sizes).files,
      second: tinyModel({ ...sizes, seed: 2, hidden: 32 }).files,
    },
  });
  await countBuffers();
});
afterAll(() => browser.close());
beforeEach(() => browser.reload());

/** Counts, in every worker and from its first statement on, what buffers there are: by no means of the library's. */
async function countBuffers(): Promise<void> {
  const counting = (): void => {
    globalThis.held = { bytes: 0, buffers: 0 };
    const alive = new Set<GPUBuffer>();
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { createBuffer } = GPUDevice.prototype;
    GPUDevice.prototype.createBuffer = function counted(description) {
      const buffer = createBuffer.call(this, description);
      alive.add(buffer);
      held.bytes += buffer.size;
      held.buffers += 1;
      return buffer;
    };
    // oxlint-disable-next-line typescript/unbound-method -- the same
    const { destroy } = GPUBuffer.prototype;
    GPUBuffer.prototype.destroy = function counted() {
      if (alive.delete(this)) {
        held.bytes -= this.size;
        held.buffers -= 1;
      }
      return destroy.call(this);
    };
    // oxlint-disable-next-line typescript/unbound-method -- the same
    const { destroy: end } = GPUDevice.prototype;
    GPUDevice.prototype.destroy = function telling() {
      // The worker ends soon after, so it cannot be asked.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target
      new BroadcastChannel("device destroyed").postMessage(held);
      return end.call(this);
    };
  };
  await browser.page.route(/\/dist\/assets\/.*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${counting})();\n${await response.text()}` });
  });
}

/** Loads an engine, and gives the worker that it started. */
async function load(name: string, options: object): Promise<Worker> {
  const before = browser.page.workers();
  valueOf(await browser.load(name, options));
  return browser.page.workers().find((worker) => !before.includes(worker))!;
}

const heldBy = (worker: Worker): Promise<Held> => worker.evaluate(() => ({ ...held }));

test(`${CYCLES * TURNS.length} texts of every decoder in turns leave no byte behind on the GPU`, async () => {
  const worker = await load("a", FIRST);
  const cycle = (): Promise<number[]> =>
    browser.page.evaluate(
      async ([prompt, turns]) => {
        const bytes: number[] = [];
        for (const turn of turns) {
          const options = { maxNewTokens: 2, seed: 3, roundsPerReadback: 1, ...turn };
          const stream = e2e.engines.get("a")!.generate(prompt, options as GenerateOptions);
          const { metrics } = (await stream.result) as { metrics: Metrics | DraftsMetrics };
          bytes.push(metrics.gpuBytes);
        }
        return bytes;
      },
      [PROMPT, TURNS] as const,
    );
  // Sessions for drafts stay for the next request of their kind, so the second cycle is the first that is like all others.
  await cycle();
  const told = await cycle();
  const held = await heldBy(worker);
  expect(held.bytes, "what the library tells is what there is").toBe(told.at(-1));
  expect(new Set(told).size, "sessions differ in size").toBeGreaterThan(1);
  for (let i = 2; i < CYCLES; i++) {
    expect(await cycle()).toEqual(told);
    expect(await heldBy(worker)).toEqual(held);
  }
});

test("another pair, then the first again: the same text, and no buffer outlives its engine", async () => {
  const options = { decoder: { kind: "speculative", tree: chain, sampling }, maxNewTokens: 8 };
  const texts: (readonly number[])[] = [];
  const held: Held[] = [];
  for (const pair of [FIRST, SECOND, FIRST]) {
    const worker = await load("a", pair);
    texts.push(resultOf(await browser.generate("a", PROMPT, options)).tokens);
    held.push(await heldBy(worker));
    const left = await browser.page.evaluate(async () => {
      const channel = new BroadcastChannel("device destroyed");
      const told = new Promise((resolve) => {
        channel.addEventListener("message", ({ data }) => resolve(data));
      });
      await e2e.dispose("a");
      return told;
    });
    expect(left, "when the device is destroyed").toEqual({ bytes: 0, buffers: 0 });
    await until(() => browser.page.workers().length === 0);
  }
  expect(texts[2]).toEqual(texts[0]);
  expect(texts[1]).not.toEqual(texts[0]);
  expect(held[2]).toEqual(held[0]);
  expect(held[0]!.bytes).toBeGreaterThan(10_000);
});

test("a page that leaves while it writes: the next one loads, and writes the same", async () => {
  const options = { decoder: { kind: "sample", ...sampling }, seed: 4, maxNewTokens: 12 };
  await load("a", FIRST);
  const expected = resultOf(await browser.generate("a", PROMPT, options)).tokens;
  await browser.page.evaluate(async (prompt) => {
    const request = { decoder: { kind: "greedy" }, roundsPerReadback: 1 } as const;
    const stream = e2e.engines.get("a")!.generate(prompt, request);
    let ended = false;
    const note = (): void => void (ended = true);
    stream.result.then(note, note);
    addEventListener("pagehide", () => sessionStorage.setItem("ended", String(ended)));
    for (let parts = 0; parts < 4; parts++) await stream.next();
    void (async () => {
      for await (const part of stream) document.title = part.type;
    })();
  }, PROMPT);
  await browser.reload();
  expect(await browser.page.evaluate(() => sessionStorage.getItem("ended"))).toBe("false");
  await until(() => browser.page.workers().length === 0);
  await load("a", FIRST);
  expect(resultOf(await browser.generate("a", PROMPT, options)).tokens).toEqual(expected);
});
