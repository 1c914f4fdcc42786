/** The control block and the token tree of one sequence, in the GPU's memory. */
import { CONTROL, encodeControl, encodeTree, TARGET_TREE, treeLayout } from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import type { ScoredNode } from "./tree-session.ts";

export class TreeState {
  readonly control: BufferSlice;
  readonly tree: BufferSlice;
  /** Array lengths of `tree`, as the shaders' prelude wants them. */
  readonly statics = { NODES: TARGET_TREE.nodes, LEVELS: TARGET_TREE.levels } as const;
  readonly #scope: BufferScope;

  constructor(scope: BufferScope) {
    this.#scope = scope;
    this.control = scope.storage("control", CONTROL.bytes);
    this.tree = scope.storage("tree", treeLayout(TARGET_TREE).bytes);
  }

  /** Start of decoding: the tree is a root alone, and from here on the GPU owns the control block. */
  writeStart(base: number, pending: number, previous: number, seed = 0): void {
    this.#scope.write(this.control, 0, encodeControl({ base, pending, previous, seed }));
    this.#writeTree([{ token: pending, parent: -1 }]);
  }

  /** A chain of tokens from position `base` on. */
  writeChain(base: number, tokens: readonly number[]): void {
    this.writeTree(
      base,
      tokens.map((token, i) => ({ token, parent: i - 1 })),
    );
  }

  /** A tree whose root stands at position `base`. */
  writeTree(base: number, nodes: readonly ScoredNode[]): void {
    this.#scope.write(this.control, 0, encodeControl({ base, pending: nodes[0]!.token }));
    this.#writeTree(nodes);
  }

  /** The path to commit, root first. */
  writePath(base: number, path: readonly number[]): void {
    const words = encodeControl({ base: base + path.length, round_base: base, accepted: path.length - 1 });
    words.set(path, CONTROL.offsets.path / 4);
    this.#scope.write(this.control, 0, words);
  }

  #writeTree(nodes: readonly ScoredNode[]): void {
    const tree = { token: nodes.map((n) => n.token), parent: nodes.map((n) => n.parent) };
    this.#scope.write(this.tree, 0, new Uint8Array(encodeTree(TARGET_TREE, tree)));
  }
}
