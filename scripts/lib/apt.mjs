// What the tests need from the system, on Debian and as root: a browser, and a software Vulkan driver.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.mjs";
import { existsSync } from "./files.mjs";

/** Mesa's lavapipe has f16 and subgroups from here on. */
const MESA_NEEDED = 25;

/** @returns {Record<string, string>} */
function osRelease() {
  if (!existsSync("/etc/os-release")) return {};
  const lines = readFileSync("/etc/os-release", "utf8").split("\n");
  return Object.fromEntries(lines.map((line) => line.replaceAll('"', "").split("=", 2)));
}

export function canUseApt() {
  return process.platform === "linux" && process.getuid?.() === 0 && osRelease()["ID"] === "debian";
}

/** @param {string} text a version as dpkg writes it */
const major = (text) => Number(/^(?:\d+:)?(\d+)/.exec(text)?.[1] ?? 0);

function installedMesa() {
  const query = command("dpkg-query", [
    "-W",
    "-f",
    "${db:Status-Status} ${Version}",
    "mesa-vulkan-drivers",
  ]);
  return query.ok && query.output.startsWith("installed ") ? major(query.output.slice(10)) : 0;
}

export function mesaIsNewEnough() {
  // Where there is no dpkg, the adapter test says whether the driver is good enough.
  return !existsSync("/usr/bin/dpkg-query") || installedMesa() >= MESA_NEEDED;
}

/**
 * A sources list with the backports of this release, from the mirror that the machine already uses.
 * @returns {string | undefined} its path
 */
function backportsList() {
  const codename = osRelease()["VERSION_CODENAME"];
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const targets = command("apt-get", ["indextargets", "--format", format, "Identifier: Packages"]);
  const main = targets.output
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, release, component]) => release === codename && component === "main");
  if (!main) return undefined;
  const [uri] = main;
  const path = join(mkdtempSync(join(tmpdir(), "coppice-apt-")), "backports.list");
  const own = "/etc/apt/sources.list";
  const known = existsSync(own) ? readFileSync(own, "utf8") : "";
  writeFileSync(path, `${known}\ndeb ${uri} ${codename}-backports main\n`);
  return path;
}

/** @param {string[]} args */
function apt(args) {
  const wait = ["-o", "DPkg::Lock::Timeout=600"];
  const { ok, output } = command("apt-get", [...wait, ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  if (!ok) throw new Error(`apt-get ${args.join(" ")} failed\n${output}`);
}

/** @param {string[]} names */
export function aptInstall(names) {
  console.error(`Installing ${names.join(" ")} with apt ...`);
  apt(["update"]);
  apt(["install", "-y", "--no-install-recommends", ...names]);
}

/** Installs a lavapipe that is new enough, from the release or else from its backports. */
export function aptInstallLavapipe() {
  console.error("Installing mesa-vulkan-drivers with apt ...");
  apt(["update"]);
  const policy = command("apt-cache", ["policy", "mesa-vulkan-drivers"]).output;
  const candidate = major(/Candidate: (\S+)/.exec(policy)?.[1] ?? "");
  const list = candidate >= MESA_NEEDED ? undefined : backportsList();
  // Only for these two calls: the machine's own list of sources stays as it is.
  const source = list ? ["-o", `Dir::Etc::sourcelist=${list}`] : [];
  const release = list ? ["-t", `${osRelease()["VERSION_CODENAME"]}-backports`] : [];
  if (list) apt([...source, "update"]);
  apt([...source, "install", "-y", "--no-install-recommends", ...release, "mesa-vulkan-drivers"]);
}
