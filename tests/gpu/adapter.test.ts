// Start here: the smallest GPU test, and the proof that each project runs on the adapter it names.
import { expect, test } from "vitest";
import { adapterFeatures, adapterName, withDevice } from "../setup/gpu.ts";

const DOUBLE = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { x[id.x] *= 2.0; }
}`;

test("a compute shader doubles numbers", () =>
  withDevice(async (device) => {
    const input = Float32Array.from({ length: 257 }, (_, i) => i - 100);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const x = device.createBuffer({ size: input.byteLength, usage });
    const readback = device.createBuffer({
      size: input.byteLength,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(x, 0, input);

    const module = device.createShaderModule({ code: DOUBLE });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: x } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(Math.ceil(input.length / 64));
    pass.end();
    encoder.copyBufferToBuffer(x, 0, readback, 0, input.byteLength);
    device.queue.submit([encoder.finish()]);

    await readback.mapAsync(GPUMapMode.READ);
    const output = [...new Float32Array(readback.getMappedRange())];
    expect(output).toEqual([...input].map((value) => value * 2));
  }));

test("the project runs on the adapter it is named after", async () => {
  const info = await withDevice((device) => device.adapterInfo);
  const description = `${info.architecture} ${info.description}`.toLowerCase();
  const expected = { swiftshader: "swiftshader", lavapipe: "llvmpipe" }[adapterName];
  if (expected) expect(description).toContain(expected);
});

test("the two software adapters cover f16 and subgroups between them", () => {
  if (adapterName !== "hardware") expect(adapterFeatures).toContain("subgroups");
  if (adapterName === "lavapipe") expect(adapterFeatures).toContain("shader-f16");
});

test("a stray WebGPU error fails the test that left it", async () => {
  const run = withDevice((device) => {
    device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  });
  await expect(run).rejects.toThrow("WebGPU errors");
});
