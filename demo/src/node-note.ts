/** What there is to say of one node of a tree. */
import { MEANINGS } from "./legend.ts";
import type { Growth } from "./rounds.ts";
import { alternativesOf, percent, sentence, type TokenNote } from "./token-note.ts";
import type { LaidNode } from "./tree-layout.ts";

/** `index` is the node's in the layout, where the target's own word comes after those of the tree. */
export function noteOfNode(node: LaidNode, index: number, round: Growth): TokenNote {
  return {
    id: round.tree?.tokens[index] ?? 0,
    word: round.drafts === undefined ? node.label : (round.tree?.texts[index] ?? "").trim(),
    origin: originOf(node, round),
    line: fateOf(node, round),
    draft:
      node.confidence === undefined || node.parent < 0
        ? ""
        : `The draft was ${percent(node.confidence)} sure of the path up to here.`,
    alternatives: around(node, index, round),
  };
}

function originOf({ origin, kept, parent }: LaidNode, { drafts }: Growth) {
  if (origin) return origin;
  return kept && parent >= 0 && drafts === undefined ? "accepted" : undefined;
}

function fateOf({ parent, origin, kept }: LaidNode, { drafts }: Growth): string {
  if (parent < 0) return "The stump: the last word written.";
  if (drafts !== undefined) return kept ? "Of the first draft." : "Of another draft.";
  if (origin) return sentence(MEANINGS[origin]);
  return sentence(kept ? MEANINGS.accepted : "guessed by the draft, and cut");
}

/** The target was asked along the path that was kept: of a node beside it, it is known what won there. */
function around(node: LaidNode, index: number, { tree, tokens }: Growth) {
  if (!tree || node.parent < 0 || node.share === undefined) return [];
  const token = tokens[tree.path.indexOf(node.parent)];
  return token ? alternativesOf(token, tree.tokens[index] ?? token.id) : [];
}
