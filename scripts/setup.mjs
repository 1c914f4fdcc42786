// npm run setup: installs what is missing, and says what it could not install.
import { runMain } from "./lib/command.mjs";
import { ensureMachine } from "./lib/machine.mjs";
import { ensurePackages } from "./lib/packages.mjs";

await runMain(() => {
  ensurePackages();
  const missing = ensureMachine();
  if (missing.length > 0) throw new Error(missing.map((fix) => `missing: ${fix}`).join("\n"));
  console.log("Everything is installed.");
});
