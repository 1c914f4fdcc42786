// ONNX Runtime in Node, and models on it.
import { readFileSync } from "node:fs";
import { env } from "onnxruntime-web/wasm";
import { GraphModel } from "../../src/fallback/graph-model.ts";
import { parseModelConfig } from "../../src/model/config.ts";
import { openStore } from "../../src/model/formats/open-store.ts";
import { elementsOf, isTensorDtype } from "../../src/model/formats/tensor-store.ts";
import { openSource } from "../../src/model/source/index.ts";
import { convertTensor } from "../../src/model/weights/convert.ts";

export type TestFiles = Record<string, Uint8Array<ArrayBuffer>>;

const WASM = new URL(
  "../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  import.meta.url,
);

/** ONNX Runtime's WebAssembly as bytes: Node's `fetch` reads no files. */
export function wasmBytes(): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(WASM);
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

/** Call it before the first session. */
export function useOrt(): void {
  env.wasm.numThreads = 1;
  env.wasm.wasmBinary = wasmBytes();
}

export async function graphModel(files: TestFiles, contextLength = 256): Promise<GraphModel> {
  const source = await openSource({ files });
  const config = parseModelConfig(await source.json("config.json"));
  const store = await openStore(source);
  return GraphModel.create(config, contextLength, async (name) => {
    const tensor = store.tensors.get(name)!;
    const { dtype, shape } = tensor;
    if (!isTensorDtype(dtype)) throw new Error(`${name} is ${dtype}`);
    return convertTensor(await store.read(tensor, 0, elementsOf(shape)), dtype, "f32").bytes;
  });
}

/** Files of the embedded pair. */
export function talesFiles(model: "target" | "draft"): TestFiles {
  const folder = new URL(`../../models/tales/${model}/`, import.meta.url);
  const names = ["config.json", "generation_config.json", "model.safetensors"];
  const all = [...names, "tokenizer.json", "tokenizer_config.json"];
  return Object.fromEntries(
    all.map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  );
}
