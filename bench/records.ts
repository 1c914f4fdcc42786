// What a long benchmark has measured so far, kept in .cache/, so that a run that is cut short goes on where it ended.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { moduleText } from "../src/gpu/index.ts";
import * as kernels from "../src/kernels/index.ts";

const CACHE = new URL("../.cache/", import.meta.url);

/** The kernels that decide what speculative text is; figures of others are measured anew. */
const DECIDING = [
  kernels.warpRows,
  kernels.topCandidates,
  kernels.beamScores,
  kernels.drawPaths,
  kernels.growLevel,
  kernels.pruneTree,
  kernels.argmaxRows,
  kernels.verifyMatch,
  kernels.verifyRecursive,
  kernels.verifyTraversal,
  kernels.verifyPaths,
];

/** Records of one benchmark, each under a key. `about` is what the figures are of, beside the deciding kernels. */
export class Records<T> {
  readonly #file: URL;
  readonly #fingerprint: string;
  readonly #key: (record: T) => string;

  constructor(name: string, about: unknown, key: (record: T) => string) {
    this.#file = new URL(`${name}.json`, CACHE);
    this.#fingerprint = createHash("sha256")
      .update(JSON.stringify([about, DECIDING.map((spec) => moduleText(spec))]))
      .digest("hex")
      .slice(0, 16);
    this.#key = key;
  }

  /** All of them. Read anew each time: several runs may share the work. */
  read(): T[] {
    if (!existsSync(this.#file)) return [];
    const { fingerprint, measured } = JSON.parse(readFileSync(this.#file, "utf8")) as {
      fingerprint: string;
      measured: T[];
    };
    return fingerprint === this.#fingerprint ? measured : [];
  }

  find(key: string): T | undefined {
    return this.read().find((record) => this.#key(record) === key);
  }

  /** Keeps one in place of what had its key, and returns all. */
  save(record: T): T[] {
    const others = this.read().filter((other) => this.#key(other) !== this.#key(record));
    const measured = [...others, record];
    mkdirSync(CACHE, { recursive: true });
    const all = { fingerprint: this.#fingerprint, measured };
    writeFileSync(this.#file, `${JSON.stringify(all, undefined, 1)}\n`);
    return measured;
  }
}
