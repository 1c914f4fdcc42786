// npm test: installs what is missing, runs every check and every test, and ends with the count.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testAdapters } from "./lib/adapters.mjs";
import { command, commandBeside } from "./lib/command.mjs";
import { existsSync } from "./lib/files.mjs";
import { requireMachine } from "./lib/machine.mjs";
import { ensurePackages, packagesAreInstalled } from "./lib/packages.mjs";

const total = { passed: 0, failed: 0, skipped: 0 };

/** @param {string} name @param {boolean} passed @param {string} [detail] */
function count(name, passed, detail = "") {
  total[passed ? "passed" : "failed"]++;
  console.log(`${passed ? "ok  " : "FAIL"} ${name}`);
  if (!passed && detail) console.log(detail);
}

/** A check that either holds or does not counts as one test. @param {string} script */
function check(script) {
  const started = Date.now();
  const { ok, output } = command("npm", ["run", "--silent", script]);
  count(`npm run ${script} (${Math.round((Date.now() - started) / 1000)} s)`, ok, output);
}

/**
 * @param {string[]} projects vitest projects, every one of which must run at least one test
 * @param {boolean} show as it goes on, or all at the end
 */
async function tests(projects, show) {
  const counts = join(mkdtempSync(join(tmpdir(), "coppice-test-")), "counts.json");
  const reporter = fileURLToPath(new URL("lib/count-reporter.mjs", import.meta.url));
  const { ok, output } = await commandBeside(
    process.execPath,
    [
      ...["node_modules/vitest/vitest.mjs", "run"],
      ...["--reporter=default", `--reporter=${reporter}`],
      ...projects.flatMap((name) => ["--project", name]),
    ],
    { env: { COPPICE_COUNTS: counts }, show },
  );
  if (!show) console.log(output);
  /** @type {Record<string, import("./lib/count-reporter.mjs").Counts>} */
  const ran = existsSync(counts) ? JSON.parse(readFileSync(counts, "utf8")) : {};
  let failedHere = 0;
  for (const { passed, failed, skipped } of Object.values(ran)) {
    total.passed += passed;
    total.failed += failed;
    failedHere += failed;
    total.skipped += skipped;
  }
  for (const name of projects) {
    const result = ran[name];
    if (result && result.passed + result.failed > 0) continue;
    count(`${name}: no test ran`, false);
    failedHere++;
  }
  // A crash after the last test, for one, fails no test.
  if (!ok && failedHere === 0) count(`vitest ${projects.join(" ")} ended badly`, false);
}

/** Installing counts as a test too: it holds or it does not. @param {string} name @param {() => void} body */
function step(name, body) {
  try {
    body();
    count(name, true);
  } catch (error) {
    count(name, false, error instanceof Error ? error.message : String(error));
  }
}

step("npm packages are installed", ensurePackages);
step("browsers and adapters are here", requireMachine);
// Without packages nothing else can run, and one failure says enough.
if (total.failed === 0 || packagesAreInstalled()) {
  for (const script of ["check", "lint", "format:check", "build", "build:demo"]) check(script);
  // Vitest runs projects of one worker each one after another, and software adapters use one processor each: so their
  // tests run beside all others. Nothing here is timed.
  const beside = tests(
    testAdapters().map(({ name }) => name),
    false,
  );
  await tests(["unit", "e2e"], true);
  await beside;
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
