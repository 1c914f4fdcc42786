/** A model folder that no GPU has room for. Its weights are a hole in a file, so it takes no room on the disk. */
import { cpSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/files.mjs";
import { rawSafetensors } from "../support/safetensors-writer.ts";

const HIDDEN = 1024;
const LAYERS = 64;
const ROW_BYTES = 4 * HIDDEN;

/**
 * Each layer's largest matrix fills a buffer, so that what is refused is their sum, and not one of them.
 * @param limit the largest buffer that the GPU allows, in bytes
 * @returns the folder; the caller deletes it
 */
export function writeHugeModel(limit: number): string {
  const folder = mkdtempSync(join(tmpdir(), "coppice-huge-"));
  const intermediate = Math.floor(limit / ROW_BYTES / 2 / 4) * 4;
  const config = {
    model_type: "llama",
    hidden_size: HIDDEN,
    intermediate_size: intermediate,
    num_attention_heads: 16,
    num_hidden_layers: LAYERS,
    vocab_size: 32_768,
    tie_word_embeddings: true,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const tokenizer = "tokenizer.json";
  cpSync(join(ROOT, "models/tales/target", tokenizer), join(folder, tokenizer));
  const { header, bytes } = headerOf(shapesOf(config.vocab_size, intermediate));
  const weights = join(folder, "model.safetensors");
  const start = rawSafetensors(header);
  writeFileSync(weights, start);
  truncateSync(weights, start.length + bytes);
  return folder;
}

function shapesOf(vocabulary: number, intermediate: number): [name: string, shape: number[]][] {
  const layer = (index: number): [string, number[]][] => {
    const at = `model.layers.${index}`;
    return [
      [`${at}.input_layernorm`, [HIDDEN]],
      ...["q", "k", "v", "o"].map((part): [string, number[]] => {
        return [`${at}.self_attn.${part}_proj`, [HIDDEN, HIDDEN]];
      }),
      [`${at}.post_attention_layernorm`, [HIDDEN]],
      [`${at}.mlp.gate_proj`, [intermediate, HIDDEN]],
      [`${at}.mlp.up_proj`, [intermediate, HIDDEN]],
      [`${at}.mlp.down_proj`, [HIDDEN, intermediate]],
    ];
  };
  return [
    ["model.embed_tokens", [vocabulary, HIDDEN]],
    ...Array.from({ length: LAYERS }, (_, index) => layer(index)).flat(),
    ["model.norm", [HIDDEN]],
  ];
}

function headerOf(shapes: readonly [name: string, shape: number[]][]) {
  const header: Record<string, object> = {};
  let bytes = 0;
  for (const [name, shape] of shapes) {
    const end = bytes + shape.reduce((product, size) => product * size, 4);
    header[`${name}.weight`] = { dtype: "F32", shape, data_offsets: [bytes, end] };
    bytes = end;
  }
  return { header, bytes };
}
