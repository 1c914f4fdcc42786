// Real material beside the repository, used when present: tests on it are skipped, visibly, when it is not.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../../shared/fixtures/", import.meta.url);

/** True when `path` is there; for `test.skipIf(!hasFixture(...))`. */
export function hasFixture(path: string): boolean {
  return existsSync(new URL(path, ROOT));
}

/** The path of a fixture on disk. */
export function fixturePath(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}

/** The bytes of a fixture. */
export function fixtureBytes(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(path, ROOT)));
}

/** A fixture parsed as JSON. */
export function fixtureJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));
}

const STORIES = "models/stories260K-hf/";

/** The files of the real 260K model, as `{ files }` takes them. */
export function storiesFiles(): Record<string, Uint8Array<ArrayBuffer>> {
  const names = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ];
  return Object.fromEntries(names.map((name) => [name, fixtureBytes(STORIES + name)]));
}

/** The greedy golden of that model: 200 tokens with BOS first, and their text. */
export function storiesGolden(): { text: string; tokens: number[] } {
  const [golden] = fixtureJson("golden/stories260K.json") as {
    expected_text: string;
    token_ids_derived: number[];
  }[];
  return { text: golden!.expected_text, tokens: golden!.token_ids_derived };
}

export const hasStories: boolean =
  hasFixture(`${STORIES}model.safetensors`) && hasFixture("golden/stories260K.json");
