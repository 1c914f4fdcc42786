/** The kept files of all models: a folder per model, and the order in which models are let go where room is short. */
import type { FileIdentity } from "./piece-file.ts";
import { PieceFile } from "./piece-file.ts";
import { Sha256 } from "./sha256.ts";
import type { Storage } from "./storage.ts";

/** A file of a repository as the hub lists it; `version` is `sha256:...` of the content or `sha1:...` as git hashes it. */
export interface ListedFile extends FileIdentity {
  readonly name: string;
}

/** What a branch, tag or commit was when the hub was last asked. */
export interface ListedRevision {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

/** What is known of a model beside its files' content. */
interface ModelRecord {
  readonly format: number;
  readonly key: string;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
  readonly revisions: Readonly<Record<string, ListedRevision>>;
  /** URLs of files in another cache whose content was found to be of this version. */
  readonly checked: Readonly<Record<string, string>>;
  /** Files that a server was found not to have. */
  readonly missing: readonly string[];
}

export interface KeptModel {
  readonly key: string;
  readonly label: string;
  readonly bytes: number;
  readonly usedAt: number;
  readonly folder: string;
}

/** No file is kept under this name: of a name, "@" is written otherwise. */
const RECORD = "@record";
const FORMAT = 1;

export class ModelStore {
  readonly storage: Storage;
  /** Of all models together. */
  readonly maxBytes: number;

  constructor(storage: Storage, maxBytes = Infinity) {
    this.storage = storage;
    this.maxBytes = maxBytes;
  }

  /** What is kept of a model, perhaps nothing. `key` tells models apart and holds no secrets. */
  async model(key: string, label: string): Promise<StoredModel> {
    const folder = new Sha256().update(new TextEncoder().encode(key)).hex().slice(0, 32);
    const known = await readRecord(this.storage, folder);
    const record = known ?? {
      format: FORMAT,
      key,
      label,
      usedAt: 0,
      revisions: {},
      checked: {},
      missing: [],
    };
    return new StoredModel(this, folder, record);
  }

  /** Of each model with files here; the one used least recently first. */
  async list(): Promise<KeptModel[]> {
    const models: KeptModel[] = [];
    for (const folder of await this.storage.list()) {
      const record = await readRecord(this.storage, folder);
      let bytes = 0;
      for (const name of await this.storage.list(folder)) {
        bytes += (await this.storage.read(`${folder}/${name}`))?.size ?? 0;
      }
      if (!record && bytes === 0) continue; // Being made, or being tried out.
      const { key = "", label = "unknown", usedAt = 0 } = record ?? {};
      models.push({ key, label, usedAt, bytes, folder });
    }
    return models.sort((a, b) => a.usedAt - b.usedAt);
  }

  /** Removes what is kept of a model, or of all. Files that are being written stay. Returns the bytes that are free now. */
  async clear(key?: string): Promise<number> {
    let freed = 0;
    for (const model of await this.list()) {
      if (key !== undefined && model.key !== key) continue;
      if (await this.storage.remove(model.folder)) freed += model.bytes;
    }
    return freed;
  }

  /** Lets go of other models until `bytes` more fit under the limit. False where they cannot. */
  async makeRoom(bytes: number, own: string): Promise<boolean> {
    if (this.maxBytes === Infinity) return true;
    const models = await this.list();
    let sum = models.reduce((total, model) => total + model.bytes, bytes);
    if (bytes > this.maxBytes) return false;
    for (const model of models) {
      if (sum <= this.maxBytes) return true;
      if (model.folder === own) continue;
      if (await this.storage.remove(model.folder)) sum -= model.bytes;
    }
    return sum <= this.maxBytes;
  }

  /** Lets go of the model that was used least recently. False where there is no other. */
  async dropOldest(own: string): Promise<boolean> {
    for (const model of await this.list()) {
      if (model.folder !== own && (await this.storage.remove(model.folder))) return true;
    }
    return false;
  }
}

export class StoredModel {
  readonly store: ModelStore;
  readonly folder: string;
  #record: ModelRecord;

