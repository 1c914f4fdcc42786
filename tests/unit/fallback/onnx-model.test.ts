// Decoders that others wrote as ONNX, on ONNX Runtime.
import { InferenceSession } from "onnxruntime-web/wasm";
import { beforeAll, describe, expect, test } from "vitest";
import { argmax } from "../../../src/fallback/draw/rows.ts";
import { OnnxModel } from "../../../src/fallback/onnx-model.ts";
import { useOrt } from "../../support/fallback.ts";
import { fixtureBytes, fixtureJson, hasFixture } from "../../support/fixtures.ts";

const GPT2 = "onnx/hf-internal-testing__tiny-random-gpt2-fp32__past.onnx";
const QWEN = "onnx/hf-internal-testing__tiny-qwen35-cuda__decoder.onnx";
const sizes = { vocabSize: 1000, contextLength: 128, bytes: 0 };

beforeAll(useOrt);

async function open(path: string): Promise<OnnxModel> {
  return new OnnxModel(await InferenceSession.create(fixtureBytes(path)), sizes);
}

/** Greedy text: `chunks` says how the tokens after the prompt are run again, to see that a rewind loses nothing. */
async function greedy(model: OnnxModel, prompt: number[], length: number): Promise<number[]> {
  model.rewind(0);
  const tokens = [...prompt];
  let [row] = await model.run(prompt, 1);
  while (tokens.length < length) {
    tokens.push(argmax(row!));
    // A guess that is dropped again, as speculation does.
    await model.run([tokens.at(-1)!, 5, 9], 3);
    model.rewind(tokens.length - 1);
    [row] = await model.run(tokens.slice(-1), 1);
  }
  return tokens;
}

test.skipIf(!hasFixture(GPT2))("a tiny GPT-2 with past_N: its greedy golden", async () => {
  const { greedy: golden } = fixtureJson("golden/genai_tiny_gpt2_goldens.json") as {
    greedy: { input_ids: number[][]; expected: number[][]; max_length: number };
  };
  const model = await open(GPT2);
  for (const [i, prompt] of golden.input_ids.entries()) {
    expect(await greedy(model, prompt, golden.max_length)).toEqual(golden.expected[i]);
  }
  await model.dispose();
});

test.skipIf(!hasFixture(QWEN))("a tiny Qwen with f16 caches and GroupQueryAttention", async () => {
  const model = await open(QWEN);
  const prompt = [1, 20, 300, 45];
  const text = await greedy(model, prompt, 12);
  // The whole text in one pass says the same of every token.
  model.rewind(0);
  const rows = await model.run(text.slice(0, -1), text.length - prompt.length);
  expect(rows.map(argmax)).toEqual(text.slice(prompt.length));
  await model.dispose();
});

describe("what is no such decoder", () => {
  test("is refused by name", async () => {
    const { writeOnnx } = await import("../../../src/fallback/onnx-writer.ts");
    const value = { type: "float", dims: [1] } as const;
    const graph = {
      nodes: [{ op: "Identity", inputs: ["pixels"], outputs: ["faces"] }],
      constants: [],
      inputs: [{ name: "pixels", ...value }],
      outputs: [{ name: "faces", ...value }],
    };
    const session = await InferenceSession.create(writeOnnx(graph));
    expect(() => new OnnxModel(session, sizes)).toThrow(
      expect.objectContaining({ code: "architecture-unknown" }),
    );
  });
});
