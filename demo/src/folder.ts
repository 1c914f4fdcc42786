/** A model folder from this machine: dropped onto the page, or picked. */

/** What a loader may want; a model folder often holds the same weights in other formats too. */
const WANTED = /\.(?:json|safetensors|gguf|jinja|txt|model)$/;

export interface Folder {
  readonly name: string;
  readonly files: Readonly<Record<string, File>>;
}

/** From an `<input type="file" webkitdirectory>`, or one that takes several files. */
export function folderOf(list: Iterable<File>): Folder {
  const files: Record<string, File> = {};
  let name = "";
  for (const file of list) {
    const [top, ...rest] = file.webkitRelativePath.split("/");
    // Only files right in the folder: those of its own subfolders belong to other formats.
    if (rest.length > 1 || !WANTED.test(file.name)) continue;
    files[file.name] = file;
    name ||= top ?? "";
  }
  return { name: name || "these files", files: chosen(files) };
}

/** A GGUF file brings everything along, and is taken where there are no other weights. */
function chosen(files: Readonly<Record<string, File>>): Folder["files"] {
  const entries = Object.entries(files);
  const isGguf = ([name]: [string, File]): boolean => name.endsWith(".gguf");
  const hasOthers = entries.some(([name]) => name.endsWith(".safetensors"));
  const kept = entries.filter((entry) => isGguf(entry) !== hasOthers);
  return hasOthers || entries.some(isGguf) ? Object.fromEntries(kept) : files;
}

/** From a drop: a folder, or the files themselves. Must be called right in the event, before any await. */
export async function folderOfDrop(transfer: DataTransfer): Promise<Folder> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const folder = entries.find((entry) => entry.isDirectory) as FileSystemDirectoryEntry | undefined;
  const inside = folder ? await readFolder(folder) : entries;
  const fileEntries = inside.filter(
    (entry): entry is FileSystemFileEntry => entry.isFile && WANTED.test(entry.name),
  );
  const files = await Promise.all(fileEntries.map(readFile));
  return {
    name: folder?.name ?? "these files",
    files: chosen(Object.fromEntries(files.map((file) => [file.name, file]))),
  };
}

/** A reader gives at most 100 entries at a time, and an empty list at the end. */
async function readFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function readFile(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
