/** Round times of arms that never ran, from those that did. */

/** What a round consists of: the target's pass over so many rows, and so many passes of the draft. */
export interface RoundShape {
  /** Rows of the target's pass, 1..64. */
  readonly nodes: number;
  /** Passes of the draft, 0..63. */
  readonly depth: number;
}

/** Milliseconds: a round takes `base + perNode * nodes + perDraft * depth`. */
export interface CostLine {
  readonly base: number;
  readonly perNode: number;
  readonly perDraft: number;
}

/** What a row and a pass of the draft cost before they are measured, as shares of a plain round. */
export interface CostPrior {
  readonly perNode: number;
  readonly perDraft: number;
}

/** A row costs little where the weights' bandwidth is the limit; a draft has about a tenth of its target's weights. */
export const COST_PRIOR: CostPrior = { perNode: 0.02, perDraft: 0.1 };

/** The prior counts as this many measurements: enough to decide between nodes and depth where those cannot be told apart. */
const PRIOR_WEIGHT = 0.02;
const SWEEPS = 40;

/**
 * Least squares of relative errors with coefficients of at least 0 and a weak pull to the prior. Relative, because a
 * choice between arms depends on ratios; at least 0, because fewer rows never take longer.
 * @param times Milliseconds of a round per shape, above 0; at least one.
 */
export function fitCost(
  times: readonly { readonly shape: RoundShape; readonly time: number }[],
  prior: CostPrior = COST_PRIOR,
): CostLine {
  const plain = times.reduce((least, each) => (each.time < least.time ? each : least));
  const features = ({ nodes, depth }: RoundShape) => [1, nodes, depth];
  const shares = [1 - prior.perNode, prior.perNode, prior.perDraft];
  const unit =
    plain.time / features(plain.shape).reduce((sum, feature, i) => sum + feature * shares[i]!, 0);
  const believed = shares.map((share) => share * unit);
  const line = [...believed];
  const rows = times.map(({ shape, time }) => features(shape).map((feature) => feature / time));
  // Coordinate descent: three unknowns need no matrix, and the bound at 0 is a clamp.
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let i = 0; i < line.length; i++) {
      const scale = 1 / Math.max(believed[i]!, 1e-3 * unit);
      let top = PRIOR_WEIGHT * scale * scale * believed[i]!;
      let bottom = PRIOR_WEIGHT * scale * scale;
      for (const row of rows) {
        const rest = row.reduce((sum, feature, j) => (j === i ? sum : sum + feature * line[j]!), 0);
        top += row[i]! * (1 - rest);
        bottom += row[i]! ** 2;
      }
      line[i] = Math.max(0, top / bottom);
    }
  }
  const [base, perNode, perDraft] = line as [number, number, number];
  return { base, perNode, perDraft };
}

/** Milliseconds that a round of this shape takes by the line. */
export function costOf({ base, perNode, perDraft }: CostLine, shape: RoundShape): number {
  return base + perNode * shape.nodes + perDraft * shape.depth;
}
