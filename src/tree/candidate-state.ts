/** The tree a draft grows, larger than the one that is scored, and the tokens proposed at its frontier. */
import { CANDIDATE_BYTES, DRAFT_TREE, encodeTokenTree } from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import { MAX_NODES } from "./tree-plan.ts";

export class CandidateState {
  readonly tree: BufferSlice;
  /** `[frontier, k]` candidates of the level that grows now. */
  readonly proposals: BufferSlice;
  readonly statics = DRAFT_TREE;

  constructor(scope: BufferScope) {
    // Node 0 is the token before the root and node 1 the root; their tokens come from the control block.
    const stump = [
      { token: 0, parent: -1 },
      { token: 0, parent: 0 },
    ];
    this.tree = scope.upload("candidate tree", encodeTokenTree(DRAFT_TREE, stump));
    this.proposals = scope.storage("proposals", MAX_NODES * MAX_NODES * CANDIDATE_BYTES);
  }
}
