// Page, boundary and host together, with a fake engine behind and a fake worker between.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { CoppiceError, loadEngine, type Engine, type LoadOptions } from "../../../src/index.ts";
import { fakeOpen, FakeBackend, FakeWorker, facts } from "./fake-backend.ts";

const engines: Engine[] = [];
async function load(options: Partial<LoadOptions> = {}): Promise<Engine> {
  const engine = await loadEngine({ target: "fake/model", ...options });
  engines.push(engine);
  return engine;
}
const backend = (): FakeBackend => FakeWorker.backend;
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(() => {
  vi.stubGlobal("Worker", FakeWorker);
  vi.stubGlobal("document", { baseURI: "https://page.test/app/" });
});
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  FakeWorker.backend = new FakeBackend();
  FakeWorker.mute = false;
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(engines.splice(0).map((engine) => engine.dispose()));
});

describe("loading", () => {
  test("gives the facts, and progress on the way", async () => {
    const onProgress = vi.fn<(progress: unknown) => void>();
    const engine = await load({ onProgress });
    expect(engine.facts).toEqual(facts);
    expect(engine.adapter).toEqual(facts.adapter);
    const bytes = { loadedBytes: 1, totalBytes: 2 };
    const file = { model: "target", file: "model.safetensors", fromCache: false, ...bytes };
    expect(onProgress).toHaveBeenCalledExactlyOnceWith({ ...file, overall: bytes });
  });

  test("an error crosses as the class it was, and the worker is ended", async () => {
    const error: unknown = await load({ target: "bad/model" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CoppiceError);
    expect(error).toMatchObject({ code: "config-missing", message: "None.", fix: "Add one." });
    expect(FakeWorker.last!.terminated).toBe(true);
  });

  test("an error of another class becomes one of ours", async () => {
    const error: unknown = await load({ target: "broken/model" }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(CoppiceError);
    expect(error).toMatchObject({ code: "internal", message: "undefined is not a function" });
  });

  test("can be aborted, before and while it runs", async () => {
    await expect(load({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    const controller = new AbortController();
    const loading = load({ target: "slow/model", signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(loading).rejects.toMatchObject({ code: "aborted" });
    expect(FakeWorker.last!.terminated).toBe(true);
  });

  test("can be aborted while a response is still being read", async () => {
    const controller = new AbortController();
    const never = new Response(new ReadableStream());
    const target = { files: { "model.safetensors": never } };
    const loading = load({ target, signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(loading).rejects.toMatchObject({ code: "aborted" });
    expect(FakeWorker.last!.terminated).toBe(true);
  });

  test("bad options are refused", async () => {
    await expect(load({ device: "abacus" } as object)).rejects.toMatchObject({
      code: "option-invalid",
    });
    await expect(load({ colour: "red" } as object)).rejects.toMatchObject({
      code: "option-unknown",
    });
    await expect(load({ contextLength: (() => 4) as never })).rejects.toMatchObject({
      code: "option-invalid",
    });
    await expect(load({ target: { files: new Map() as never } })).rejects.toMatchObject({
      code: "option-invalid",
    });
    await expect(load({ signal: {} as never })).rejects.toMatchObject({ code: "option-invalid" });
    await expect(loadEngine(undefined as never)).rejects.toMatchObject({ code: "option-invalid" });
  });

  test("a script that does not load is an error, not silence", async () => {
    FakeWorker.mute = true;
    const loading = load();
    await expect.poll(() => FakeWorker.last).toBeDefined();
    setTimeout(() => FakeWorker.last!.dispatchEvent(new Event("error")), 5);
    await expect(loading).rejects.toMatchObject({
      code: "worker-failed",
      message: "The worker failed: its script could not be loaded.",
    });
  });

  test("a worker that may not be started is an error", async () => {
    vi.stubGlobal("Worker", function refuse() {
      throw new DOMException("Script origin not allowed", "SecurityError");
    });
    await expect(load()).rejects.toMatchObject({ code: "worker-failed" });
    // Where a page is rendered on a server there is none at all.
    vi.stubGlobal("Worker", undefined);
    await expect(load({ target: "/models/x/" })).rejects.toMatchObject({ code: "worker-failed" });
    vi.stubGlobal("Worker", FakeWorker);
  });
});

test("a conversation becomes text by the model's template, and can be looked at", async () => {
  const engine = await load();
  const messages = [{ role: "user", content: "ab" }];
  const text = '[user]"ab"[assistant]';
  expect((await engine.encode(messages)).text).toBe(text);
  expect((await engine.encode(messages, { addGenerationPrompt: false })).text).toBe('[user]"ab"');
  expect(await engine.encode("ab")).toEqual({ text: "ab", tokens: [0, 1] });
  await expect(engine.encode([])).rejects.toMatchObject({ code: "option-invalid" });
  const { usage } = await engine.generate(messages, { maxNewTokens: 2 }).result;
  expect(usage.promptTokens).toBe(text.length);
  const drafts = { decoder: { kind: "beam", beams: 2 }, maxNewTokens: 2 } as const;
  const stream = engine.generate(messages, drafts);
  const [first] = (await stream.result).drafts;
  expect((await stream.result).usage.promptTokens).toBe(text.length);
  const next = await stream.accept(first!).result;
  expect(next.usage.promptTokens).toBe(text.length + first!.tokens.length);
});

describe("sources", () => {
  /** What the host is asked to load. */
  async function crossed(target: LoadOptions["target"]): Promise<unknown> {
    const seen = vi.spyOn(FakeWorker.prototype, "postMessage");
    await load({ target });
    const message = seen.mock.calls[0]![0] as { argumentList: { value: { target: unknown } }[] };
    seen.mockRestore();
    return message.argumentList[0]!.value.target;
  }

  test("relative URLs are the page's, everything else stays", async () => {
    expect(await crossed("./models/x")).toBe("https://page.test/app/models/x");
    expect(await crossed("../x")).toBe("https://page.test/x");
    expect(await crossed("/x/y")).toBe("https://page.test/x/y");
    expect(await crossed({ model: "./x", layers: 2 })).toEqual({
      model: "https://page.test/app/x",
      layers: 2,
    });
    expect(await crossed("https://other.test/x")).toBe("https://other.test/x");
    expect(await crossed("org/name")).toBe("org/name");
  });

  test("in a worker of the page's own, which has no document, they are that worker's", async () => {
    vi.stubGlobal("document", undefined);
    vi.stubGlobal("location", new URL("https://page.test/tasks/worker.js"));
    expect(await crossed("./models/x")).toBe("https://page.test/tasks/models/x");
    expect(await crossed("/x/y")).toBe("https://page.test/x/y");
    vi.stubGlobal("location", undefined);
    vi.stubGlobal("document", { baseURI: "https://page.test/app/" });
  });

  test("responses cross as blobs", async () => {
    const files = { "config.json": new Response("{}"), "a.bin": new Uint8Array([1]) };
    const target = (await crossed({ files })) as { files: Record<string, unknown> };
    expect(target.files["config.json"]).toBeInstanceOf(Blob);
    expect(await (target.files["config.json"] as Blob).text()).toBe("{}");
    expect(target.files["a.bin"]).toBe(files["a.bin"]);
  });

  test("a response that serves twice is read once, and one that was read before is refused", async () => {
    const files = { "config.json": new Response("{}") };
    await load({ target: { files }, draft: { model: { files }, layers: 1 } });
    const read = new Response("{}");
    await read.text();
    const loading = load({ target: { files: { "config.json": read } } });
    await expect(loading).rejects.toMatchObject({ code: "network" });
  });

  test("a response that failed is no file", async () => {
    const files = { "config.json": new Response("not here", { status: 404 }) };
    await expect(load({ target: { files } })).rejects.toMatchObject({ code: "network" });
  });
});

describe("generating", () => {
  test("streams text and gives the result", async () => {
    const stream = (await load()).generate("abc", { maxNewTokens: 5 });
    let text = "";
    for await (const part of stream) if (part.type === "text-delta") text += part.text;
    expect(text).toBe("abcab");
    expect(await stream.result).toMatchObject({ text, finishReason: "length" });
  });

  test("an abort fails at once and stops the rounds", async () => {
    const engine = await load();
    const controller = new AbortController();
    const stream = engine.generate("abc", { signal: controller.signal });
    const reading = (async () => {
      for await (const part of stream) if (part.type === "text-delta") controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
    await expect(stream.result).rejects.toMatchObject({ code: "aborted" });
    await later(20);
    const { rounds } = backend().session;
    await later(20);
    expect(backend().session.rounds).toBe(rounds);
  });

  test("a signal that has fired before sends nothing", async () => {
    const engine = await load();
    const stream = engine.generate("abc", { signal: AbortSignal.abort() });
    await expect(stream.result).rejects.toMatchObject({ code: "aborted" });
    await later(10);
    expect(backend().opened).toBe(0);
  });

  test("the signal is let go of at the end", async () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    await (await load()).generate("abc", { maxNewTokens: 1, signal }).result;
    expect(removed).toHaveBeenCalledOnce();
  });

  test("requests are served one after another, and an aborted one is passed over", async () => {
    const engine = await load();
    const controller = new AbortController();
    const order: string[] = [];
    const note = (name: string) => (reason: unknown) =>
      order.push(`${name} ${(reason as { code?: string }).code ?? "ok"}`);
    const first = engine.generate("a", { maxNewTokens: 20 }).result.then(note("first"));
    const second = engine.generate("b", { signal: controller.signal }).result.catch(note("second"));
    const third = engine.generate("c", { maxNewTokens: 3 }).result.then(note("third"));
    await later(5);
    controller.abort();
    await Promise.all([first, second, third]);
    expect(order).toEqual(["second aborted", "first ok", "third ok"]);
    expect(backend().opened).toBe(2);
  });

  test.each([
    [{ prompt: "a".repeat(2000), options: {} }, "context-overflow"],
    [{ prompt: "a", options: { overflow: "slide" } }, "option-invalid"],
    [{ prompt: "a", options: { continueFrom: new Array(1999).fill(0) } }, "context-overflow"],
    [{ prompt: "a", options: { continueFrom: [128] } }, "option-invalid"],
    [
      { prompt: "a", options: { overflow: { kind: "slide", keep: 1999 }, maxNewTokens: 1 } },
      "option-invalid",
    ],
    [{ prompt: 4, options: {} }, "option-invalid"],
    [{ prompt: [], options: {} }, "option-invalid"],
    [{ prompt: [{ content: "hi" }], options: {} }, "option-invalid"],
    [{ prompt: "a", options: { chat: {} } }, "option-invalid"],
    [{ prompt: [{ role: "user" }], options: { chat: { tool: 1 } } }, "option-unknown"],
    [{ prompt: "a", options: { seed: -1 } }, "option-invalid"],
    [{ prompt: "a", options: { seeds: 1 } }, "option-unknown"],
    [{ prompt: "a", options: { stop: [() => "x"] } }, "option-invalid"],
    [{ prompt: "a", options: { decoder: { kind: "speculative" } } }, "option-invalid"],
    [{ prompt: "a", options: { signal: "now" } }, "option-invalid"],
  ])("a bad request is refused and the next one served: %j", async ({ prompt, options }, code) => {
    const engine = await load();
    const bad = engine.generate(prompt as string, options as object);
    await expect(bad.next()).rejects.toMatchObject({ code });
    expect(backend().opened).toBe(0);
    const good = await engine.generate("abc", { maxNewTokens: 2 }).result;
    expect(good.text).toBe("ab");
  });

  test("a prompt that is too long may lose its middle, where that is asked for", async () => {
    const engine = await load();
    const prompt = "a".repeat(2000) + "b";
    const options = { overflow: "slide", maxNewTokens: 3 } as const;
    const { text, usage } = await engine.generate(prompt, options).result;
    expect(text).toBe("abc");
    expect(usage.promptTokens).toBe(2001);
    // No beginning-of-text token in front, so only the end is kept.
    expect(backend().session.prompt).toEqual([...new Array<number>(999).fill(0), 1]);
  });

  test("a bad request does not wait for its turn", async () => {
    const engine = await load();
    const long = engine.generate("a");
    await expect(engine.generate("a", { seed: -1 }).result).rejects.toMatchObject({
      code: "option-invalid",
    });
    await long.return?.();
  });

  test("an error in a round ends the request, and the next one is served", async () => {
    const engine = await load();
    const { onRound } = backend().session;
    backend().session.onRound = () => Promise.reject(new Error("round failed"));
    await expect(engine.generate("a").result).rejects.toMatchObject({
      code: "internal",
      message: "round failed",
    });
    backend().session.onRound = onRound;
    expect((await engine.generate("a", { maxNewTokens: 1 }).result).text).toBe("a");
  });
});

describe("the end of an engine", () => {
  test("disposing aborts what runs and waits, frees the engine and ends the worker", async () => {
    const engine = await load();
    const streams = [engine.generate("a"), engine.generate("b")];
    await streams[0]!.next();
    await engine.dispose();
    for (const stream of streams) {
      await expect(stream.result).rejects.toMatchObject({ code: "aborted" });
    }
    expect(backend().disposed).toBe(true);
    expect(FakeWorker.last!.terminated).toBe(true);
  });

  test("after that, generating fails and disposing again does nothing", async () => {
    const engine = await load();
    await engine.dispose();
    await engine.dispose();
    const stream = engine.generate("a");
    await expect(stream.next()).rejects.toMatchObject({ code: "engine-disposed" });
    await expect(stream.result).rejects.toMatchObject({ code: "engine-disposed" });
  });

  test("an error nobody caught in the worker fails what runs and all that follows", async () => {
    const engine = await load();
    const running = engine.generate("a");
    await running.next();
    FakeWorker.last!.dispatchEvent(Object.assign(new Event("error"), { message: "boom" }));
    await expect(running.result).rejects.toMatchObject({
      code: "worker-failed",
      message: "The worker failed: boom.",
    });
    await expect(engine.generate("a").result).rejects.toMatchObject({ code: "worker-failed" });
    // Nobody is waited for: on this clock no time passes.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    await engine.dispose();
  });

  test("a worker that does not answer is ended all the same", async () => {
    const engine = await load();
    backend().session.onRound = () => new Promise(() => undefined);
    engine.generate("a");
    await later(10);
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const ended = engine.dispose();
    await vi.advanceTimersByTimeAsync(2000);
    await ended;
    expect(FakeWorker.last!.terminated).toBe(true);
  });
});

test("the host frees an engine whose loading was aborted too late to stop it", async () => {
  const { Host } = await import("../../../src/worker/host.ts");
  const host = new Host(fakeOpen(backend()));
  const { port1, port2 } = new MessageChannel();
  const loading = host.load({ target: "slow/model" }, port2);
  port1.close();
  await expect(loading).rejects.toMatchObject({ code: "aborted" });
  expect(backend().disposed).toBe(true);
  port2.close();
});
