// A fresh Vite app in TypeScript: what the package's types promise is what the page uses.
import { CoppiceError, type GenerateResult, loadEngine } from "coppice";

const output = document.querySelector("output")!;
try {
  const engine = await loadEngine({
    target: "../models/tales/target/",
    draft: "../models/tales/draft/",
    // Without WebGPU where the address asks for it.
    device: location.hash === "#wasm" ? "wasm" : "webgpu",
    onProgress: ({ loadedBytes }) => (output.title = `${loadedBytes} bytes`),
  });
  const options = { maxNewTokens: 8 } as const;
  const { result } = engine.generate("Once upon a time there was a", options);
  const { text, tokens }: GenerateResult = await result;
  output.value = JSON.stringify({ text, tokens });
} catch (error) {
  output.value = error instanceof CoppiceError ? `${error.code}: ${error.message}` : String(error);
}
