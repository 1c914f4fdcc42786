// Stochastic beam search as it is run (Kool et al., arXiv 1903.06059): from the root down, with one Gumbel per
// candidate. `rsd-s.ts` has the law of the trees that this draws.
import { leafAt, type DraftNode } from "./draft-tree.ts";
import type { Model } from "./law.ts";

interface Beam {
  readonly node: DraftNode;
  /** log-probability of the path */
  readonly phi: number;
  /** the same, perturbed: the largest of the node's texts */
  readonly psi: number;
}

/** `gumbel` gives independent standard Gumbel numbers. */
export function stochasticBeam(
  draft: Model,
  width: number,
  depth: number,
  gumbel: () => number,
): DraftNode {
  const root = leafAt([]);
  let beam: Beam[] = [{ node: root, phi: 0, psi: 0 }];
  for (let level = 0; level < depth; level++) {
    const candidates = beam.flatMap((parent) => candidatesOf(parent, draft, gumbel));
    beam = candidates.sort((a, b) => b.psi - a.psi).slice(0, width);
    for (const { parent, node } of candidates.slice(0, width)) parent.children.push(node);
  }
  return root;
}

function candidatesOf({ node: parent, phi, psi }: Beam, draft: Model, gumbel: () => number) {
  const children = draft(parent.path).flatMap((q, token) => {
    const own = phi + Math.log(q);
    return q > 0 ? [{ token, phi: own, g: own + gumbel() }] : [];
  });
  const largest = Math.max(...children.map(({ g }) => g));
  return children.map(({ token, phi, g }) => ({
    parent,
    node: leafAt([...parent.path, token]),
    phi,
    psi: truncated(g, psi, largest),
  }));
}

/** A Gumbel number, moved so that the largest of its siblings becomes `top`: -log(e^-top - e^-largest + e^-g), stably. */
function truncated(g: number, top: number, largest: number): number {
  if (g === largest) return top;
  const v = top - g + Math.log(-Math.expm1(g - largest));
  return top - Math.max(0, v) - Math.log1p(Math.exp(-Math.abs(v)));
}
