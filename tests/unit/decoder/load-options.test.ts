// What loadEngine is asked for: defaults, sources, and the message for what is wrong.
import { describe, expect, test } from "vitest";
import { resolveLoadOptions } from "../../../src/decoder/load-options.ts";
import { refusal } from "./refusal.ts";

test("defaults", () => {
  expect(resolveLoadOptions({ target: "a/b" })).toEqual({
    target: { model: "a/b", layers: undefined, dtype: "auto" },
    draft: undefined,
    device: "auto",
    fallbackUrl: undefined,
    contextLength: undefined,
    tokenizer: undefined,
    hub: {},
    cacheBytes: Infinity,
  });
});

test("the type of weights is that of all models, or of each its own", () => {
  const dtypes = (options: object) => {
    const { target, draft } = resolveLoadOptions({ target: "a/b", ...options });
    return [target.dtype, draft?.dtype];
  };
  expect(dtypes({ draft: "a/c" })).toEqual(["auto", "auto"]);
  expect(dtypes({ draft: "a/c", dtype: "q8" })).toEqual(["q8", "q8"]);
  expect(dtypes({ draft: { model: "a/c", dtype: "q4" } })).toEqual(["auto", "q4"]);
  // The target's own layers share its weights unless they are asked for in another way.
  const halves = { target: { model: "a/b", dtype: "f16" } };
  expect(dtypes({ ...halves, draft: { model: "a/b", layers: 2 } })).toEqual(["f16", "f16"]);
  expect(dtypes({ ...halves, draft: { model: "a/b", file: "x.gguf" } })).toEqual(["f16", "auto"]);
  const draft = { model: "a/b", dtype: "q4", vocabulary: [1, 2] };
  expect(dtypes({ draft, dtype: "f16" })).toEqual(["f16", "q4"]);
  expect(dtypes({ target: { model: "a/b", dtype: "f32" }, draft: "a/c", dtype: "f16" })).toEqual([
    "f32",
    "f16",
  ]);
});

describe("a source that names a file", () => {
  const of = (target: unknown) => resolveLoadOptions({ target }).target;

  test.each([
    ["org/name/x-Q4_K_M.gguf", "org/name", "x-Q4_K_M.gguf"],
    ["org/name@v2/onnx/model_q4.onnx", "org/name@v2", "onnx/model_q4.onnx"],
    ["https://huggingface.co/o/n/blob/main/a/x.gguf", "o/n@main", "a/x.gguf"],
    ["https://huggingface.co/o/n/resolve/v1.0/x.gguf?download=true", "o/n@v1.0", "x.gguf"],
    ["https://host/m/x.gguf?key=1", "https://host/m/?key=1", "x.gguf"],
    ["https://host/m/onnx/model.onnx", "https://host/m/", "onnx/model.onnx"],
    ["/m/x.gguf", "/m/", "x.gguf"],
    ["./x.safetensors", "./", "x.safetensors"],
  ])("%s", (source, model, file) => {
    expect(of(source)).toMatchObject({ model, file, layers: undefined });
    expect(of({ model: source, layers: 2 })).toMatchObject({ model, file, layers: 2 });
  });

  test("or the file is named beside the folder", () => {
    const spec = { model: "org/name", file: "onnx/model_q4f16.onnx" };
    expect(of(spec)).toMatchObject({ ...spec, layers: undefined });
    for (const file of ["../x.gguf", "/x.gguf", "x.bin", "x.gguf?y", "", 7]) {
      expect(refusal(() => of({ model: "org/name", file })).message).toContain("target.file is");
    }
  });
});

describe("load options", () => {
  const files = {
    "config.json": new Blob(["{}"]),
    "a.bin": new Uint8Array(4),
    "b.bin": new ArrayBuffer(2),
  };

  test("sources: a repository, a URL, files, and any of them with layers", () => {
    for (const model of ["org/name", "https://host/x/", { files }]) {
      const of = (target: unknown) => resolveLoadOptions({ target }).target;
      expect(of(model)).toMatchObject({ model, layers: undefined });
      expect(of({ model, layers: 4 })).toMatchObject({ model, layers: 4 });
    }
  });

  test.each([
    [{}, "target is missing"],
    [undefined, "options is missing"],
    [{ target: "" }, 'target is ""'],
    [{ target: 5 }, "target is 5"],
    [{ target: { files: [] } }, "target.files is []"],
    [{ target: { files: new Map() } }, "target.files is a Map"],
    [{ target: { files: { "config.json": "text" } } }, 'target.files["config.json"] is "text"'],
    [{ target: { model: "a/b", layers: 0 } }, "target.layers is 0"],
    [{ target: { model: {} } }, "target.model.files is missing"],
    [{ target: "a/b", draft: null }, "draft is null"],
    [{ target: "a/b", dtype: "q5" }, 'dtype is "q5"; it must be "auto", "f32", "f16"'],
    [{ target: { model: "a/b", dtype: "int4" } }, 'target.dtype is "int4"'],
    [{ target: "a/b", device: "cpu" }, 'device is "cpu"'],
    [{ target: "a/b", contextLength: 1 }, "contextLength is 1"],
  ])("%j is refused", (options, message) => {
    const error = refusal(() => resolveLoadOptions(options));
    expect(error.code).toBe("option-invalid");
    expect(error.message).toContain(message);
  });

  test.each([
    [{ target: "a/b", modle: 1 }, 'options has no field "modle".'],
    [{ target: { model: "a/b", layer: 4 } }, 'target has no field "layer".'],
    [{ target: { files, layers: 4 } }, 'target has no field "layers".'],
  ])("unknown fields are refused: %j", (options, message) => {
    expect(refusal(() => resolveLoadOptions(options))).toMatchObject({
      code: "option-unknown",
      message,
    });
  });
});
