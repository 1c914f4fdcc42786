/** How far the files of weights have been read. */
import type { LocatedTensor } from "../formats/tensor-store.ts";
import type { FileProgress } from "../source/types.ts";

/** Adds up bytes per file; the totals count only the tensors that are loaded. */
export function progressReporter(
  tensors: readonly LocatedTensor[],
  report: ((progress: FileProgress) => void) | undefined,
): (file: string, bytes: number) => void {
  const totals = new Map<string, number>();
  const loaded = new Map<string, number>();
  for (const { file, bytes } of tensors) totals.set(file, (totals.get(file) ?? 0) + bytes);
  return (file, bytes) => {
    const loadedBytes = (loaded.get(file) ?? 0) + bytes;
    loaded.set(file, loadedBytes);
    report?.({ file, loadedBytes, totalBytes: totals.get(file)! });
  };
}
