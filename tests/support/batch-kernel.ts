// A kernel of the library, made to run many sequences per dispatch: every storage buffer holds copies side by side, and a
// workgroup's z says which of them it works on. The rewriting knows names and brackets, not kernels: it changes where
// buffers are read and written and nothing else, and throws at what it does not understand.
import type { KernelSpec } from "../../src/gpu/index.ts";

const DECLARATION = /@group\(0\) @binding\(\d+\) var<storage, (?:read|read_write)> (\w+): (.+);/g;
const OWN_NAME = /\bcopy_\w+/;

interface Buffer {
  readonly name: string;
  readonly isArray: boolean;
}

/**
 * `spec` with a copy of each buffer per workgroup in z, but for `common` ones, which all copies read. All copies of a buffer
 * are equally long; those of an array share the binding out, those of a struct are as long as the struct.
 * @throws Error where the shader is written in a way that this does not know.
 */
export function batchKernel<S extends KernelSpec>(spec: S, common: readonly string[] = []): S {
  try {
    return { ...spec, name: `${spec.name} batched`, ...batchTexts(spec, common) };
  } catch (cause) {
    throw new Error(`${spec.name} cannot be batched: ${(cause as Error).message}`, { cause });
  }
}

function batchTexts(spec: KernelSpec, common: readonly string[]) {
  const [main, ...shared] = [spec.wgsl, ...(spec.shared ?? [])].map(withoutComments);
  const taken = [main!, ...shared].map((text) => OWN_NAME.exec(text)?.[0]).find(Boolean);
  if (taken) throw new Error(`it has a "${taken}" of its own`);

  const buffers: Buffer[] = [];
  const globals = ["var<private> copy_index: u32;"];
  const start = ["copy_index = copy_group.z;"];
  const declared: string[] = [];
  const rest = main!.replace(DECLARATION, (declaration, name: string, type: string) => {
    declared.push(name);
    if (common.includes(name)) return declaration;
    const isArray = type.startsWith("array<");
    buffers.push({ name, isArray });
    if (isArray) {
      globals.push(`var<private> copy_of_${name}: u32;`);
      start.push(`copy_of_${name} = copy_index * (arrayLength(&${name}) / copy_grid.z);`);
    }
    globals.push(isArray ? declaration : declaration.replace(`: ${type};`, `: array<${type}>;`));
    return "";
  });
  const wanted = Object.keys(spec.buffers).join(", ");
  if (declared.join(", ") !== wanted)
    throw new Error(`it declares ${declared.join(", ")}, not ${wanted}`);
  const rewritten = [rest, ...shared].map((text) => rewriteModule(text, buffers));
  const wgsl = `${globals.join(" ")} ${withStart(rewritten[0]!, start.join(" "))}`;
  return { wgsl, shared: rewritten.slice(1) };
}

function withoutComments(text: string): string {
  if (text.includes("/*")) throw new Error("it has a block comment");
  return text.replace(/\/\/.*$/gm, "");
}

/** Rewrites the functions; elsewhere a buffer's name may only be a field's. */
function rewriteModule(text: string, buffers: readonly Buffer[]): string {
  let done = "";
  let from = 0;
  for (const { index } of text.matchAll(/^fn \w+\(/gm)) {
    const open = text.indexOf("(", index);
    const params = text.slice(open, closing(text, open));
    const body = text.indexOf("{", open + params.length);
    const end = closing(text, body);
    checkOutside(text.slice(from, index), buffers);
    // A parameter hides a buffer of its name.
    const seen = buffers.filter(({ name }) => !new RegExp(`\\b${name}\\s*:`).test(params));
    done += text.slice(from, body) + rewriteBody(text.slice(body, end), seen);
    from = end;
  }
  checkOutside(text.slice(from), buffers);
  return done + text.slice(from);
}

function checkOutside(text: string, buffers: readonly Buffer[]): void {
  for (const { name } of buffers) {
    if (new RegExp(`\\b${name}\\b(?!\\s*:)`).test(text))
      throw new Error(`"${name}" stands outside of functions`);
  }
}

function rewriteBody(text: string, buffers: readonly Buffer[]): string {
  if (buffers.length === 0) return text;
  const names = buffers.map(({ name }) => name).join("|");
  const found = new RegExp(`(?<![\\w.])(${names})\\b`).exec(text);
  if (!found) return text;
  const { name, isArray } = buffers.find((buffer) => buffer.name === found[0])!;
  const before = text.slice(0, found.index);
  const after = found.index + name.length;
  const next = text[after];
  if (isArray && next === "[") {
    const end = closing(text, after);
    const place = rewriteBody(text.slice(after + 1, end - 1), buffers);
    return `${before}${name}[copy_of_${name} + (${place})]${rewriteBody(text.slice(end), buffers)}`;
  }
  if (!isArray && next === ".")
    return `${before}${name}[copy_index]${rewriteBody(text.slice(after), buffers)}`;
  throw new Error(`it uses "${name}" as a whole: ${text.slice(found.index, after + 20)}`);
}

/** The index after the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ("([{".includes(text[i]!)) depth += 1;
    if (")]}".includes(text[i]!)) depth -= 1;
    if (depth === 0) return i + 1;
  }
  throw new Error("a bracket is not closed");
}

/** Has the entry point note its copy first. */
function withStart(text: string, start: string): string {
  const index = text.search(/^fn main\(/m);
  if (index < 0) throw new Error("it has no main");
  const open = text.indexOf("(", index);
  const end = closing(text, open);
  const params = text.slice(open + 1, end - 1);
  if (params.includes("num_workgroups")) throw new Error("it asks for its grid");
  const ids = [...params.matchAll(/@builtin\((workgroup_id|global_invocation_id)\) (\w+)/g)];
  const body = text.indexOf("{", end);
  for (const [, , id] of ids) {
    // Each component by itself, so that z is free for the copies.
    if (new RegExp(`(?<![\\w.])${id}\\b(?!\\.[xy]\\b)`).test(text.slice(body)))
      throw new Error(`it uses more of "${id}" than x and y`);
  }
  const own = ids.find(([, builtin]) => builtin === "workgroup_id")?.[2];
  const group = own ? "" : "@builtin(workgroup_id) copy_group: vec3<u32>, ";
  const grid = "@builtin(num_workgroups) copy_grid: vec3<u32>, ";
  const first = start.replace("copy_group", own ?? "copy_group");
  return `${text.slice(0, open + 1)}${group}${grid}${params}${text.slice(end - 1, body)}{ ${first} ${text.slice(body + 1)}`;
}
