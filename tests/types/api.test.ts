// The public types: what they infer, and what must not compile. `tsc -p tests` is what checks this file.
import {
  CoppiceError,
  type CoppiceErrorCode,
  type Decoder,
  type Draft,
  type DraftsPart,
  type DraftsResult,
  type DraftsStream,
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
    loadEngine({ target: "a/b", draft: { model: "a/b", layers: 4 }, dtype: "q4" }),
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
    engine.generate("a", { decoder: { kind: "sample", temperature: 0.7, topK: 40, topP: 0.9 } }),
    engine.generate("a", {
      decoder: { kind: "speculative", tree: { kind: "best-first" }, sampling: { topP: 0.9 } },
    }),
    engine.generate("a", { decoder: { kind: "mirostat" } }),
    engine.generate("a", { decoder: { kind: "mirostat", version: 1, tau: 2, muBounds: [0, 9] } }),
    engine.generate("a", { decoder: { kind: "momentum" } }),
    engine.generate("a", { decoder: { kind: "momentum", topK: 8, resistance: [0, 0, 5] } }),
    // @ts-expect-error momentum draws nothing
    engine.generate("a", { decoder: { kind: "momentum", temperature: 1 } }),
    // @ts-expect-error Mirostat decides how many tokens are kept
    engine.generate("a", { decoder: { kind: "mirostat", topK: 40 } }),
    // @ts-expect-error no such version
    engine.generate("a", { decoder: { kind: "mirostat", version: 3 } }),
    engine.generate("a", { decoder: { kind: "contrastive" } }),
    engine.generate("a", { decoder: { kind: "contrastive", topK: 8, alpha: 0.4 } }),
    // @ts-expect-error nothing is drawn
    engine.generate("a", { decoder: { kind: "contrastive", temperature: 1 } }),
    // @ts-expect-error its tokens hang on passes over their rivals
    engine.generate("a", { decoder: { kind: "speculative", sampling: { kind: "contrastive" } } }),
    // @ts-expect-error greedy has no tree
    engine.generate("a", { decoder: { kind: "greedy", tree: { kind: "chain", length: 4 } } }),
    // @ts-expect-error a chain has a length
    engine.generate("a", { decoder: { kind: "speculative", tree: { kind: "chain" } } }),
    // @ts-expect-error no such verification
    engine.generate("a", { decoder: { kind: "speculative", verify: "guess" } }),
    engine.generate([{ role: "user", content: "hi" }], { chat: { addGenerationPrompt: false } }),
    // @ts-expect-error a message has a role
    engine.generate([{ content: "hi" }]),
  ]);
});

