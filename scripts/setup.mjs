// npm run setup: installs what is missing, and says what it could not install.
import { ensureMachine } from "./lib/machine.mjs";
import { ensurePackages } from "./lib/packages.mjs";

ensurePackages();
const missing = ensureMachine();
for (const fix of missing) console.error(`missing: ${fix}`);
if (missing.length > 0) process.exitCode = 1;
else console.log("Everything is installed.");
