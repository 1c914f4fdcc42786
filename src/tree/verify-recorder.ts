/** Records the rules that reject drafted tokens: they compare what the target's rows and the draft's rows say. */
import {
  PATH_RULES,
  verifyLanes,
  verifyPaths,
  verifyPathsGrid,
  verifyRecursive,
  verifyRecursiveGrid,
  verifyTraversal,
  verifyTraversalGrid,
} from "../model/index.ts";
import type { VerifyRule } from "../options.ts";
import type { RoundContext } from "./round-context.ts";
import type { Phase } from "./rounds.ts";
import type { TreePlan } from "./tree-plan.ts";

/** `rule` is any but `coupled`, which draws and matches and has no use for the draft's rows. */
export function recordRejection(
  context: RoundContext,
  plan: TreePlan,
  rule: Exclude<VerifyRule, "coupled">,
): void {
  const { gpu, scope, target, draftRows, ring, recording } = context;
  const { control, tree, statics } = target.state;
  const { vocabSize: vocab } = target.model.config;
  const variant = { statics, constants: { WORKGROUP_SIZE: verifyLanes(vocab) } };
  const target_rows = target.scratch.logits;
  const buffers = { target_rows, draft_rows: draftRows, tree, control, ring };
  const params = { nodes: plan.nodes, vocab };
  recording.phase = "verify" satisfies Phase;
  switch (rule) {
    case "recursive": {
      const verify = gpu.kernels.compile(verifyRecursive, variant);
      recording.dispatch(verify.bind(scope, buffers, params), verifyRecursiveGrid());
      return;
    }
    // On a chain traversal is block verification.
    case "traversal":
    case "block": {
      const verify = gpu.kernels.compile(verifyTraversal, variant);
      recording.dispatch(verify.bind(scope, buffers, params), verifyTraversalGrid());
      return;
    }
    case "spectr":
    case "specinfer": {
      const verify = gpu.kernels.compile(verifyPaths, variant);
      // A chain is one path.
      const paths = plan.levels[0]!.width;
      const bound = verify.bind(scope, buffers, { ...params, paths, rule: PATH_RULES[rule] });
      recording.dispatch(bound, verifyPathsGrid());
    }
  }
}
