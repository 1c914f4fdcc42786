// The public types: what they infer, and what must not compile. `tsc -p tests` is what checks this file.
import {
  CoppiceError,
  type CoppiceErrorCode,
  type Decoder,
  type Engine,
  type GenerateResult,
  type LoadOptions,
  loadEngine,
  type ModelSource,
  type StreamPart,
} from "coppice";
import { expect, expectTypeOf, test } from "vitest";

declare const engine: Engine;
/** Type-checked, never run. */
const onlyTypes = (body: () => unknown): void => void body;

test("loading takes sources and specs, and nothing unknown", () => {
  expectTypeOf(loadEngine).returns.resolves.toEqualTypeOf<Engine>();
  expectTypeOf<"org/name">().toExtend<ModelSource>();
  expectTypeOf<{ files: Record<string, File> }>().toExtend<ModelSource>();
  expectTypeOf<{ model: string; layers: 4 }>().toExtend<LoadOptions["target"]>();
  onlyTypes(() => [
    loadEngine({ target: "a/b", draft: { model: "a/b", layers: 4 }, dtype: "f16" }),
    // @ts-expect-error a target is needed
    loadEngine({ draft: "a/b" }),
    // @ts-expect-error no such dtype
    loadEngine({ target: "a/b", dtype: "f64" }),
    // @ts-expect-error no such option
    loadEngine({ target: "a/b", quantise: true }),
    // @ts-expect-error a number is no file
    loadEngine({ target: { files: { "config.json": 1 } } }),
  ]);
});

test("a stream is iterated once and has a result", () => {
  onlyTypes(async () => {
    const stream = engine.generate("a", { maxNewTokens: 4 });
    for await (const part of stream) {
      expectTypeOf(part).toEqualTypeOf<StreamPart>();
      if (part.type === "text-delta") expectTypeOf(part.text).toBeString();
      if (part.type === "text-start") expectTypeOf(part.promptTokens).toBeNumber();
      // @ts-expect-error only deltas have text
      if (part.type === "tree") void part.text;
    }
    expectTypeOf(await stream.result).toEqualTypeOf<GenerateResult>();
  });
});

test("a decoder's kind decides its fields", () => {
  expectTypeOf<{ kind: "greedy" }>().toExtend<Decoder>();
  onlyTypes(() => [
    engine.generate("a", { decoder: { kind: "speculative", tree: { kind: "chain", length: 4 } } }),
    engine.generate("a", {
      decoder: { kind: "speculative", tree: { kind: "rsd-c", branching: [3, 2] } },
    }),
    engine.generate("a", { decoder: { kind: "speculative", tree: { kind: "best-first" } } }),
    // @ts-expect-error greedy has no tree
    engine.generate("a", { decoder: { kind: "greedy", tree: { kind: "chain", length: 4 } } }),
    // @ts-expect-error a chain has a length
    engine.generate("a", { decoder: { kind: "speculative", tree: { kind: "chain" } } }),
    // @ts-expect-error no such verification
    engine.generate("a", { decoder: { kind: "speculative", verify: "guess" } }),
    // @ts-expect-error chats are not taken yet
    engine.generate([{ role: "user", content: "hi" }]),
  ]);
});

test("the error class has a code and a fix", () => {
  const error = new CoppiceError("aborted", "Aborted.", "Nothing.");
  expectTypeOf(error.code).toEqualTypeOf<CoppiceErrorCode>();
  expectTypeOf(error.fix).toBeString();
  expect(error).toBeInstanceOf(Error);
});

test("an engine is made by loadEngine only", () => {
  // @ts-expect-error its class is not exported as a value
  onlyTypes(() => new Engine());
  expectTypeOf<Engine>().toHaveProperty("facts");
});
