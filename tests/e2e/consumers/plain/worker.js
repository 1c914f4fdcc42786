// A worker of the page's own, which starts the package's: import maps do not reach here, addresses do.
import { loadEngine } from "./node_modules/coppice/dist/index.js";

try {
  const engine = await loadEngine({
    target: "../models/tales/target/",
    draft: "../models/tales/draft/",
  });
  const { result } = engine.generate("Once upon a time there was a", { maxNewTokens: 8 });
  const { text, tokens } = await result;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has none
  postMessage(JSON.stringify({ text, tokens }));
} catch (error) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has none
  postMessage(String(error));
}
