// Many sequences per dispatch are the engine: with the same seeds they write the very tokens that it writes one by one.
import { expect, test } from "vitest";
import { batchedRounds } from "../support/batched-rounds.ts";
import { roundSession, startSequence, withGpu } from "../support/engine.ts";
import { COMBINATIONS, PAIR, STAGES } from "../support/law-cases.ts";
import { lanesFor } from "../support/law-run.ts";
import { tableModel } from "../support/markov-pair.ts";

const COPIES = 3;
/** More than one readback, so that state must last. */
const READBACKS = [8, 4];

test.each(COMBINATIONS)("%j, %s", (tree, verify) =>
  withGpu(async (gpu) => {
    const models = [PAIR.target, PAIR.draft].map((table) => tableModel(gpu, table));
    for (const [i, stages] of STAGES.entries()) {
      const seed = 100 * i;
      const session = await roundSession(gpu, models[0]!, models[1], tree, { stages, verify });
      const lanes = lanesFor(PAIR.target.length);
      const run = { tree, verify, stages, copies: COPIES, seed, lanes };
      const batched = await batchedRounds(gpu, PAIR, run);
      const actual: number[][][] = batched.prompts.map(() => []);
      for (const rounds of READBACKS) {
        await batched.next(rounds, (copy, words, first, count) =>
          actual[copy]!.push([...words.subarray(first, first + count)]),
        );
      }
      batched.dispose();
      for (const [copy, prompt] of batched.prompts.entries()) {
        await startSequence(session, prompt, seed + copy);
        const wanted: (readonly number[])[] = [];
        for (const rounds of READBACKS)
          wanted.push(...(await session.next({ rounds })).map(({ tokens }) => tokens));
        expect(actual[copy]).toEqual(wanted);
      }
      expect(actual[1], "another seed").not.toEqual(actual[0]);
    }
  }),
);
