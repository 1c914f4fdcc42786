// A vitest reporter that counts tests per project, so that a project which ran none is noticed, and names those that failed.
import { writeFileSync } from "node:fs";

/** @typedef {{ passed: number, skipped: number, failures: string[] }} Counts failures: a name and its error each */

export default class CountReporter {
  /** @param {readonly import("vitest/node").TestModule[]} modules @param {readonly unknown[]} unhandled */
  onTestRunEnd(modules, unhandled) {
    /** @type {Record<string, Counts>} */
    const projects = {};
    for (const module of modules) {
      const { name } = module.project;
      const counts = (projects[name] ??= { passed: 0, skipped: 0, failures: [] });
      /** @param {string} what @param {readonly { message?: string }[]} errors */
      const fail = (what, errors) =>
        counts.failures.push(
          [`${name} ${module.relativeModuleId} ${what}`, ...errors.map(message)].join("\n"),
        );
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "passed") counts.passed++;
        else if (state === "failed") fail(`> ${test.fullName}`, errors);
        else counts.skipped++;
      }
      // A file that could not be loaded has no tests, but has failed.
      if (module.errors().length > 0) fail("", module.errors());
    }
    if (unhandled.length > 0) {
      const failures = unhandled.map((error) => `an unhandled error\n${message(error)}`);
      projects["unhandled errors"] = { passed: 0, skipped: 0, failures };
    }
    writeFileSync(process.env["COPPICE_COUNTS"] ?? "", JSON.stringify(projects));
  }
}

/** @param {unknown} error */
function message(error) {
  return error instanceof Object && "message" in error ? String(error.message) : String(error);
}
