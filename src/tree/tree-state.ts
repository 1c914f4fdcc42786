/** The control block and the token tree of one sequence, in the GPU's memory. */
import {
  CONTROL,
  CONTROL_BYTES,
  encodeControl,
  encodeTokenTree,
  TARGET_TREE,
  treeBytes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, ControlState } from "../model/index.ts";

/** A node to be scored: its token and its parent's index; node 0 is the root, with parent -1. */
export interface ScoredNode {
  readonly token: number;
  readonly parent: number;
}

export class TreeState {
  readonly control: BufferSlice;
  readonly tree: BufferSlice;
  /** Array lengths of `tree`, as the shaders' prelude wants them. */
  readonly statics = TARGET_TREE;
  readonly #scope: BufferScope;

  constructor(scope: BufferScope) {
    this.#scope = scope;
    this.control = scope.storage("control", CONTROL_BYTES);
    this.tree = scope.storage("tree", treeBytes(TARGET_TREE));
  }

  /** Start of decoding: the tree is a root alone, and from here on the GPU owns the control block. */
  writeStart(state: Partial<ControlState>, endTokens: readonly number[]): void {
    this.#scope.write(this.control, 0, encodeControl(state, endTokens));
    this.#writeTree([{ token: state.pending ?? 0, parent: -1 }]);
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
    const words = encodeControl({
      base: base + path.length,
      round_base: base,
      accepted: path.length - 1,
    });
    words.set(path, CONTROL.offsets.path / 4);
    this.#scope.write(this.control, 0, words);
  }

  #writeTree(nodes: readonly ScoredNode[]): void {
    this.#scope.write(this.tree, 0, encodeTokenTree(TARGET_TREE, nodes));
  }
}
