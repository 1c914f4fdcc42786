// Where the software Vulkan drivers of this machine are. Kernel tests run on every one of them, because
// they differ where it matters: SwiftShader has no f16 and subgroups of 4, lavapipe has f16 and 8.
import { existsSync, globSync } from "./files.mjs";
import { homedir } from "node:os";
import { join } from "node:path";

/** @typedef {{ name: string, icd: string | undefined, fix: string }} Adapter */

const SWIFTSHADER = [
  "/usr/lib/chromium/vk_swiftshader_icd.json",
  "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
  "/opt/google/chrome/vk_swiftshader_icd.json",
  "/opt/microsoft/msedge/vk_swiftshader_icd.json",
  join(homedir(), ".cache/ms-playwright/chromium-*/chrome-linux*/vk_swiftshader_icd.json"),
];

const LAVAPIPE = ["/usr/share/vulkan/icd.d/lvp_icd*.json", "/etc/vulkan/icd.d/lvp_icd*.json"];

/** @param {string[]} patterns */
function firstFound(patterns) {
  return patterns.flatMap((pattern) => globSync(pattern)).find((path) => existsSync(path));
}

/**
 * Every adapter the GPU tests must run on here. One whose driver is missing is still listed:
 * its tests then fail with the fix, instead of passing by not running.
 * @returns {Adapter[]}
 */
export function testAdapters() {
  const hardware = {
    name: "hardware",
    icd: undefined,
    fix: "Node found no GPU through WebGPU. Update its driver, or run the tests on Linux.",
  };
  // Software drivers are chosen by VK_ICD_FILENAMES, which only Dawn's Vulkan backend on Linux reads.
  if (process.platform !== "linux") return [hardware];
  const software = [
    {
      name: "swiftshader",
      icd: firstFound(SWIFTSHADER),
      fix: "SwiftShader ships with Chromium: apt-get install chromium",
    },
    {
      name: "lavapipe",
      icd: firstFound(LAVAPIPE),
      fix: "lavapipe ships with Mesa 25 or newer: apt-get install mesa-vulkan-drivers",
    },
  ];
  return process.env["COPPICE_HARDWARE"] ? [...software, hardware] : software;
}

/**
 * Dawn features to leave out on software adapters. With this one, SwiftShader clears workgroup memory by a
 * statement per word: kernels took up to a hundred times longer to compile. Without it a loop clears the memory.
 */
export const SLOW_DAWN_FEATURES = "use_vulkan_zero_initialize_workgroup_memory_extension";
