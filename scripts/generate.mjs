// npm run generate: text from the built package, in a headless browser, through its worker.
// The text goes to standard output as it comes; with --json, one line with everything about it.
import { HELP, readArguments } from "./generate/arguments.mjs";
import { runInBrowser } from "./generate/browser.mjs";
import { modelSources } from "./generate/models.mjs";
import { ensureBuilt } from "./lib/build.mjs";
import { ensurePackages } from "./lib/packages.mjs";

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  const { mounts, ...models } = modelSources(options);
  ensurePackages();
  ensureBuilt();
  const { error, result, adapter, device } = await runInBrowser({
    request: {
      load: { ...models, ...options.load },
      prompt: options.prompt,
      generate: options.generate,
    },
    mounts,
    adapter: options.adapter,
    emit: (kind, text) => {
      if (kind === "warning") console.error(`warning: ${text}`);
      else if (!options.json) process.stdout.write(text);
    },
  });
  if (error) throw error;
  process.stdout.write(options.json ? `${JSON.stringify({ ...result, adapter, device })}\n` : "\n");
}

try {
  await main();
} catch (/** @type {any} */ error) {
  console.error(`error [${error.code ?? "internal"}]: ${error.message}`);
  console.error(`fix: ${error.fix ?? "Please report this: it is a fault of Coppice."}`);
  process.exitCode = 1;
}
