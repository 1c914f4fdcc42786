// The embedded pair against what PyTorch made of the same files: logits, and greedy text.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { expectLogits } from "../support/logits.ts";

const ROOT = new URL("../../models/tales/", import.meta.url);

interface GreedyGolden {
  readonly prompt: string;
  readonly promptIds: number[];
  readonly ids: number[];
  readonly margins: number[];
}

interface LogitsGolden {
  readonly promptIds: number[];
  readonly target: number[];
  readonly draft: number[];
}

function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`golden/${name}`, ROOT), "utf8")) as T;
}

function files(model: "target" | "draft") {
  const folder = new URL(`${model}/`, ROOT);
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  );
}

/** Software adapters are slow, and tests/e2e compares more, through the public API. */
const COUNT = 24;
const PROMPTS = 2;

describe.each(["target", "draft"] as const)("%s", (name) => {
  test("logits after a prompt", async () => {
    await withGpu(async (gpu) => {
      const model = await loadTestModel(gpu, files(name));
      const session = treeSession(gpu, model);
      for (const { promptIds, ...expected } of golden<LogitsGolden[]>("logits.json")) {
        session.rewind(0);
        await session.prefill(promptIds.slice(0, -1));
        const [row] = await session.score([{ token: promptIds.at(-1)!, parent: -1 }]);
        expectLogits(row!, expected[name]);
      }
    });
  });
});

test("greedy text of the target, with and without the draft", async () => {
  await withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, files("target"));
    const draft = await loadTestModel(gpu, files("draft"));
    const plain = await roundSession(gpu, target);
    const tree = await roundSession(gpu, target, draft, {
      kind: "best-first",
      nodes: 8,
      depth: 4,
      width: 2,
    });
    for (const { promptIds, ids, margins } of golden<{ target: GreedyGolden[] }>(
      "greedy.json",
    ).target.slice(0, PROMPTS)) {
      // Far more than both sides' rounding, so no tie could be broken differently.
      expect(Math.min(...margins.slice(0, COUNT))).toBeGreaterThan(0.01);
      const expected = ids.slice(0, COUNT);
      expect((await decodeTokens(plain, promptIds, COUNT)).tokens).toEqual(expected);
      expect((await decodeTokens(tree, promptIds, COUNT)).tokens).toEqual(expected);
    }
  });
});
