// Contrastive search through the loop of every decoder of one text: tokens, the end, and texts that slide.
import { expect, test } from "vitest";
import { GpuContrastiveSession } from "../../src/tree/index.ts";
import { adapterName } from "../setup/gpu.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";
import { writeText } from "../support/write-text.ts";

const [CONTEXT, KEEP, COUNT] = [24, 2, 50];
const PROMPT = [1, 9, 4, 7, 3];
const EDITS = { ...NO_EDITS, repetition: 1.2, forced: [[31, 17]] } as const;
/** SwiftShader takes its time. */
const isSlow = adapterName === "swiftshader";
const model = tinyModel({ layers: 2 });

test.each(isSlow ? [true] : [false, true])(
  "a text that slides, edited %s: each window's is that of its own beginning",
  (edited) =>
    withGpu(async (gpu) => {
      const edits = edited ? EDITS : undefined;
      const target = treeSession(
        gpu,
        await loadTestModel(gpu, model.files, { contextLength: CONTEXT }),
      );
      const parts = { target, topK: 4, alpha: 0.6, edited };
      const session = await GpuContrastiveSession.create(gpu, gpu.buffers.child("search"), parts);
      const write = (roundsPerReadback: number, continueFrom: readonly number[] = []) =>
        writeText(session, {
          prompt: PROMPT,
          slide: { keep: KEEP },
          endOfText: new Set<number>(),
          seed: 5,
          continueFrom,
          maxNewTokens: COUNT - continueFrom.length,
          ...(edits && { edits }),
          roundsPerReadback,
        });
      const { tokens, result } = await write(7);
      const text = tokens.map(({ id }) => id);
      expect((await write(1)).result.tokens).toEqual(text);
      expect(text).toHaveLength(COUNT);
      // Broken off in the first window, or in a later one: it goes on as it would have gone on.
      for (const at of isSlow ? [30] : [8, 19, 30]) {
        expect((await write(7, text.slice(0, at))).result.tokens).toEqual(text.slice(at));
      }
      expect(tokens.every(({ origin }) => origin === "plain")).toBe(true);
      const { rounds, blockEfficiency, targetForwards } = result.metrics;
      expect([rounds, blockEfficiency]).toEqual([COUNT, 1]);
      const all = [...PROMPT, ...text];
      const latest = Math.floor((CONTEXT - KEEP) / 2);
      let windows = 1;
      for (let end = CONTEXT; end < all.length; windows++) {
        const prompt = [...all.slice(0, KEEP), ...all.slice(end - latest, end)];
        const count = Math.min(CONTEXT - prompt.length, all.length - end);
        const written = end - PROMPT.length;
        const ends = { seed: 0, maxNewTokens: count, endTokens: [] };
        await session.start({ prompt, ...ends, written, sameText: true, ...(edits && { edits }) });
        const outcomes = await session.next({ rounds: count });
        const alone = outcomes.flatMap((outcome) => outcome.tokens);
        expect(alone, `window ${windows}`).toEqual(all.slice(end, end + count));
        end += count;
      }
      expect(windows).toBeGreaterThan(3);
      // A pass per token, and for each window one over its last token after one chunk of the rest.
      expect(targetForwards).toBe(COUNT + 2 * windows);
      if (edits) expect(text[31]).toBe(17);
    }),
);
