// Waiting for the GPU in a browser that looks for finished work only now and then, or when something is submitted.
import { expect, test, vi } from "vitest";
import { mapStaging } from "../../../src/gpu/readback.ts";
import { type Gpu, measureRoundTrip } from "../../../src/gpu/index.ts";

/** A GPU whose round trip takes `quiet` milliseconds of the fake clock, or `nudged` while it is nudged. */
function fakeGpu(quiet: number, nudged: number) {
  const disposed = vi.fn();
  const gpu = {
    nudges: false,
    buffers: { child: () => ({ storage: () => ({}), dispose: disposed }) },
    submitAndRead: () => new Promise((resolve) => setTimeout(resolve, gpu.nudges ? nudged : quiet)),
  };
  return { gpu: gpu as unknown as Gpu, disposed };
}

test.each([
  ["fast", 2, 1, 2, false],
  ["slow, and nudges help", 100, 4, 4, true],
  ["slow, and nudges help little", 100, 60, 100, false],
])("a round trip that is %s", async (_, quiet, nudged, wanted, nudges) => {
  vi.useFakeTimers();
  try {
    const { gpu, disposed } = fakeGpu(quiet, nudged);
    const measured = measureRoundTrip(gpu);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await measured).toBe(wanted);
    expect(gpu.nudges).toBe(nudges);
    expect(disposed.mock.calls.length, "its buffers are freed").toBe(quiet < 20 ? 1 : 2);
  } finally {
    vi.useRealTimers();
  }
});

/** A staging buffer that is mapped after `wait` ms, or never. */
function fakeStaging(wait: number, fails = false) {
  const mapAsync = () =>
    new Promise<void>((resolve, reject) => {
      setTimeout(() => (fails ? reject(new Error("lost")) : resolve()), wait);
    });
  const getMappedRange = () => Uint8Array.of(1, 2, 3, 4).buffer;
  return { mapAsync, getMappedRange, unmap: () => undefined } as unknown as GPUBuffer;
}

test.each([false, true])("nudges end with the wait; the mapping fails: %s", async (fails) => {
  vi.useFakeTimers();
  try {
    const nudge = vi.fn();
    const slices = [{ size: 4 }] as unknown as Parameters<typeof mapStaging>[1];
    const mapped = mapStaging(fakeStaging(41, fails), slices, nudge);
    const settled = Promise.allSettled([mapped]);
    await vi.advanceTimersByTimeAsync(41);
    expect(nudge).toHaveBeenCalledTimes(10);
    const [outcome] = await settled;
    expect(outcome.status).toBe(fails ? "rejected" : "fulfilled");
    await vi.advanceTimersByTimeAsync(100);
    expect(nudge).toHaveBeenCalledTimes(10);
  } finally {
    vi.useRealTimers();
  }
});
