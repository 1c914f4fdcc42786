// Held-out text of the embedded pair, as models/tales/recipe splits the corpus: windows of its tail.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createTokenizer } from "../../src/tokenizer/index.ts";

const CORPUS = new URL("../../../shared/corpus/tales.txt.gz", import.meta.url);
const TALES = new URL("../../models/tales/", import.meta.url);
const END_OF_TEXT = "<|endoftext|>";
const TAIL_CHARACTERS = 300_000;
/** Tokens that a window predicts. */
export const WINDOW = 512;

export const hasCorpus: boolean = existsSync(CORPUS);

/** `rows` windows of WINDOW + 1 tokens, evenly spread over the last documents of the corpus. */
export function heldOutWindows(rows: number): number[][] {
  const documents = gunzipSync(readFileSync(CORPUS))
    .toString("utf8")
    .split(`${END_OF_TEXT}\n`)
    .map((text) => text.trim())
    .filter((text) => text !== "");
  let cut = documents.length;
  for (let taken = 0; taken < TAIL_CHARACTERS;) taken += documents[(cut -= 1)]!.length;
  const json = (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`target/${name}`, TALES), "utf8"));
  const tokenizer = createTokenizer(json("tokenizer.json"), json("tokenizer_config.json"), {
    bosTokenId: 0,
  });
  const stream = documents
    .slice(cut)
    .flatMap((text) => {
      const ids = tokenizer.encode(text);
      return ids[0] === 0 ? ids : [0, ...ids];
    })
    .concat(0);
  const count = Math.floor((stream.length - 1) / WINDOW);
  return Array.from({ length: Math.min(rows, count) }, (_, i) => {
    const start = WINDOW * Math.round((i * (count - 1)) / Math.max(1, rows - 1));
    return stream.slice(start, start + WINDOW + 1);
  });
}
