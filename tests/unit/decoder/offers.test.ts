// Where an engine runs, and what is made of requests for what it does not offer.
import { describe, expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { resolveLoadOptions } from "../../../src/decoder/load-options.ts";
import { ALL_CAPABILITIES, checkOffered, fitDecoder } from "../../../src/decoder/offers.ts";

test("the device, and where the fallback comes from", () => {
  expect(resolveLoadOptions({ target: "a/b" })).toMatchObject({ device: "auto" });
  const given = { target: "a/b", device: "wasm", fallbackUrl: "/files/" };
  expect(resolveLoadOptions(given)).toMatchObject({ device: "wasm", fallbackUrl: "/files/" });
  for (const fallbackUrl of ["/files", 5, ""]) {
    expect(() => resolveLoadOptions({ target: "a/b", fallbackUrl })).toThrow(/slash/);
  }
});

describe("an engine that drafts chains alone", () => {
  const chains = { ...ALL_CAPABILITIES, trees: ["chain"], verify: ["coupled"] } as const;
  const resolved = (decoder: object) =>
    resolveGenerateOptions({ decoder }, { hasDraft: true, vocabSize: 100 }).decoder;
  const speculative = (fields: object) => resolved({ kind: "speculative", ...fields });

  test.each([
    [{ kind: "best-first", depth: 6 }, 6],
    [{ kind: "rsd-c", branching: [3, 2, 1] }, 3],
    [{ kind: "rsd-s", width: 3, depth: 2 }, 2],
    [{ kind: "paths", count: 4, length: 7 }, 7],
    ["auto", 4],
  ])("%j becomes a chain as long as it is deep", (tree, length) => {
    const { decoder, warnings } = fitDecoder(speculative({ tree }), chains);
    expect(decoder.speculation).toEqual({ tree: { kind: "chain", length }, verify: "coupled" });
    expect(warnings).toHaveLength(1);
  });

  test("a rule that draws another text is refused; where it cannot, it is coupled", () => {
    const tree = { kind: "chain", length: 3 };
    const block = { tree, verify: "block" };
    expect(() => fitDecoder(speculative({ ...block, sampling: { topK: 5 } }), chains)).toThrow(
      expect.objectContaining({ code: "decoder-unsupported" }),
    );
    const greedy = fitDecoder(speculative(block), chains);
    expect(greedy).toMatchObject({ decoder: { speculation: { verify: "coupled" } }, warnings: [] });
    const free = fitDecoder(speculative({ tree: "auto", verify: "auto", sampling: {} }), chains);
    expect(free.decoder.speculation!.verify).toBe("coupled");
  });

  test("what is offered stays as it is", () => {
    for (const decoder of [
      resolved({ kind: "greedy" }),
      speculative({ tree: { kind: "chain", length: 3 } }),
    ]) {
      expect(fitDecoder(decoder, chains)).toEqual({ decoder, warnings: [] });
      expect(fitDecoder(decoder, ALL_CAPABILITIES)).toEqual({ decoder, warnings: [] });
    }
    expect(() => checkOffered("beam", { ...chains, decoders: ["greedy"] })).toThrow(
      expect.objectContaining({ code: "decoder-unsupported" }),
    );
  });
});
