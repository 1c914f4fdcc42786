// Checks that @huggingface/tokenizers reads the tales tokenizer as the recipe's own Python does.
//
// node models/tales/check_tokenizer.mjs [CORPUS.txt.gz]
//
// Without a corpus only the recorded cases are compared; with it the whole held-out tail, too.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

import { Tokenizer } from "@huggingface/tokenizers";

const here = new URL("./", import.meta.url);
const endOfText = "<|endoftext|>";

async function readJson(path) {
  return JSON.parse(await readFile(new URL(path, here), "utf8"));
}

/** The tokenizer of one model directory ("target" or "draft"). */
export async function loadTalesTokenizer(which = "target") {
  return new Tokenizer(
    await readJson(`${which}/tokenizer.json`),
    await readJson(`${which}/tokenizer_config.json`),
  );
}

/** Problems found with the recorded cases, as messages; none if all is well. */
export function checkCases(tokenizer, cases) {
  const problems = [];
  for (const { text, ids } of cases) {
    const name = JSON.stringify(text);
    const plain = tokenizer.encode(text, { add_special_tokens: false }).ids;
    const withBos = tokenizer.encode(text).ids;
    const decoded = tokenizer.decode(withBos, { skip_special_tokens: true });
    if (plain.join() !== ids.join()) problems.push(`${name} encodes to ${plain}, not ${ids}`);
    if (withBos.join() !== [0, ...ids].join()) problems.push(`${name} with BOS is ${withBos}`);
    if (decoded !== text) problems.push(`${name} decodes to ${JSON.stringify(decoded)}`);
  }
  return problems;
}

/** Problems found over the corpus's last documents, as messages. */
export function checkHeldOut(tokenizer, corpusText, expected) {
  const documents = corpusText.split(`${endOfText}\n`).map((document) => document.trim());
  const tail = documents.filter((document) => document !== "").slice(-expected.documents);
  const problems = [];
  const allIds = [];
  for (const document of tail) {
    const { ids } = tokenizer.encode(document, { add_special_tokens: false });
    if (tokenizer.decode(ids) !== document) problems.push("the held-out text does not round-trip");
    for (const id of ids) allIds.push(id);
  }
  const sha256 = createHash("sha256").update(Uint16Array.from(allIds)).digest("hex");
  if (allIds.length !== expected.tokens || sha256 !== expected.sha256) {
    problems.push(`the held-out text has ${allIds.length} ids, hash ${sha256}`);
  }
  return problems;
}

async function main(corpusPath) {
  const golden = await readJson("golden/tokens.json");
  const extra = corpusPath ? " and the held-out text" : "";
  for (const which of ["target", "draft"]) {
    const tokenizer = await loadTalesTokenizer(which);
    const problems = checkCases(tokenizer, golden.cases);
    if (corpusPath) {
      const text = gunzipSync(await readFile(corpusPath)).toString("utf8");
      problems.push(...checkHeldOut(tokenizer, text, golden.heldOut));
    }
    if (problems.length > 0) throw new Error(`${which}: ${problems.join("; ")}`);
    console.log(`${which}: ${golden.cases.length} cases${extra} agree`);
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) await main(argv[2]);
