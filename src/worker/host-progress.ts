/** Adds up what is read of all files of an engine, from what is known to be needed and what files say of themselves. */
import type { FileSummary, OpenedSource } from "../model/source/index.ts";
import type { LoadProgress } from "../stream-part.ts";
import type { ModelProgress } from "./host-backend.ts";

type Role = LoadProgress["model"];

interface FileBytes {
  readonly model: Role;
  readonly loaded: number;
  readonly total: number;
}

export class LoadMeter {
  readonly #files = new Map<string, FileBytes>();
  readonly #sources = new Map<Role, OpenedSource>();
  readonly #report: (progress: LoadProgress) => void;

  constructor(report: (progress: LoadProgress) => void) {
    this.#report = report;
  }

  /** Takes the files that will be read from a source, in place of what was thought of it before. */
  open(model: Role, source: OpenedSource, files: readonly FileSummary[]): void {
    this.#sources.set(model, source);
    for (const [key, file] of this.#files) {
      if (file.model === model && file.loaded === 0) this.#files.delete(key);
    }
    for (const { name, size } of files) {
      const key = `${model}/${name}`;
      if (!this.#files.has(key)) this.#files.set(key, { model, loaded: 0, total: size });
    }
  }

  /** Takes what a file says. */
  note(progress: ModelProgress): void {
    const { model, file, loadedBytes, totalBytes } = progress;
    this.#files.set(`${model}/${file}`, { model, loaded: loadedBytes, total: totalBytes });
    const all = [...this.#files.values()];
    this.#report({
      ...progress,
      fromCache: this.#sources.get(model)?.isFromCache(file) ?? false,
      overall: {
        loadedBytes: all.reduce((sum, { loaded }) => sum + loaded, 0),
        // A server may not say how long a file is: then it is at least as long as what has come.
        totalBytes: all.reduce((sum, { loaded, total }) => sum + Math.max(loaded, total), 0),
      },
    });
  }
}
