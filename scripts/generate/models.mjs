// From what the user names (a folder, a hub repository, a URL, nothing) to what the engine loads.
import { join, resolve } from "node:path";
import { existsSync, ROOT } from "../lib/files.mjs";
import { CommandError } from "./arguments.mjs";

const EMBEDDED = {
  target: join(ROOT, "models/tales/target"),
  draft: join(ROOT, "models/tales/draft"),
};

/** A file of weights at the end of a path; an ONNX file's configuration may lie above it. */
const WEIGHTS = /([\\/]onnx)?[\\/][^\\/]+\.(gguf|onnx|safetensors)$/;
const HUB_FILE = /^[\w-][\w.-]*\/[\w.@-]+\/([\w.-]+\/)?[\w.-]+\.(gguf|onnx)$/;

/**
 * @typedef {object} Names
 * @property {string | undefined} [target]
 * @property {string | undefined} [draft]
 * @property {number | undefined} [draftLayers]
 * @property {string | undefined} [draftDtype]
 */

/**
 * @param {Names} names
 * @returns {{ target: unknown, draft?: unknown, mounts: Record<string, string> }} the engine's model
 *   sources, with `/models/...` for folders, and which folder each of those is
 */
export function modelSources({ target, draft, draftLayers, draftDtype }) {
  /** @type {Record<string, string>} */
  const mounts = {};
  const targetName = target ?? EMBEDDED.target;
  // The embedded draft shares the embedded target's vocabulary, and no other's.
  const draftName = draft ?? (target === undefined ? EMBEDDED.draft : undefined);
  const targetSource = sourceOf("target", targetName, mounts);
  const spec = {
    ...(draftLayers !== undefined && { layers: draftLayers }),
    ...(draftDtype !== undefined && { dtype: draftDtype }),
  };
  // Of the embedded pair other types of weights are no reason for another draft.
  const isOwn = draftLayers !== undefined || (draftDtype !== undefined && target !== undefined);
  const draftSource =
    draft === undefined && isOwn ? targetSource : draftName && sourceOf("draft", draftName, mounts);
  if (!draftSource) return { target: targetSource, mounts };
  return { target: targetSource, draft: { model: draftSource, ...spec }, mounts };
}

/**
 * @param {string} role
 * @param {string} name
 * @param {Record<string, string>} mounts
 */
function sourceOf(role, name, mounts) {
  if (/^https?:\/\//.test(name)) return name;
  const path = resolve(name);
  if (existsSync(path)) {
    const prefix = `/models/${role}/`;
    const file = WEIGHTS.exec(path)?.[0] ?? "";
    mounts[prefix] = path.slice(0, path.length - file.length);
    return prefix + file.slice(1).replaceAll("\\", "/");
  }
  if (/^[\w-][\w.-]*\/[\w.-]+(@[\w./-]+)?$/.test(name) || HUB_FILE.test(name)) return name;
  throw new CommandError(
    "source-invalid",
    `There is no ${role} model at ${name}.`,
    "Give a folder with config.json, model.safetensors and tokenizer.json, a .gguf file, or a hub repository as owner/name.",
  );
}
