// A vitest reporter that counts tests per project, so that a project which ran none is noticed.
import { writeFileSync } from "node:fs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

export default class CountReporter {
  /** @param {readonly import("vitest/node").TestModule[]} modules @param {readonly unknown[]} unhandled */
  onTestRunEnd(modules, unhandled) {
    /** @type {Record<string, Counts>} */
    const projects = {};
    for (const module of modules) {
      const counts = (projects[module.project.name] ??= { passed: 0, failed: 0, skipped: 0 });
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed++;
        else if (state === "failed") counts.failed++;
        else counts.skipped++;
      }
      // A file that could not be loaded has no tests, but has failed.
      if (module.errors().length > 0) counts.failed++;
    }
    if (unhandled.length > 0)
      projects["unhandled errors"] = { passed: 0, failed: unhandled.length, skipped: 0 };
    writeFileSync(process.env["COPPICE_COUNTS"] ?? "", JSON.stringify(projects));
  }
}
