// The playground. It imports the package by its own name, which resolves to the built library in
// dist/, so what a visitor runs is what npm would install.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { thirdPartyLicenses } from "../scripts/third-party.mjs";
import { embeddedPair } from "./embedded-pair.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Relative, so that the static site works in any folder of any server.
  base: "./",
  publicDir: false,
  // A missing file is a 404, not the page again: that would only hide the mistake.
  appType: "mpa",
  plugins: [thirdPartyLicenses(), embeddedPair(new URL("../models/", import.meta.url))],
  server: { fs: { allow: [repository] } },
  build: { target: "es2022", outDir: "dist", emptyOutDir: true },
  worker: { format: "es" },
});
