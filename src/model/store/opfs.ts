/** The origin private file system as a `Storage`. Its handles for quick access exist in workers only, and are locks by themselves. */
import type { Storage, StorageFile } from "./storage.ts";

/** The part of `FileSystemSyncAccessHandle` in use; the DOM's types lack it outside a worker. */
interface AccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type AccessFile = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<AccessHandle> };

/** Opens a folder of this origin's. Undefined where the browser has none to give, as some have not in private windows. */
export async function openOpfs(folder: string): Promise<Storage | undefined> {
  try {
    const top = await navigator.storage.getDirectory();
    const root = await top.getDirectoryHandle(folder, { create: true });
    const storage = new Opfs(root);
    // Some browsers give the folder and refuse only later.
    const probe = await storage.open("probe/probe");
    probe?.close();
    await storage.remove("probe");
    return storage;
  } catch {
    return undefined;
  }
}

class Opfs implements Storage {
  readonly #root: FileSystemDirectoryHandle;

  constructor(root: FileSystemDirectoryHandle) {
    this.#root = root;
  }

  async read(path: string): Promise<Blob | undefined> {
    try {
      const { folder, name } = await this.#find(path, false);
      return await (await folder.getFileHandle(name)).getFile();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async open(path: string): Promise<StorageFile | undefined> {
    const { folder, name } = await this.#find(path, true);
    const file: AccessFile = await folder.getFileHandle(name, { create: true });
    if (!file.createSyncAccessHandle) throw new Error("no access handles");
    try {
      return new OpfsFile(await file.createSyncAccessHandle());
    } catch (error) {
      if (nameOf(error) === "NoModificationAllowedError") return undefined;
      // Firefox says so where the file is open already.
      if (nameOf(error) === "InvalidStateError") return undefined;
      throw error;
    }
  }

  async list(folder?: string): Promise<string[]> {
    try {
      const handle =
        folder === undefined ? this.#root : await this.#root.getDirectoryHandle(folder);
      const names: string[] = [];
      for await (const name of handle.keys()) names.push(name);
      return names;
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async remove(path: string): Promise<boolean> {
    try {
      const { folder, name } = await this.#find(path, false);
      await folder.removeEntry(name, { recursive: true });
      return true;
    } catch {
      return false;
    }
  }

  async #find(
    path: string,
    create: boolean,
  ): Promise<{ folder: FileSystemDirectoryHandle; name: string }> {
    const [first = "", second] = path.split("/");
    if (second === undefined) return { folder: this.#root, name: first };
    return { folder: await this.#root.getDirectoryHandle(first, { create }), name: second };
  }
}

class OpfsFile implements StorageFile {
  readonly #handle: AccessHandle;

  constructor(handle: AccessHandle) {
    this.#handle = handle;
  }

  get size(): number {
    return this.#handle.getSize();
  }

  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#handle.read(bytes, { at }));
  }

  write(at: number, bytes: Uint8Array): void {
    const written = this.#handle.write(bytes, { at });
    // Not every browser throws where there is no room.
    if (written < bytes.length) throw new DOMException("No room left", "QuotaExceededError");
  }

  truncate(size: number): void {
    this.#handle.truncate(size);
  }

  flush(): void {
    this.#handle.flush();
  }

  close(): void {
    this.#handle.close();
  }
}

function nameOf(error: unknown): string {
  return error instanceof DOMException ? error.name : "";
}

function isMissing(error: unknown): boolean {
  return nameOf(error) === "NotFoundError" || nameOf(error) === "TypeMismatchError";
}