  constructor(store: ModelStore, folder: string, record: ModelRecord) {
    this.store = store;
    this.folder = folder;
    this.#record = record;
  }

  revision(name: string): ListedRevision | undefined {
    return Object.hasOwn(this.#record.revisions, name) ? this.#record.revisions[name] : undefined;
  }

  /** Notes what a revision is now, and drops files that no known revision has any more. */
  async keepRevision(name: string, revision: ListedRevision): Promise<void> {
    const revisions = { ...this.#record.revisions, [name]: revision };
    this.#record = { ...this.#record, revisions };
    const wanted = Object.values(revisions).flatMap(({ files }) => files.map(pathOf));
    for (const file of await this.store.storage.list(this.folder)) {
      if (file === RECORD || wanted.includes(file)) continue;
      await this.store.storage.remove(`${this.folder}/${file}`);
    }
  }

  isChecked(url: string, version: string): boolean {
    return Object.hasOwn(this.#record.checked, url) && this.#record.checked[url] === version;
  }

  noteChecked(url: string, version: string): void {
    this.#record = { ...this.#record, checked: { ...this.#record.checked, [url]: version } };
  }

  isMissing(name: string): boolean {
    return this.#record.missing.includes(name);
  }

  async noteMissing(name: string, isMissing: boolean): Promise<void> {
    if (isMissing === this.isMissing(name)) return;
    const rest = this.#record.missing.filter((each) => each !== name);
    this.#record = { ...this.#record, missing: isMissing ? [...rest, name] : rest };
    await this.touch();
  }

  /** Writes down what was noted, and that the model is in use now. */
  async touch(): Promise<void> {
    this.#record = { ...this.#record, usedAt: Date.now() };
    try {
      const file = await this.store.storage.open(`${this.folder}/${RECORD}`);
      if (!file) return; // Another engine is at it.
      const bytes = new TextEncoder().encode(JSON.stringify(this.#record));
      try {
        file.truncate(0);
        file.write(0, bytes);
      } finally {
        file.close();
      }
    } catch {
      // Without the note the model is only the first to go.
    }
  }

  read(name: string, wanted?: FileIdentity): Promise<PieceFile | undefined> {
    return PieceFile.read(this.store.storage, this.#path(name, wanted), wanted);
  }

  /** Makes room first. Undefined where there is none, or another engine writes to this file. */
  async write(name: string, wanted: FileIdentity): Promise<PieceFile | undefined> {
    const { storage } = this.store;
    const path = this.#path(name, wanted);
    const there = await PieceFile.read(storage, path, wanted);
    const missing = wanted.size - (there?.keptBytes ?? 0);
    if (!(await this.store.makeRoom(missing, this.folder))) return undefined;
    return this.whileThereIsRoom(() => PieceFile.write(storage, path, wanted));
  }

  /** Runs what writes, letting go of other models where the browser has no room. Undefined where that does not help. */
  async whileThereIsRoom<T>(write: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
        if (!isFull || !(await this.store.dropOldest(this.folder))) return undefined;
      }
    }
  }

  #path(name: string, wanted: FileIdentity | undefined): string {
    return `${this.folder}/${pathOf({ name, version: wanted?.version ?? "" })}`;
  }
}

/** Files of the hub are told apart by content, so that revisions share what they have in common. */
function pathOf({ name, version }: { readonly name: string; readonly version: string }): string {
  const hash = /^sha\d+:(\w{16})/.exec(version)?.[1];
  return encodeURIComponent(name) + (hash ? `@${hash}` : "");
}

async function readRecord(storage: Storage, folder: string): Promise<ModelRecord | undefined> {
  try {
    const blob = await storage.read(`${folder}/${RECORD}`);
    if (!blob) return undefined;
    const record = JSON.parse(await blob.text()) as ModelRecord;
    const { format, revisions, checked, missing } = record;
    const isWhole = isRecord(revisions) && isRecord(checked) && Array.isArray(missing);
    return format === FORMAT && isWhole ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
