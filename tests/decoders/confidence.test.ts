// Confidence is set between rounds: it changes which tree is grown, and what is reported of it, but not the text.
import { expect, test } from "vitest";
import { loadTestModel, roundSession, startSequence, withGpu } from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREE = { kind: "best-first", nodes: 12, depth: 4, width: 4 } as const;
const PROMPT = [1, 9, 4, 7, 3];
const COUNT = 24;
const TEMPERATURES = [1, 0.25, 4, 0.7];

test.each([0, 1])("at temperature %d the text is the same while confidence moves", (temperature) =>
  withGpu(async (gpu) => {
    const { files } = tinyModel({ layers: 4, decay: 0.4 });
    const target = await loadTestModel(gpu, files);
    const draft = await loadTestModel(gpu, files, { layers: 2 });
    const session = await roundSession(gpu, target, draft, TREE, { stages: { temperature } });

    const write = async (confidenceOf: (round: number) => number | undefined) => {
      await startSequence(session, PROMPT, 7);
      const text: number[] = [];
      const shapes: string[] = [];
      for (let round = 0; text.length < COUNT; round++) {
        const confidence = confidenceOf(round);
        const options = { trees: true, ...(confidence !== undefined && { confidence }) };
        const [outcome] = await session.next(options);
        text.push(...outcome!.tokens);
        const { parents, scores } = outcome!.tree!;
        shapes.push(parents.join(" "));
        for (const [i, node] of outcome!.path!.entries()) {
          const children = scores.filter((_, child) => parents[child] === node);
          const surest = Math.exp(Math.max(...children) - scores[node]!);
          const off = children.length === 0 ? 0 : Math.max(surest, 1 / 255);
          // In 255ths; the exponential's own error is far below one.
          expect(Math.abs(outcome!.sureness[i]! - off)).toBeLessThan(0.51 / 255);
        }
        for (const [i, { place }] of outcome!.steps.entries()) {
          const score = scores[outcome!.path![i + 1]!]!;
          expect(scores.filter((other) => other > score).length).toBeLessThanOrEqual(place);
          expect(scores.filter((other) => other >= score).length).toBeGreaterThan(place);
        }
      }
      return { text: text.slice(0, COUNT), shapes };
    };

    const still = await write(() => undefined);
    const moving = await write((round) => TEMPERATURES[round % TEMPERATURES.length]);
    expect(moving.text).toEqual(still.text);
    // Flat confidence makes broad trees, sharp confidence deep ones.
    const [sharp, flat] = [await write(() => 0.25), await write(() => 4)];
    expect([sharp.text, flat.text]).toEqual([still.text, still.text]);
    expect(sharp.shapes[0]).not.toBe(flat.shapes[0]);
    // What a plan says counts again where a round is not told otherwise.
    expect(await write(() => undefined)).toEqual(still);
  }),
);
