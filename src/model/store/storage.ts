/** A place for files that outlives the page, as little of it as the store needs. Paths are like "folder/file". */

export interface Storage {
  /** A file's bytes as they are now, or undefined where there is none. Reading them fails once the file changes. */
  read(path: string): Promise<Blob | undefined>;
  /** Opens a file to write to, and makes it where there is none. Undefined while anybody else has it open. */
  open(path: string): Promise<StorageFile | undefined>;
  /** The files of a folder, or the folders where it is left out. */
  list(folder?: string): Promise<string[]>;
  /** Removes a file, or a folder with all that is in it. False where that cannot be done, such as while a file of it is open. */
  remove(path: string): Promise<boolean>;
}

/** A file that nobody else can open until it is closed. Bytes that were never written read as zero. */
export interface StorageFile {
  readonly size: number;
  /** Fewer bytes at the file's end. */
  read(at: number, length: number): Uint8Array<ArrayBuffer>;
  /** @throws DOMException `QuotaExceededError` where there is no room. */
  write(at: number, bytes: Uint8Array): void;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
