// npm test: installs what is missing, runs every check and every test, and ends with the count.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testAdapters } from "./lib/adapters.mjs";
import { commandBeside } from "./lib/command.mjs";
import { existsSync } from "./lib/files.mjs";
import { requireMachine } from "./lib/machine.mjs";
import { ensurePackages, packagesAreInstalled } from "./lib/packages.mjs";

const total = { passed: 0, skipped: 0 };
/** Told again at the very end, where they are seen. @type {string[]} */
const failures = [];

/** @param {string} name @param {boolean} passed @param {string} [detail] */
function count(name, passed, detail = "") {
  console.log(`${passed ? "ok  " : "FAIL"} ${name}`);
  if (passed) total.passed++;
  else failures.push(name);
  if (!passed && detail) console.log(detail);
}

/** A check that either holds or does not counts as one test. @param {string} script */
async function check(script) {
  const started = Date.now();
  const { ok, output } = await commandBeside("npm", ["run", "--silent", script]);
  count(`npm run ${script} (${Math.round((Date.now() - started) / 1000)} s)`, ok, output);
}

/**
 * @param {string[]} projects vitest projects, every one of which must run at least one test
 * @param {boolean} beside others: quietly, and with the processors that they leave
 */
async function tests(projects, beside) {
  const counts = join(mkdtempSync(join(tmpdir(), "coppice-test-")), "counts.json");
  const reporter = fileURLToPath(new URL("lib/count-reporter.mjs", import.meta.url));
  const { ok, output } = await commandBeside(
    process.execPath,
    [
      ...["node_modules/vitest/vitest.mjs", "run"],
      ...["--reporter=default", `--reporter=${reporter}`],
      ...projects.flatMap((name) => ["--project", name]),
    ],
    { env: { COPPICE_COUNTS: counts }, show: !beside, yields: beside },
  );
  if (beside) console.log(output);
  /** @type {Record<string, import("./lib/count-reporter.mjs").Counts>} */
  const ran = existsSync(counts) ? JSON.parse(readFileSync(counts, "utf8")) : {};
  const before = failures.length;
  for (const result of Object.values(ran)) {
    total.passed += result.passed;
    total.skipped += result.skipped;
    failures.push(...result.failures);
  }
  for (const name of projects) {
    const result = ran[name];
    if (result && result.passed + result.failures.length > 0) continue;
    count(`${name}: no test ran`, false);
  }
  // A crash after the last test, for one, fails no test.
  if (!ok && failures.length === before) count(`vitest ${projects.join(" ")} ended badly`, false);
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
if (failures.length === 0 || packagesAreInstalled()) {
  // Software adapters, one after another, have the processors that browsers leave.
  const beside = tests(
    testAdapters().map(({ name }) => name),
    true,
  );
  for (const script of ["check", "lint", "format:check", "build", "build:demo"])
    await check(script);
  await tests(["unit", "e2e"], false);
  await beside;
}

if (failures.length > 0) console.log(`\nWhat failed:\n${failures.join("\n")}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`\n${total.passed} passed, ${failures.length} failed${skipped}`);
process.exitCode = failures.length > 0 ? 1 : 0;
