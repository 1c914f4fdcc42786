/** The tree a draft grows, larger than the one that is scored, and the tokens proposed at its frontier. */
import { CANDIDATE, DRAFT_TREE, encodeTree } from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import { MAX_NODES } from "./tree-plan.ts";

export class CandidateState {
  readonly tree: BufferSlice;
  /** `[frontier, k]` candidates of the level that grows now. */
  readonly proposals: BufferSlice;
  readonly statics = { NODES: DRAFT_TREE.nodes, LEVELS: DRAFT_TREE.levels } as const;

  constructor(scope: BufferScope) {
    // Node 0 is the token before the root and node 1 the root; their tokens come from the control block.
    const stump = encodeTree(DRAFT_TREE, { token: [0, 0], parent: [-1, 0] });
    this.tree = scope.upload("candidate tree", new Uint8Array(stump));
    this.proposals = scope.storage("proposals", MAX_NODES * MAX_NODES * CANDIDATE.bytes);
  }
}
