// Runs in the browser: the page's half of `npm run generate`. It knows the package by its name only.
import { CoppiceError, loadEngine } from "coppice";

/**
 * @param {{ load: any, prompt: string, generate: any }} request
 * @param {(kind: "delta" | "drafts" | "warning", text: string) => void} emit
 */
export async function run({ load, prompt, generate }, emit) {
  try {
    const engine = await loadEngine(load);
    const { adapter, device, deviceReason } = engine.facts;
    if (device !== "webgpu" && load.device !== device) {
      emit("warning", `Running on ${adapter.description}. ${deviceReason}`);
    }
    const stream = engine.generate(prompt, generate);
    for await (const part of stream) {
      if (part.type === "text-delta") emit("delta", part.text);
      if (part.type === "warning") emit("warning", part.message);
      // Drafts replace one another as they grow; those that stay are printed.
      if (part.type === "text-end" && "drafts" in part.result) emit("drafts", listed(part.result));
    }
    const result = await stream.result;
    await engine.dispose();
    return { result, adapter, device };
  } catch (error) {
    if (error instanceof CoppiceError) {
      return { error: { code: error.code, message: error.message, fix: error.fix } };
    }
    const message = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    return {
      error: { code: "internal", message, fix: "Please report this: it is a fault of Coppice." },
    };
  }
}

/**
 * A line per draft, the best first.
 * @param {any} result
 */
function listed({ drafts }) {
  const line = (/** @type {import("coppice").Draft} */ { perplexity, text, done }) => {
    const mark = done ? " [end of text]" : "";
    return `${perplexity.toPrecision(4).padStart(9)}  ${JSON.stringify(text)}${mark}`;
  };
  return drafts.map(line).join("\n");
}
