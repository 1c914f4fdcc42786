// A fresh webpack app, at webpack's default entry.
import { loadEngine } from "coppice";

const output = /** @type {HTMLOutputElement} */ (document.querySelector("output"));
try {
  const engine = await loadEngine({
    target: "../models/tales/target/",
    draft: "../models/tales/draft/",
    // Without WebGPU where the address asks for it.
    device: location.hash === "#wasm" ? "wasm" : "webgpu",
  });
  const { result } = engine.generate("Once upon a time there was a", { maxNewTokens: 8 });
  const { text, tokens } = await result;
  output.value = JSON.stringify({ text, tokens });
} catch (error) {
  output.value = String(error);
}
