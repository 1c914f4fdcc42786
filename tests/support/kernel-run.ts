// What kernel tests share: a Gpu on the fixture's device, and faults planted in a shader's text to
// prove that a comparison can fail.
import type { KernelSpec } from "../../src/gpu/index.ts";

export { withGpu } from "./shared-gpu.ts";

let plants = 0;

/** `spec` with `right` replaced by `wrong` in its shader; throws where `right` is not there. */
export function plantFault<S extends KernelSpec>(spec: S, right: string, wrong: string): S {
  const texts = [spec.wgsl, ...(spec.shared ?? [])];
  if (!texts.some((text) => text.includes(right))) {
    throw new Error(`${spec.name}: nothing to replace, no "${right}"`);
  }
  const [wgsl, ...shared] = texts.map((text) => text.replace(right, wrong));
  // Compiled kernels are cached by name.
  return { ...spec, name: `${spec.name} fault ${(plants += 1)}`, wgsl: wgsl!, shared };
}
