// Every option of generate: defaults, edges of its range, and the message for what lies outside.
import { describe, expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { refusal } from "./refusal.ts";

const withDraft = { hasDraft: true, vocabSize: 300 };

const generate = (options: unknown, engine = withDraft): unknown =>
  resolveGenerateOptions(options, engine);
const tree = (options: unknown): unknown =>
  resolveGenerateOptions({ decoder: { kind: "speculative", tree: options } }, withDraft).decoder;

describe("defaults", () => {
  const bestFirst = { kind: "best-first", nodes: 16, depth: 5, width: 4, confidence: 1 };
  const off = { topK: 0, topP: 1, minP: 0, typicalP: 1, topNSigma: 0 };
  const order = ["temperature", "topNSigma", "topK", "topP", "minP", "typicalP"];
  const greedy = { temperature: 0, ...off, order };
  const speculative = { stages: greedy, speculation: { tree: bestFirst, verify: "coupled" } };

  test("speculative with a draft, greedy without", () => {
    const rest = {
      seed: 0,
      continueFrom: [],
      maxNewTokens: undefined,
      stop: [],
      trees: false,
      timings: false,
      roundsPerReadback: undefined,
      warnings: [],
    };
    expect(generate(undefined)).toEqual({ decoder: speculative, ...rest });
    expect(generate({}, { ...withDraft, hasDraft: false })).toEqual({
      decoder: { stages: greedy },
      ...rest,
    });
  });

  test("sampling: the model's own distribution, with or without its kind", () => {
    const all = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    expect(generate({ decoder: { kind: "sample" } })).toMatchObject({ decoder: { stages: all } });
    for (const sampling of [{ topP: 0.9 }, { kind: "sample", topP: 0.9 }]) {
      const options = { decoder: { kind: "speculative", sampling } };
      expect(generate(options)).toMatchObject({ decoder: { stages: { ...all, topP: 0.9 } } });
    }
  });

  test("a field that is undefined is left out", () => {
    expect(
      generate({ decoder: { kind: "speculative", tree: undefined }, seed: undefined }),
    ).toMatchObject({
      decoder: speculative,
      seed: 0,
    });
  });
});

describe("generate options at the edges", () => {
  test.each([
    { seed: 0 },
    { seed: 0xffff_ffff },
    { maxNewTokens: 1 },
    { roundsPerReadback: 1 },
    { roundsPerReadback: 16 },
    { stop: Array.from({ length: 16 }, () => "x") },
    { trees: true },
  ])("%j is accepted", (options) => {
    expect(generate(options)).toMatchObject(options as object);
  });

  test.each([{ temperature: 0 }, { temperature: 100 }, { topK: 1 }, { topP: 1e-9 }, { minP: 1 }])(
    "the stages %j are accepted",
    (stages) => {
      const decoder = { kind: "sample", ...stages };
      expect(generate({ decoder })).toMatchObject({ decoder: { stages } });
    },
  );

  test.each([
    ["seed", { seed: -1 }, "seed is -1"],
    [
      "seed",
      { seed: 2 ** 32 },
      "seed is 4294967296; it must be a whole number from 0 to 4294967295.",
    ],
    ["seed", { seed: 1.5 }, "seed is 1.5"],
    ["seed", { seed: NaN }, "seed is NaN"],
    ["seed", { seed: "7" }, 'seed is "7"'],
    ["seed", { seed: null }, "seed is null"],
    [
      "maxNewTokens",
      { maxNewTokens: 0 },
      "maxNewTokens is 0; it must be a whole number from 1 up.",
    ],
    ["maxNewTokens", { maxNewTokens: Infinity }, "maxNewTokens is Infinity"],
    ["stop", { stop: "x" }, 'stop is "x"'],
    ["stop[1]", { stop: ["a", ""] }, 'stop[1] is ""'],
    ["stop[0]", { stop: [3] }, "stop[0] is 3"],
    ["stop", { stop: Array.from({ length: 17 }, () => "x") }, "stop has 17 strings"],
    ["trees", { trees: 1 }, "trees is 1"],
    ["options", "fast", 'options is "fast"'],
    ["options", [], "options is []"],
    ["decoder.kind", { decoder: "greedy" }, "decoder.kind is missing"],
    [
      "decoder.kind",
      { decoder: { kind: "grid" } },
      'decoder.kind is "grid"; it must be "greedy", "sample", "mirostat", "momentum", "contrastive", "speculative", "superposed", "beam" or "samples".',
    ],
    [
      "sampling",
      { decoder: { kind: "speculative", sampling: { kind: "beam" } } },
      'decoder.sampling.kind is "beam"',
    ],
    [
      "temperature",
      { decoder: { kind: "sample", temperature: -0.1 } },
      "decoder.temperature is -0.1; it must be a number from 0 to 100.",
    ],
    [
      "temperature",
      { decoder: { kind: "sample", temperature: NaN } },
      "decoder.temperature is NaN",
    ],
    ["temperature", { decoder: { kind: "sample", temperature: Infinity } }, "is Infinity"],
    ["topK", { decoder: { kind: "sample", topK: 1.5 } }, "decoder.topK is 1.5"],
    [
      "topP",
      { decoder: { kind: "sample", topP: 0 } },
      "decoder.topP is 0; it must be a number above 0, up to 1.",
    ],
    [
      "minP",
      { decoder: { kind: "speculative", sampling: { minP: 2 } } },
      "decoder.sampling.minP is 2",
    ],
    ["verify", { decoder: { kind: "speculative", verify: "guess" } }, 'decoder.verify is "guess"'],
    ["roundsPerReadback", { roundsPerReadback: 17 }, "roundsPerReadback is 17"],
    [
      "logProbabilities",
      { logProbabilities: 21 },
      "logProbabilities is 21; it must be a whole number from 0 to 20.",
    ],
    ["logProbabilities", { logProbabilities: true }, "logProbabilities is true"],
    [
      "tree.kind",
      { decoder: { kind: "speculative", tree: { kind: "bushy" } } },
      'decoder.tree.kind is "bushy"',
    ],
  ])("%s is refused: %j", (_, options, message) => {
    const error = refusal(() => generate(options));
    expect(error.code).toBe("option-invalid");
    expect(error.message).toContain(message);
  });

  test.each([
    [{ temprature: 1 }, 'options has no field "temprature".'],
    [{ decoder: { kind: "greedy", tree: {} } }, 'decoder has no field "tree".'],
    [{ decoder: { kind: "speculative", drafter: 1 } }, 'decoder has no field "drafter".'],
    [
      { decoder: { kind: "speculative", tree: { kind: "chain", length: 3, width: 2 } } },
      'decoder.tree has no field "width".',
    ],
    [
      { decoder: { kind: "speculative", sampling: { kind: "greedy", topK: 4 } } },
      'decoder.sampling has no field "topK".',
    ],
    [{ decoder: { kind: "sample", top_p: 0.9 } }, 'decoder has no field "top_p".'],
  ])("unknown fields are refused: %j", (options, message) => {
    const error = refusal(() => generate(options));
    expect(error).toMatchObject({ code: "option-unknown", message });
    expect(error.fix).toMatch(/^Use only ".+"\.$/);
  });

  test("speculation without a draft is refused", () => {
    const error = refusal(() =>
      generate({ decoder: { kind: "speculative" } }, { ...withDraft, hasDraft: false }),
    );
    expect(error.code).toBe("option-invalid");
    expect(error.fix).toContain("draft");
  });

  test("trees of a decoder that grows none are warned of", () => {
    const options = { trees: true, decoder: { kind: "greedy" } };
    expect(generate(options)).toMatchObject({ warnings: [expect.stringContaining("speculation")] });
    expect(generate({ trees: true })).toMatchObject({ warnings: [] });
    expect(generate({ trees: true, roundsPerReadback: 4 })).toMatchObject({
      warnings: [expect.stringContaining("roundsPerReadback is 4")],
    });
  });
});

describe("trees", () => {
  test.each([
    { kind: "chain", length: 1 },
    { kind: "chain", length: 63 },
    { kind: "rsd-c", branching: [63] },
    { kind: "rsd-c", branching: [7, 8] },
    { kind: "rsd-s", width: 9, depth: 7 },
    { kind: "paths", count: 1, length: 63 },
    { kind: "best-first", nodes: 2, depth: 1, width: 1, confidence: 0.5 },
    { kind: "best-first", nodes: 64, depth: 63, width: 63 },
  ])("%j is accepted", (options) => {
    expect(tree(options)).toMatchObject({ speculation: { tree: options } });
  });

  test("levels and nodes per level are no more than the nodes", () => {
    expect(tree({ kind: "best-first", nodes: 4 })).toMatchObject({
      speculation: { tree: { nodes: 4, depth: 3, width: 3 } },
    });
    expect(tree({ kind: "best-first", nodes: 3, depth: 60, width: 50 })).toMatchObject({
      speculation: { tree: { depth: 2, width: 2 } },
    });
  });

  test.each([
    [{ kind: "chain" }, "decoder.tree.length is missing"],
    [{ kind: "chain", length: 0 }, "decoder.tree.length is 0"],
    [{ kind: "chain", length: 64 }, "a whole number from 1 to 63"],
    [{ kind: "chain", length: 2.5 }, "decoder.tree.length is 2.5"],
    [{ kind: "rsd-c" }, "decoder.tree.branching is missing"],
    [{ kind: "rsd-c", branching: [] }, "decoder.tree.branching is []"],
    [{ kind: "rsd-c", branching: [2, 0] }, "decoder.tree.branching[1] is 0"],
    [{ kind: "rsd-c", branching: [2, "3"] }, 'decoder.tree.branching[1] is "3"'],
    [{ kind: "rsd-c", branching: [4, 4, 3] }, "not of 69"],
    [{ kind: "rsd-c", branching: Array.from({ length: 64 }, () => 1) }, "not of 65"],
    [{ kind: "rsd-s", width: 0, depth: 4 }, "decoder.tree.width is 0"],
    [{ kind: "rsd-s", width: 8, depth: 8 }, "not of 65"],
    [{ kind: "paths", count: 2 }, "decoder.tree.length is missing"],
    [{ kind: "paths", count: 32, length: 2 }, "not of 65"],
    [{ kind: "best-first", nodes: 1 }, "decoder.tree.nodes is 1"],
    [{ kind: "best-first", nodes: 65 }, "decoder.tree.nodes is 65"],
    [{ kind: "best-first", depth: 0 }, "decoder.tree.depth is 0"],
    [{ kind: "best-first", width: 0 }, "decoder.tree.width is 0"],
    [{ kind: "best-first", width: 1.5 }, "decoder.tree.width is 1.5"],
  ])("%j is refused", (options, message) => {
    const error = refusal(() => tree(options));
    expect(error.code).toBe("tree-invalid");
    expect(error.message).toContain(message);
  });
});

describe("rules that keep a tree lossless", () => {
  const [chain, branching, beam, paths, best] = [
    { kind: "chain", length: 3 },
    { kind: "rsd-c", branching: [2, 2] },
    { kind: "rsd-s", width: 2, depth: 3 },
    { kind: "paths", count: 2, length: 3 },
    { kind: "best-first" },
  ];
  const lossless: Record<string, object[]> = {
    coupled: [chain!, branching!, beam!, paths!, best!],
    recursive: [chain!, branching!, beam!],
    traversal: [chain!, branching!, beam!],
    block: [chain!],
    spectr: [chain!, paths!],
    specinfer: [chain!, paths!],
  };

  test.each(Object.entries(lossless))("%s", (verify, trees) => {
    for (const one of lossless["coupled"]!) {
      const options = { decoder: { kind: "speculative", tree: one, verify } };
      if (trees.includes(one)) {
        expect(generate(options)).toMatchObject({ decoder: { speculation: { verify } } });
        continue;
      }
      const error = refusal(() => generate(options));
      expect(error.code).toBe("tree-invalid");
      expect(error.message).toContain(`decoder.verify is "${verify}", which does not keep`);
      expect(error.fix).toContain('"coupled"');
    }
  });

  test("a free choice of the rule is a choice of the tree too", () => {
    const auto = { kind: "speculative", tree: "auto", verify: "auto" };
    expect(generate({ decoder: auto })).toMatchObject({
      decoder: { speculation: { tree: { kind: "auto" }, verify: "auto" } },
    });
    for (const one of [chain!, best!, undefined]) {
      const error = refusal(() => generate({ decoder: { ...auto, tree: one } }));
      expect(error.code).toBe("tree-invalid");
      expect(error.fix).toContain('tree "auto"');
    }
    const mirostat = { decoder: { ...auto, sampling: { kind: "mirostat" } } };
    expect(refusal(() => generate(mirostat)).message).toContain("mu depends");
  });

  test("without a tree only the coupled rule fits", () => {
    const options = { decoder: { kind: "speculative", verify: "recursive" } };
    expect(refusal(() => generate(options)).code).toBe("tree-invalid");
  });
});