test("a tree and a rule that are not lossless together do not compile", () => {
  const kind = "speculative";
  const chain = { kind: "chain", length: 3 } as const;
  const branching = { kind: "rsd-c", branching: [2, 2] } as const;
  const beam = { kind: "rsd-s", width: 2, depth: 3 } as const;
  const paths = { kind: "paths", count: 2, length: 3 } as const;
  const best = { kind: "best-first" } as const;
  const pairs: Decoder[] = [
    { kind, tree: chain, verify: "coupled" },
    { kind, tree: branching, verify: "coupled" },
    { kind, tree: beam, verify: "coupled" },
    { kind, tree: paths, verify: "coupled" },
    { kind, tree: best, verify: "coupled" },
    { kind, tree: chain, verify: "recursive" },
    { kind, tree: branching, verify: "recursive" },
    { kind, tree: beam, verify: "recursive" },
    { kind, tree: branching, verify: "traversal" },
    { kind, tree: beam, verify: "traversal" },
    { kind, tree: chain, verify: "block" },
    { kind, tree: paths, verify: "spectr" },
    { kind, tree: chain, verify: "specinfer" },
    { kind, tree: "auto" },
    { kind, tree: { kind: "auto" }, verify: "coupled" },
    { kind, tree: "auto", verify: "auto" },
    { kind, tree: { kind: "auto" }, verify: "auto" },
    // @ts-expect-error the rule chooses the tree
    { kind, tree: beam, verify: "auto" },
    // @ts-expect-error the default tree is best-first
    { kind, verify: "auto" },
    // @ts-expect-error mu depends on what is accepted
    { kind, tree: "auto", verify: "auto", sampling: { kind: "mirostat" } },
    { kind, sampling: { kind: "mirostat", tau: 4 } },
    { kind, tree: beam, verify: "coupled", sampling: { kind: "mirostat" } },
    // @ts-expect-error mu depends on what is accepted
    { kind, tree: chain, verify: "recursive", sampling: { kind: "mirostat" } },
    // @ts-expect-error mu depends on what is accepted
    { kind, tree: beam, verify: "traversal", sampling: { kind: "mirostat" } },
    { kind, sampling: { kind: "momentum", alpha: 0.1 } },
    { kind, tree: beam, verify: "coupled", sampling: { kind: "momentum" } },
    // @ts-expect-error there is nothing to accept tokens by
    { kind, tree: chain, verify: "recursive", sampling: { kind: "momentum" } },
    // @ts-expect-error there is nothing to accept tokens by
    { kind, tree: "auto", verify: "auto", sampling: { kind: "momentum" } },
    // @ts-expect-error chosen for how well it does
    { kind, tree: "auto", verify: "recursive" },
    // @ts-expect-error nodes dropped for what they are
    { kind, tree: best, verify: "recursive" },
    // @ts-expect-error nodes dropped for what they are
    { kind, tree: best, verify: "traversal" },
    // @ts-expect-error the default tree is best-first
    { kind, verify: "recursive" },
    // @ts-expect-error drawn with replacement
    { kind, tree: paths, verify: "recursive" },
    // @ts-expect-error drawn with replacement
    { kind, tree: paths, verify: "traversal" },
    // @ts-expect-error more than one path
    { kind, tree: branching, verify: "block" },
    // @ts-expect-error more than one path
    { kind, tree: beam, verify: "block" },
    // @ts-expect-error drawn without replacement
    { kind, tree: branching, verify: "spectr" },
    // @ts-expect-error drawn without replacement
    { kind, tree: beam, verify: "specinfer" },
  ];
  expect(pairs).toHaveLength(38);
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

test("a decoder of drafts gives a set of drafts, the others a text", () => {
  const decoder = { kind: "superposed", drafts: 4, ngrams: ["model", { text: "a" }] } as const;
  onlyTypes(async () => {
    const stream = engine.generate("a", { decoder, seed: 3 });
    expectTypeOf(stream).toEqualTypeOf<DraftsStream>();
    for await (const part of stream) {
      expectTypeOf(part).toEqualTypeOf<DraftsPart>();
      // @ts-expect-error drafts are revised, so there are no deltas
      if (part.type === "text-delta") void part;
    }
    const result = await stream.result;
    expectTypeOf(result).toEqualTypeOf<DraftsResult>();
    expectTypeOf<DraftsStream["accept"]>().toEqualTypeOf<(draft: Draft) => DraftsStream>();
    // @ts-expect-error a text has no drafts to accept
    void engine.generate("a", { decoder: { kind: "greedy" } }).accept;
  });
  onlyTypes(() => [
    // @ts-expect-error drafts do not end at strings
    engine.generate("a", { decoder, stop: ["b"] }),
    // @ts-expect-error nothing is speculated
    engine.generate("a", { decoder: { kind: "superposed", tree: "auto" } }),
    // @ts-expect-error no such source
    engine.generate("a", { decoder: { kind: "superposed", ngrams: "web" } }),
    // @ts-expect-error a source is one thing
    engine.generate("a", { decoder: { kind: "superposed", ngrams: { weight: 2 } } }),
  ]);
});

test("beams and samples are drafts", () => {
  onlyTypes(() => {
    const beams = engine.generate("a", { decoder: { kind: "beam", earlyStopping: "never" } });
    expectTypeOf(beams).toEqualTypeOf<DraftsStream>();
    const samples = engine.generate("a", { decoder: { kind: "samples", count: 3, topP: 0.9 } });
    expectTypeOf(samples).toEqualTypeOf<DraftsStream>();
  });
  onlyTypes(() => [
    // @ts-expect-error a search draws nothing
    engine.generate("a", { decoder: { kind: "beam", temperature: 1 } }),
    // @ts-expect-error no such way to stop
    engine.generate("a", { decoder: { kind: "beam", earlyStopping: "always" } }),
  ]);
});
