// Who may import whom. Data goes one way down (page -> worker -> decoder -> tree -> model -> kernels ->
// gpu) and one way up; a folder sees itself, the folder below it, and the leaves.

/**
 * @typedef {object} Layer
 * @property {RegExp} files       the files it governs, by path from the repository's top folder
 * @property {RegExp[]} may       what they may import from this repository
 * @property {RegExp[]} [types]   what they may import with `import type` only
 * @property {boolean} [packages] whether they may import npm packages
 * @property {string} says        the rule in words, for the person who broke it
 */

const LEAVES = /^src\/((errors|options|stream-part)\.ts$|options\/)/;

/** Sizes and layouts that several kernels agree on; no kernel themselves. */
const KERNEL_SHARED =
  /^src\/kernels\/(row-tile|weight-readers|(beam|superposed|tree|weight)-layout)\.ts$/;

/** @type {Layer[]} The first layer that governs a file decides. */
export const LAYERS = [
  { files: LEAVES, may: [LEAVES], says: "a leaf imports leaves only" },
  {
    files: /^src\/index\.ts$/,
    may: [LEAVES, /^src\/client\.ts$/],
    says: "index.ts exports client.ts and the leaves",
  },
  {
    files: /^src\/client\.ts$/,
    may: [LEAVES, /^src\/worker\/(protocol|token-stream|tokenizer-parts)\.ts$/],
    packages: true,
    says: "the page sees worker/protocol.ts, worker/token-stream.ts and worker/tokenizer-parts.ts only",
  },
  {
    files: /^src\/worker\/(protocol|token-stream|tokenizer-parts)\.ts$/,
    may: [LEAVES, /^src\/worker\/(protocol|token-stream)\.ts$/],
    packages: true,
    says: "the page loads this file too, so it must not reach the engine",
  },
  {
    files: /^src\/worker\/host[^/]*\.ts$/,
    may: [LEAVES, /^src\/(worker|decoder|tree|model|kernels|gpu|tokenizer)\//],
    types: [/^src\/fallback\/index\.ts$/],
    packages: true,
    says: "the host is the composition root, and wires only what is below it",
  },
  {
    files: /^src\/worker\//,
    may: [LEAVES, /^src\/worker\//],
    packages: true,
    says: "worker/ reaches the engine through its host only",
  },
  {
    files: /^src\/fallback\//,
    may: [
      LEAVES,
      /^src\/fallback\//,
      /^src\/model\/rope(-config)?\.ts$/,
      /^src\/tree\/start-check\.ts$/,
    ],
    types: [/^src\/(decoder|tree|model)\//, /^src\/worker\/host-backend\.ts$/],
    packages: true,
    says: "fallback/ is a script of its own, and bundles nothing of the engine's",
  },
  {
    files: /^src\/tokenizer\//,
    may: [LEAVES, /^src\/tokenizer\//],
    packages: true,
    says: "tokenizer/ imports itself and the leaves",
  },
  {
    files: /^src\/decoder\//,
    may: [LEAVES, /^src\/decoder\//],
    types: [/^src\/tree\//],
    says: "decoder/ knows tree/ by its types only, so that it can be tested without a GPU",
  },
  {
    files: /^src\/tree\//,
    may: [LEAVES, /^src\/(tree|model)\//],
    says: "tree/ imports itself, model/ and the leaves",
  },
  {
    files: /^src\/model\//,
    may: [LEAVES, /^src\/(model|kernels)\//],
    says: "model/ imports itself, kernels/ and the leaves",
  },
  {
    files: /^src\/kernels\/index\.ts$/,
    may: [LEAVES, /^src\/(kernels|gpu)\//],
    says: "kernels/index.ts exports the kernels",
  },
  {
    files: /^src\/kernels\//,
    may: [LEAVES, KERNEL_SHARED, /^src\/gpu\//, /^shaders\//],
    says: "a kernel imports gpu/, its shader, shared layouts and the leaves, never another kernel",
  },
  { files: /^src\/gpu\//, may: [LEAVES, /^src\/gpu\//], says: "gpu/ imports nothing above it" },
  {
    files: /^src\//,
    may: [LEAVES],
    says: "a new folder of src/ declares its place in scripts/lint/layers.mjs",
  },
  {
    files: /^tests\/reference\//,
    may: [/^tests\/reference\//],
    types: [/^src\//],
    packages: true,
    says: "a reference shares no code with what it checks: only types of src/",
  },
  {
    files: /^(demo|tests\/e2e)\//,
    may: [/^(?!src\/|dist\/)/],
    packages: true,
    says: "the playground and the end-to-end tests import the package by its name",
  },
];
