// Compiling: kernels are asked for at once, can be bound meanwhile, and are waited for before they run.
import { expect, test } from "vitest";
import { describe } from "../../src/gpu/device.ts";
import { Gpu, Recording } from "../../src/gpu/index.ts";
import { argmaxRows, argmaxRowsGrid } from "../../src/kernels/index.ts";
import { requestDevice, withDevice } from "../setup/gpu.ts";
import { loadTestModel, roundSession } from "../support/engine.ts";
import { plantFault } from "../support/kernel-run.ts";
import { tinyModel } from "../support/tiny-model.ts";

const open = (device: GPUDevice): Gpu => new Gpu(device, describe(device.adapterInfo, device));

/** `argmax-rows` on two rows, bound. */
function recordArgmax(gpu: Gpu, spec = argmaxRows) {
  const logits = gpu.buffers.upload("logits", Float32Array.of(1, 5, 2, 9, 3, 4));
  const ids = gpu.buffers.storage("ids", 8);
  const recording = new Recording();
  const kernel = gpu.kernels.compile(spec);
  recording.dispatch(kernel.bind(gpu.buffers, { logits, ids }, { vocab: 3 }), argmaxRowsGrid(2));
  return { recording, ids };
}

test("a session asks for all its kernels before it waits for one", () =>
  withDevice(async (device) => {
    let [asked, done] = [0, 0];
    const askedAtFirst: number[] = [];
    const create = device.createComputePipelineAsync.bind(device);
    device.createComputePipelineAsync = async (descriptor) => {
      asked += 1;
      const pipeline = await create(descriptor);
      if (done++ === 0) askedAtFirst.push(asked);
      return pipeline;
    };
    const gpu = open(device);
    const { files } = tinyModel({ layers: 2 });
    const target = await loadTestModel(gpu, files);
    const draft = await loadTestModel(gpu, files, { layers: 1 });
    expect(asked).toBe(0);
    await roundSession(gpu, target, draft, { kind: "best-first" });
    expect(asked).toBeGreaterThan(10);
    expect(done).toBe(asked);
    expect(askedAtFirst).toEqual([asked]);
  }));

test("what is not compiled yet cannot be submitted without waiting; a readback waits by itself", () =>
  withDevice(async (device) => {
    const gpu = open(device);
    const { recording, ids } = recordArgmax(gpu);
    expect(recording.isReady).toBe(false);
    expect(() => gpu.submit(recording)).toThrowError(
      expect.objectContaining({ code: "internal" }) as Error,
    );
    const [bytes] = await gpu.submitAndRead([recording], [ids]);
    expect(recording.isReady).toBe(true);
    expect([...new Uint32Array(bytes!, 0, 2)]).toEqual([1, 0]);
    gpu.submit(recording);
  }));

test("a shader that the device refuses is told by line, to whoever runs it", async () => {
  const device = await requestDevice();
  device.addEventListener("uncapturederror", (event) => event.preventDefault());
  const gpu = open(device);
  const { recording, ids } = recordArgmax(gpu, plantFault(argmaxRows, "fn main", "fn main(("));
  const refused = {
    code: "shader-invalid",
    message: expect.stringMatching(/^argmax-rows.*\.wgsl:\d+:\d+ \S/) as string,
  };
  await expect(recording.ready()).rejects.toMatchObject(refused);
  await expect(gpu.submitAndRead([recording], [ids])).rejects.toMatchObject(refused);
  gpu.dispose();
});

test("a device that is gone is told as that", async () => {
  const device = await requestDevice();
  const gpu = open(device);
  const { recording, ids } = recordArgmax(gpu);
  device.destroy();
  // Whether it was compiled before that or not.
  const outcome = gpu.submitAndRead([recording], [ids]);
  await expect(outcome).rejects.toMatchObject({ code: "device-lost" });
});
