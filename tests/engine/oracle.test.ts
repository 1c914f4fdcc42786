// An oracle that shares no code with us: the embedded pair on ONNX Runtime and on our kernels, over texts that others wrote.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createTokenizer } from "../../src/tokenizer/index.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { graphModel, talesFiles, useOrt } from "../support/fallback.ts";
import { fixtureBytes, hasFixture } from "../support/fixtures.ts";
import { hasCorpus, heldOutWindows } from "../support/held-out.ts";
import { LOGIT_ERROR } from "../support/logits.ts";

/** Of each text. Software adapters are slow: `bench/oracle` takes thousands. */
const TOKENS = 32;
const SHAKESPEARE = "corpora/tinyshakespeare.txt";
const WIKIPEDIA = "corpora/wikitext-2.valid.txt";

beforeAll(useOrt);

const json = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../models/tales/${name}`, import.meta.url), "utf8"));

/** Texts of the target's own, and, where they are there, texts that it has never seen. */
function texts(): number[][] {
  const own = (json("golden/greedy.json") as { target: { promptIds: number[]; ids: number[] }[] })
    .target;
  const tokenizer = createTokenizer(
    json("target/tokenizer.json"),
    json("target/tokenizer_config.json"),
  );
  const others = [SHAKESPEARE, WIKIPEDIA].filter(hasFixture).map((path) => {
    const bytes = fixtureBytes(path);
    return tokenizer.encode(new TextDecoder().decode(bytes.subarray(1000, 2000)));
  });
  const heldOut = hasCorpus ? heldOutWindows(1) : [];
  const written = own.slice(0, 1).map(({ promptIds, ids }) => [...promptIds, ...ids]);
  return [...written, ...heldOut, ...others].map((ids) => ids.slice(0, TOKENS));
}

describe.each(["target", "draft"] as const)("the embedded %s", (name) => {
  test("our kernels' logits are ONNX Runtime's, but for the rounding of both", async () => {
    const oracle = await graphModel(talesFiles(name));
    await withGpu(async (gpu) => {
      const model = await loadTestModel(gpu, talesFiles(name));
      const session = treeSession(gpu, model);
      let rows = 0;
      let worst = 0;
      for (const ids of texts()) {
        expect(ids).toHaveLength(TOKENS);
        oracle.rewind(0);
        session.rewind(0);
        const theirs = await oracle.run(ids, ids.length);
        const ours = await session.score(ids.map((token, i) => ({ token, parent: i - 1 })));
        for (const [i, row] of ours.entries()) {
          const scale = Math.max(...theirs[i]!.map(Math.abs));
          const apart = row.reduce(
            (most, x, id) => Math.max(most, Math.abs(x - theirs[i]![id]!)),
            0,
          );
          worst = Math.max(worst, apart / scale);
          rows += 1;
        }
      }
      expect(rows).toBeGreaterThanOrEqual(TOKENS);
      // Each is within LOGIT_ERROR of the logits in f64 (tests/unit/fallback/graph-model.test.ts, tests/engine).
      expect(worst, "of the largest logit of a row").toBeLessThan(2 * LOGIT_ERROR);
      // And they are not the same program.
      expect(worst).toBeGreaterThan(0);
    });
    await oracle.dispose();
  });
});
