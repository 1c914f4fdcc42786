// Running other programs: quietly, or with their output on the terminal.
import { spawn, spawnSync } from "node:child_process";
import { constants, setPriority } from "node:os";
import { ROOT } from "./files.mjs";

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, show?: boolean }} [options] show: let its output through
 * @returns {{ ok: boolean, output: string }}
 */
export function command(program, args, { env = {}, show = false } = {}) {
  const run = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    // npm is a .cmd file on Windows.
    shell: process.platform === "win32",
  });
  const output = `${run.stdout ?? ""}${run.stderr ?? ""}${run.error?.message ?? ""}`;
  return { ok: run.status === 0, output };
}

/**
 * The same without waiting, so that programs can run side by side.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, show?: boolean, yields?: boolean }} [options] show: let its output through;
 *   yields: take only the processors that others leave
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function commandBeside(program, args, { env = {}, show = false, yields = false } = {}) {
  return new Promise((resolve) => {
    const run = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    if (yields && run.pid !== undefined) setPriority(run.pid, constants.priority.PRIORITY_LOW);
    let output = "";
    for (const stream of [run.stdout, run.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => (output += text));
    }
    run.on("error", (error) => resolve({ ok: false, output: output + error.message }));
    run.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * A script's body: an error is told in its own words, without a stack that says nothing to a user.
 * @param {() => Promise<void> | void} body
 */
export async function runMain(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
