// A `Storage` in memory, with a limit and with locks as the browser's file system has them.
import type { Storage, StorageFile } from "../../src/model/store/storage.ts";

export class MemoryStorage implements Storage {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly locked = new Set<string>();
  /** Bytes of all files together. */
  limit = Infinity;

  get bytes(): number {
    return [...this.files.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** The paths of files whose path ends so. */
  paths(end: string): string[] {
    return [...this.files.keys()].filter((path) => path.includes(end));
  }

  read(path: string): Promise<Blob | undefined> {
    const bytes = this.files.get(path);
    return Promise.resolve(bytes && new Blob([bytes]));
  }

  open(path: string): Promise<StorageFile | undefined> {
    if (this.locked.has(path)) return Promise.resolve(undefined);
    this.locked.add(path);
    if (!this.files.has(path)) this.files.set(path, new Uint8Array());
    return Promise.resolve(new MemoryFile(this, path));
  }

  list(folder?: string): Promise<string[]> {
    const paths = [...this.files.keys()].map((path) => path.split("/") as [string, string]);
    if (folder === undefined) return Promise.resolve([...new Set(paths.map(([top]) => top))]);
    return Promise.resolve(paths.filter(([top]) => top === folder).map(([, name]) => name));
  }

  remove(path: string): Promise<boolean> {
    const inside = [...this.files.keys()].filter((each) => `${each}/`.startsWith(`${path}/`));
    if (inside.length === 0 || inside.some((each) => this.locked.has(each))) {
      return Promise.resolve(false);
    }
    for (const each of inside) this.files.delete(each);
    return Promise.resolve(true);
  }
}

class MemoryFile implements StorageFile {
  readonly #storage: MemoryStorage;
  readonly #path: string;

  constructor(storage: MemoryStorage, path: string) {
    this.#storage = storage;
    this.#path = path;
  }

  get #bytes(): Uint8Array<ArrayBuffer> {
    return this.#storage.files.get(this.#path)!;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(at, at + length);
  }

  write(at: number, bytes: Uint8Array): void {
    const size = Math.max(this.size, at + bytes.length);
    if (this.#storage.bytes - this.size + size > this.#storage.limit) {
      throw new DOMException("full", "QuotaExceededError");
    }
    const grown = new Uint8Array(size);
    grown.set(this.#bytes);
    grown.set(bytes, at);
    this.#storage.files.set(this.#path, grown);
  }

  truncate(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, size));
    this.#storage.files.set(this.#path, bytes);
  }

  flush(): void {}

  close(): void {
    this.#storage.locked.delete(this.#path);
  }
}
