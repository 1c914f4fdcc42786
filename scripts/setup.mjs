// npm run setup: installs what is missing, and says what it could not install.
import { runMain } from "./lib/command.mjs";
import { requireMachine } from "./lib/machine.mjs";
import { ensurePackages } from "./lib/packages.mjs";

await runMain(() => {
  ensurePackages();
  requireMachine();
  console.log("Everything is installed.");
});
