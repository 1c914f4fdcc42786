// Runs in the browser: the page's half of `npm run generate`. It knows the package by its name only.
import { CoppiceError, loadEngine } from "coppice";

/**
 * @param {{ load: any, prompt: string, generate: any }} request
 * @param {(kind: "delta" | "warning", text: string) => void} emit
 */
export async function run({ load, prompt, generate }, emit) {
  try {
    const engine = await loadEngine(load);
    const stream = engine.generate(prompt, generate);
    for await (const part of stream) {
      if (part.type === "text-delta") emit("delta", part.text);
      if (part.type === "warning") emit("warning", part.message);
    }
    const result = await stream.result;
    const { adapter } = engine;
    await engine.dispose();
    return { result, adapter };
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
