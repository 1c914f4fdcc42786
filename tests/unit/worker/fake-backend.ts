// An engine without a GPU behind the real host, and a worker without a thread around that host.
import { expose } from "comlink";
import { CoppiceError } from "../../../src/errors.ts";
import { ALL_CAPABILITIES } from "../../../src/decoder/offers.ts";
import type { ChatMessage, ChatOptions } from "../../../src/options.ts";
import type { EngineFacts } from "../../../src/stream-part.ts";
import type { BeamShape, SamplesShape } from "../../../src/tree/index.ts";
import type { NgramSection } from "../../../src/tree/superposed-steps.ts";
import type {
  EngineBackend,
  LoadHooks,
  OpenBackend,
  SuperposedPlan,
} from "../../../src/worker/host-backend.ts";
import { Host } from "../../../src/worker/host.ts";
import type { ResolvedLoad } from "../../../src/decoder/load-options.ts";
import { FakeBeams, FakeSamples } from "../decoder/fake-side-by-side.ts";
import { FakeSuperposed } from "../decoder/fake-superposed.ts";
import { END, FakeSession, ids, letters, plain, spell } from "../decoder/fake-session.ts";

const model = { label: "fake", layers: 1, parameters: 1, vocabulary: 128 };
export const facts: EngineFacts = {
  device: "webgpu",
  capabilities: ALL_CAPABILITIES,
  adapter: {
    vendor: "",
    architecture: "",
    device: "",
    description: "",
    fallback: true,
    features: [],
  },
  contextLength: 2000,
  vocabSize: 128,
  target: model,
  gpuBytes: 1000,
};

/** Gives "abcabc..." for ever; one round per turn of the event loop, as a GPU does. */
export class FakeBackend implements EngineBackend {
  readonly roundTrip = 1;
  readonly facts = facts;
  readonly endOfText: ReadonlySet<number> = new Set([END]);
  readonly session = new FakeSession([plain(0), plain(1), plain(2)], facts.contextLength);
  readonly tokenizer = {
    beginOfText: 1,
    encode: (text: string) => ids(text),
    formatChat: (messages: readonly ChatMessage[], { addGenerationPrompt }: ChatOptions): string =>
      messages.map(({ role, content }) => `[${role}]${JSON.stringify(content)}`).join("") +
      (addGenerationPrompt ? "[assistant]" : ""),
    textOf: spell,
    textDecoder: () => letters(),
  };
  opened = 0;
  disposed = false;
  /** Set to stand in for the table of a model that has one. */
  readonly ngrams = { read: (): Promise<readonly NgramSection[] | undefined> => this.table };
  table: Promise<readonly NgramSection[] | undefined> = Promise.resolve(undefined);
  /** Letters a, b, c and so on, the earlier the likelier, wherever it stands. */
  readonly superposed = new FakeSuperposed(
    {
      k: 3,
      candidates: 9,
      temperature: 1,
      logits: () => Float64Array.from({ length: 128 }, (_, id) => -id / 3),
    },
    facts.contextLength,
  );
  readonly plans: { readonly key: string; readonly plan: SuperposedPlan }[] = [];

  readonly beams = new FakeBeams(ids("abcd"), END, facts.contextLength);
  readonly samples = new FakeSamples([ids("abc"), [...ids("d"), END]], facts.contextLength);
  readonly shapes: (BeamShape | SamplesShape)[] = [];

  constructor() {
    this.session.onRound = () => new Promise((resolve) => setTimeout(resolve, 1));
  }

  openSession(): Promise<FakeSession> {
    this.opened += 1;
    return Promise.resolve(this.session);
  }

  openSuperposed(key: string, plan: SuperposedPlan): Promise<FakeSuperposed> {
    this.plans.push({ key, plan });
    return Promise.resolve(this.superposed);
  }

  openBeams(shape: BeamShape): Promise<FakeBeams> {
    this.shapes.push(shape);
    return Promise.resolve(this.beams);
  }

  openSamples(shape: SamplesShape): Promise<FakeSamples> {
    this.shapes.push(shape);
    return Promise.resolve(this.samples);
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** Loads any source but "bad/model", which fails, and "slow/model", which waits to be aborted. */
export function fakeOpen(backend: EngineBackend): OpenBackend {
  return async ({ target }: ResolvedLoad, { signal, onProgress }: LoadHooks) => {
    const bytes = { loadedBytes: 1, totalBytes: 2 };
    const file = "model.safetensors";
    onProgress({ model: "target", file, ...bytes });
    if (target.model === "bad/model") throw new CoppiceError("config-missing", "None.", "Add one.");
    if (target.model === "broken/model") throw new TypeError("undefined is not a function");
    if (target.model === "slow/model") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    return backend;
  };
}

/** Stands in for the browser's `Worker`: the host runs in the same thread behind a port. */
export class FakeWorker extends EventTarget {
  static last: FakeWorker | undefined;
  static backend = new FakeBackend();
  /** Set to run no script at all, as when the file is missing. */
  static mute = false;
  terminated = false;
  readonly #port: MessagePort;

  constructor() {
    super();
    FakeWorker.last = this;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.addEventListener("message", ({ data }: MessageEvent) => {
      if (!this.terminated) this.dispatchEvent(new MessageEvent("message", { data }));
    });
    port1.start();
    if (!FakeWorker.mute) expose(new Host(fakeOpen(FakeWorker.backend)), port2);
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  terminate(): void {
    this.terminated = true;
    this.#port.close();
  }
}
