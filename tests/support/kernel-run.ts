// What kernel tests share: a Gpu on the fixture's device, and faults planted in a shader's text to
// prove that a comparison can fail.
import type { KernelSpec } from "../../src/gpu/index.ts";

export { withGpu } from "./shared-gpu.ts";

let plants = 0;

/** `spec` with `right` replaced by `wrong` in its shader; throws where `right` is not there. */
export function plantFault<S extends KernelSpec>(spec: S, right: string, wrong: string): S {
  const readers = Object.entries(spec.weights ?? {});
  const texts = [spec.wgsl, ...(spec.shared ?? []), ...readers.flatMap(([, reader]) => reader)];
  if (!texts.some((text) => text.includes(right))) {
    throw new Error(`${spec.name}: nothing to replace, no "${right}"`);
  }
  const planted = (text: string): string => text.replace(right, wrong);
  const shared = (spec.shared ?? []).map(planted);
  const weights = Object.fromEntries(readers.map(([type, reader]) => [type, reader.map(planted)]));
  // Compiled kernels are cached by name.
  const name = `${spec.name} fault ${(plants += 1)}`;
  return { ...spec, name, wgsl: planted(spec.wgsl), shared, ...(spec.weights && { weights }) };
}
