/** What a file must be: its hash as the hub lists it, or what a server says of its version. */
import { CoppiceError } from "../../errors.ts";
import type { FileIdentity } from "../store/piece-file.ts";
import { Sha256 } from "../store/sha256.ts";

const MAX_VERSION = 500;

/** The SHA-256 of the content, where that is known: large files of the hub. */
export function sha256Of({ version }: FileIdentity): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(version)?.[1];
}

/** What a response says of its file's version, or undefined where it says nothing. */
export function versionOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  const modified = headers.get("last-modified");
  const version = etag ? `etag:${etag}` : modified && `modified:${modified}`;
  return version ? version.slice(0, MAX_VERSION) : undefined;
}

/** Whether these bytes are the file's: by their number, and by their hash where that is known. */
export async function isContent(
  bytes: Uint8Array<ArrayBuffer>,
  identity: FileIdentity,
): Promise<boolean> {
  if (bytes.length !== identity.size) return false;
  const sha256 = sha256Of(identity);
  if (sha256) return hex(await crypto.subtle.digest("SHA-256", bytes)) === sha256;
  const sha1 = /^sha1:([0-9a-f]{40})$/.exec(identity.version)?.[1];
  if (!sha1) return true;
  // As git hashes a file: with its length before it.
  const head = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const blob = new Uint8Array(head.length + bytes.length);
  blob.set(head);
  blob.set(bytes, head.length);
  return hex(await crypto.subtle.digest("SHA-1", blob)) === sha1;
}

/** The same for what need not fit into memory. */
export async function isBlobContent(
  blob: Blob,
  identity: FileIdentity,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (blob.size !== identity.size) return false;
  const sha256 = sha256Of(identity);
  if (!sha256) return isContent(new Uint8Array(await blob.arrayBuffer()), identity);
  const hash = new Sha256();
  for await (const piece of piecesOf(blob)) {
    if (signal?.aborted) return false;
    hash.update(piece);
  }
  return hash.hex() === sha256;
}

async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  const step = 4 * 2 ** 20;
  for (let at = 0; at < blob.size; at += step) {
    yield new Uint8Array(await blob.slice(at, at + step).arrayBuffer());
  }
}

export function hashMismatch(name: string): CoppiceError {
  return new CoppiceError(
    "hash-mismatch",
    `${name} arrived, but it is not the file that the hub lists: their hashes differ.`,
    "Load again: nothing of it was kept. If it stays so, something between here and the hub changes files.",
  );
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
