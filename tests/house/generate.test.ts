// What `npm run generate` accepts, refuses, and hands to the engine. The run itself is an e2e test.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readArguments } from "../../scripts/generate/arguments.mjs";
import { modelSources } from "../../scripts/generate/models.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";

const folder = mkdtempSync(join(tmpdir(), "coppice-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("options that are not given are left to the engine's defaults", () => {
  const options = readArguments([]);
  expect(options.load).toEqual({});
  expect(options.generate).toEqual({});
});

test("options are read into the engine's own words", () => {
  const decoder = `{"kind":"greedy"}`;
  const args = `--prompt=|--decoder=${decoder}|--max-new-tokens=5|--seed=0|--device=wasm|--json`;
  const options = readArguments(args.split("|"));
  expect(options.prompt).toBe("");
  expect(options.json).toBe(true);
  expect(options.load).toEqual({ device: "wasm" });
  expect(options.generate).toEqual({ decoder: { kind: "greedy" }, maxNewTokens: 5, seed: 0 });
});

test("a decoder may be named by its kind alone", () => {
  expect(readArguments(["--decoder=mirostat"]).generate).toEqual({ decoder: { kind: "mirostat" } });
  expect(readArguments(["--decoder=momentum"]).generate).toEqual({ decoder: { kind: "momentum" } });
});

test.each([
  ["--colour"],
  ["stray"],
  ["--seed=x"],
  ["--max-new-tokens=1.5"],
  ["--draft-layers=-1"],
  ["--decoder={"],
  ["--adapter=voodoo"],
  ["--prompt"],
])("refused: %s", (argument) => {
  expect(() => readArguments([argument])).toThrow(
    expect.objectContaining({ code: "option-invalid", fix: expect.stringContaining("--help") }),
  );
});

test("no models means the embedded pair", () => {
  expect(modelSources({})).toEqual({
    target: "/models/target/",
    draft: { model: "/models/draft/" },
    mounts: {
      "/models/target/": join(ROOT, "models/tales/target"),
      "/models/draft/": join(ROOT, "models/tales/draft"),
    },
  });
});

test("a target alone has no draft, and draft layers alone are its own", () => {
  expect(modelSources({ target: folder }).draft).toBeUndefined();
  expect(modelSources({ target: folder, draftLayers: 4 }).draft).toEqual({
    model: "/models/target/",
    layers: 4,
  });
  expect(modelSources({ target: folder, draft: "org/name", draftLayers: 2 }).draft).toEqual({
    model: "org/name",
    layers: 2,
  });
});

test("the draft's type of weights is its own; of a target alone it makes the draft", () => {
  expect(modelSources({ draftDtype: "q4" }).draft).toEqual({
    model: "/models/draft/",
    dtype: "q4",
  });
  expect(modelSources({ target: folder, draftDtype: "q4" }).draft).toEqual({
    model: "/models/target/",
    dtype: "q4",
  });
  const draft = { draft: "org/name", draftLayers: 2, draftDtype: "q8" };
  expect(modelSources({ target: folder, ...draft }).draft).toEqual({
    model: "org/name",
    layers: 2,
    dtype: "q8",
  });
});

test("a file of weights is named within its folder", () => {
  mkdirSync(join(folder, "onnx"));
  for (const file of ["m-Q4_0.gguf", "onnx/model_q4.onnx"]) writeFileSync(join(folder, file), "");
  expect(modelSources({ target: join(folder, "m-Q4_0.gguf"), draftLayers: 2 })).toEqual({
    target: "/models/target/m-Q4_0.gguf",
    draft: { model: "/models/target/m-Q4_0.gguf", layers: 2 },
    mounts: { "/models/target/": folder },
  });
  expect(modelSources({ target: join(folder, "onnx/model_q4.onnx") })).toEqual({
    target: "/models/target/onnx/model_q4.onnx",
    mounts: { "/models/target/": folder },
  });
  expect(modelSources({ target: "org/name/m.gguf" }).target).toBe("org/name/m.gguf");
});

test("hub repositories and URLs pass through, missing folders are refused", () => {
  expect(modelSources({ target: "org/some-model.v2" }).target).toBe("org/some-model.v2");
  expect(modelSources({ target: "https://example.org/m/" }).target).toBe("https://example.org/m/");
  for (const target of ["./nothing", "/nothing/here", "nothing", "a/b/c"]) {
    expect(() => modelSources({ target })).toThrow(/no target model/);
  }
});
