/** One GPU device with what the layers above need of it: buffers, kernels, submissions, counts. */
import { CoppiceError } from "../errors.ts";
import type { AdapterFacts } from "../stream-part.ts";
import { BufferScope } from "./buffers.ts";
import { deviceLost, lossOf } from "./device-loss.ts";
import { Kernels } from "./kernel.ts";
import { PhaseTimer, type PhaseTimes } from "./phase-timer.ts";
import { mapStaging, Staging } from "./readback.ts";
import type { ReadbackRequest, Recording } from "./recording.ts";

/** Running totals since the device was opened. */
export interface GpuCounters {
  submits: number;
  readbacks: number;
  dispatches: number;
}

export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  readonly kernels: Kernels;
  /** The root of all buffers: its `bytes` is what the library holds on the GPU. */
  readonly buffers: BufferScope;
  readonly counters: GpuCounters = { submits: 0, readbacks: 0, dispatches: 0 };
  /**
   * Whether empty submissions go to the queue while a readback is awaited. Firefox looks for finished work every 100 ms, and
   * whenever something is submitted (https://bugzilla.mozilla.org/show_bug.cgi?id=1870699). They carry no work and are not
   * among `counters.submits`. Default false; `measureRoundTrip` decides.
   */
  nudges = false;
  readonly #staging: Staging;
  #timer: PhaseTimer | undefined;
  #lost: CoppiceError | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(device: GPUDevice, adapter: AdapterFacts) {
    this.device = device;
    this.adapter = adapter;
    this.kernels = new Kernels(device);
    this.buffers = new BufferScope(device, "coppice");
    this.#staging = new Staging(device);
    void device.lost.then((info) => {
      this.#lost = deviceLost(info);
    });
  }

  /** Bytes on the GPU now, staging included. */
  get bytes(): number {
    return this.buffers.bytes + this.#staging.bytes + (this.#timer?.bytes ?? 0);
  }

  /** Submits the recordings, which are ready, in order as one command buffer, and waits for nothing. */
  submit(...recordings: Recording[]): void {
    this.#throwIfLost();
    const encoder = this.device.createCommandEncoder();
    this.#encode(encoder, recordings);
    this.#finish(encoder);
  }

  /**
   * Submits the recordings, once they are ready, and reads `slices` back: one submission, one readback. Calls queue up
   * behind each other, since the staging buffer serves one at a time.
   */
  async submitAndRead(
    recordings: readonly Recording[],
    slices: ReadbackRequest,
  ): Promise<ArrayBuffer[]> {
    return (await this.#submitAndRead(recordings, slices)).bytes;
  }

  /** The same, with the time of each phase in milliseconds; undefined where the device has no timestamps. */
  submitTimed(
    recordings: readonly Recording[],
    slices: ReadbackRequest,
  ): Promise<{ bytes: ArrayBuffer[]; times: PhaseTimes | undefined }> {
    this.#timer ??= PhaseTimer.create(this.device);
    return this.#submitAndRead(recordings, slices, this.#timer);
  }

  #submitAndRead(
    recordings: readonly Recording[],
    slices: ReadbackRequest,
    timer?: PhaseTimer,
  ): Promise<{ bytes: ArrayBuffer[]; times: PhaseTimes | undefined }> {
    const result = this.#turn.then(async () => {
      await Promise.all(recordings.map((recording) => recording.ready()));
      this.#throwIfLost();
      const encoder = this.device.createCommandEncoder();
      timer?.begin();
      this.#encode(encoder, recordings, timer);
      const wanted = timer ? [...slices, timer.resolve(encoder)] : slices;
      const staging = this.#staging.copy(encoder, wanted);
      this.#finish(encoder);
      this.counters.readbacks += 1;
      try {
        const nudge = this.nudges ? () => this.device.queue.submit([]) : undefined;
        const bytes = await mapStaging(staging, wanted, nudge);
        const times = timer?.read(bytes.pop()!);
        return { bytes, times };
      } catch (cause) {
        throw (await lossOf(this.device)) ?? cause;
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all that was submitted is done, or the device is lost. No readback. */
  async workDone(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
  }

  /** Runs `work` (allocations, uploads) and turns an out-of-memory error of the GPU into a typed one. */
  async guardMemory<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.device.pushErrorScope("out-of-memory");
    let outcome: { readonly result: T } | { readonly cause: unknown };
    try {
      outcome = { result: await work() };
    } catch (cause) {
      outcome = { cause };
    }
    const fault = await this.device.popErrorScope();
    if (fault) {
      throw new CoppiceError(
        "out-of-memory",
        `The GPU ran out of memory while ${what} (${fault.message.split("\n")[0]}).`,
        'Use a smaller model, a shorter contextLength or dtype "q4", or close other tabs.',
        "cause" in outcome ? outcome : undefined,
      );
    }
    if ("cause" in outcome) throw outcome.cause;
    return outcome.result;
  }

  dispose(): void {
    this.buffers.dispose();
    this.#staging.dispose();
    this.#timer?.dispose();
    this.device.destroy();
  }

  #encode(encoder: GPUCommandEncoder, recordings: readonly Recording[], timer?: PhaseTimer): void {
    for (const recording of recordings) {
      recording.encode(encoder, timer);
      this.counters.dispatches += recording.dispatches.length;
    }
  }

  #finish(encoder: GPUCommandEncoder): void {
    this.device.queue.submit([encoder.finish()]);
    this.counters.submits += 1;
  }

  #throwIfLost(): void {
    if (this.#lost) throw this.#lost;
  }
}
