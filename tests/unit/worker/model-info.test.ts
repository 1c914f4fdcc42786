// What a model is and weighs, told without its weights.
import { afterAll, beforeAll, expect, test } from "vitest";
import { filesApi } from "../../../src/worker/host-info.ts";
import { serveFiles } from "../../support/file-server.ts";
import { HubServer } from "../../support/hub-server.ts";
import { jsonFile, tinyModel } from "../../support/tiny-model.ts";

const { files, config, tensors } = tinyModel({ layers: 2, intermediate: 6400, dtype: "BF16" });
const sizes = Object.fromEntries(Object.entries(files).map(([name, { length }]) => [name, length]));
const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
const parameters = Object.values(tensors).reduce(
  (sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1),
  0,
);
const facts = {
  architecture: "llama",
  layers: 2,
  parameters,
  dtype: "BF16",
  contextLength: config.max_position_embeddings,
  vocabSize: config.vocab_size,
};

let hub: HubServer;
beforeAll(async () => {
  const odd = { ...files, "config.json": jsonFile({ ...config, hidden_act: "odd" }) };
  hub = await HubServer.open({
    "org/tiny": { revisions: { main: { ...files, "README.md": jsonFile("not read") } } },
    "org/odd": { revisions: { main: odd } },
  });
});
afterAll(() => hub.close());
const info = (model: unknown) => filesApi.modelInfo(model, { hub: { endpoint: hub.url } });

test("of a repository: its files, their sizes, what the headers say, for few bytes", async () => {
  const told = await info("org/tiny");
  expect(told).toMatchObject({ label: "org/tiny", ...facts });
  expect(told).toMatchObject({ totalBytes: total, cachedBytes: 0, downloadBytes: total });
  expect(Object.fromEntries(told.files.map(({ name, bytes }) => [name, bytes]))).toEqual(sizes);
  const fetched = hub.requests.filter(({ path }) => path.includes("safetensors"));
  expect(fetched.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThanOrEqual(2 ** 16);
  expect(sizes["model.safetensors"]).toBeGreaterThan(2 ** 20);
});

test("of a folder, and of files that were handed in", async () => {
  const server = await serveFiles(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`m/${name}`, bytes])),
  );
  expect(await info(`${server.url}m`)).toMatchObject({ ...facts, totalBytes: total });
  await server.close();
  const told = await info({ model: { files }, layers: 1 });
  expect(told).toMatchObject({ ...facts, layers: 1, downloadBytes: 0 });
});

test("what it would take on the GPU, by the type and the context that are wanted", async () => {
  const of = async (options: object) => {
    const { memory } = await filesApi.modelInfo({ files }, options);
    return memory!;
  };
  const [half, full, long] = [
    await of({}),
    await of({ dtype: "f32" }),
    await of({ contextLength: 60 }),
  ];
  // Weights of 2 bytes and of 4, and small norms and tables beside them.
  expect(half.weights).toBeGreaterThan(2 * parameters);
  expect(full.weights / half.weights).toBeCloseTo(2, 1);
  expect(full.caches).toBe(half.caches);
  expect(long.caches).toBeLessThan(half.caches);
  await expect(of({ contextLength: 1 })).rejects.toMatchObject({ code: "option-invalid" });
  const told = await filesApi.modelInfo({ files }, { contextLength: 2 ** 24 });
  expect(told.problem).toMatchObject({ code: "option-invalid" });
});

test("a model that cannot be loaded is told of all the same, with the reason", async () => {
  const told = await info("org/odd");
  expect(told.totalBytes).toBeGreaterThan(2 ** 20);
  expect(told.problem).toMatchObject({
    code: "config-invalid",
    message: expect.stringContaining("hidden_act") as string,
  });
});

test("what cannot be found, or asked so, is an error", async () => {
  await expect(info("org/absent")).rejects.toMatchObject({ code: "access-denied" });
  await expect(info("nothing")).rejects.toMatchObject({ code: "source-invalid" });
  await expect(filesApi.modelInfo("a/b", { token: 1 })).rejects.toMatchObject({
    code: "option-unknown",
  });
});

test("where nothing is kept, nothing is there to be cleared", async () => {
  expect(await filesApi.cachedModels()).toEqual([]);
  expect(await filesApi.clearCache(undefined)).toBe(0);
  await expect(filesApi.clearCache(4)).rejects.toMatchObject({ code: "option-invalid" });
});
