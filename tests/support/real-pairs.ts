// Real models with their drafts: the embedded pair, and stories260K with its first layers where the fixtures are there.
import { readFileSync } from "node:fs";
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import { loadTestModel, type TestModelOptions } from "./engine.ts";
import { hasStories, storiesFiles, storiesGolden } from "./fixtures.ts";

/** Two models on the GPU, and where texts begin. */
export interface Pair {
  readonly name: string;
  readonly target: LanguageModel;
  readonly draft: LanguageModel;
  readonly prompts: readonly (readonly number[])[];
}

const TALES = new URL("../../models/tales/", import.meta.url);

function talesFiles(part: "target" | "draft") {
  const read = (name: string) => new Uint8Array(readFileSync(new URL(`${part}/${name}`, TALES)));
  return { "config.json": read("config.json"), "model.safetensors": read("model.safetensors") };
}

/** Texts of the goldens: openings that the pair's own tests use. */
function talesPrompts(): number[][] {
  const text = readFileSync(new URL("golden/greedy.json", TALES), "utf8");
  const { target } = JSON.parse(text) as { target: { promptIds: number[] }[] };
  return target.map(({ promptIds }) => promptIds);
}

/** One half of the embedded pair. */
export function talesModel(
  gpu: Gpu,
  part: "target" | "draft",
  options: TestModelOptions = {},
): Promise<LanguageModel> {
  return loadTestModel(gpu, talesFiles(part), options);
}

async function openTales(gpu: Gpu): Promise<Pair> {
  return {
    name: "tales",
    target: await talesModel(gpu, "target"),
    draft: await talesModel(gpu, "draft"),
    prompts: talesPrompts(),
  };
}

async function openStories(gpu: Gpu): Promise<Pair> {
  return {
    name: "stories",
    target: await loadTestModel(gpu, storiesFiles()),
    draft: await loadTestModel(gpu, storiesFiles(), { layers: 4 }),
    // The beginning of a story, of different lengths.
    prompts: [1, 12, 25, 40, 60, 80].map((length) => storiesGolden().tokens.slice(0, length)),
  };
}

/** The pairs that are there, by name. */
export const realPairs: Readonly<Record<string, (gpu: Gpu) => Promise<Pair>>> = {
  tales: openTales,
  ...(hasStories && { stories: openStories }),
};
