// Coupled best-first trees over made-up models whose logits at every node are drawn anew: what a draft's confidence is worth.
import { normals, uniforms } from "./random.ts";

export interface ConfidencePair {
  /** Spread of the target's logits. */
  readonly scale: number;
  /** Spread of what the draft adds to them by mistake. */
  readonly error: number;
  /** What the draft multiplies its logits by: above 1 it is surer than it should be. */
  readonly boast: number;
  /** 0: the most probable token; else the temperature, with noise that draft and target share. */
  readonly temperature: number;
}

const VOCAB = 16;
const TREE = { nodes: 12, depth: 5, width: 4 };

interface Node {
  readonly score: number;
  readonly sureness: number;
  readonly token: number;
  readonly parent: Node | undefined;
  readonly depth: number;
}

export interface SimulatedRound {
  readonly accepted: number;
  /** Per node of the path that had children: how sure the draft was of the surest, and whether that one was right. */
  readonly guesses: readonly { readonly sureness: number; readonly isRight: boolean }[];
}

/** Rounds whose trees are ranked at the temperature that `confidence` gives; each is told to `observe`. */
export function simulateConfidence(
  { scale, error, boast, temperature }: ConfidencePair,
  rounds: number,
  seed: number,
  confidence: () => number,
  observe: (round: SimulatedRound) => void = () => {},
): number {
  const normal = normals(seed);
  const next = uniforms(seed + 1);
  const draws = temperature > 0;
  let tokens = 0;
  for (let round = 0; round < rounds; round++) {
    // Noise belongs to a position and a token, not to a node.
    const noise = Array.from({ length: TREE.depth + 2 }, () =>
      Array.from({ length: VOCAB }, () => (draws ? -Math.log(-Math.log(next())) : 0)),
    );
    const wanted = new Map<Node | undefined, number>();
    const grown: Node[] = [];
    let frontier: (Node | undefined)[] = [undefined];
    for (let depth = 1; depth <= TREE.depth; depth++) {
      const level = frontier.flatMap((parent) => {
        const logits = Array.from({ length: VOCAB }, () => scale * normal());
        const target = logits.map((x, c) => (draws ? x / temperature : x) + noise[depth]![c]!);
        wanted.set(parent, target.indexOf(Math.max(...target)));
        const drafted = logits.map((x) => boast * (x + error * normal()));
        const share = drafted.map((x) => (draws ? x / temperature : x));
        const sum = Math.log(share.reduce((total, x) => total + Math.exp(x), 0));
        const scores = share.map((x, c) => (x - sum + noise[depth]![c]!) / confidence());
        const total = Math.log(scores.reduce((all, x) => all + Math.exp(x), 0));
        return scores.map((x, token) => {
          const sureness = Math.exp(x - total);
          return { score: (parent?.score ?? 0) + x - total, sureness, token, parent, depth };
        });
      });
      frontier = level.sort((a, b) => b.score - a.score).slice(0, TREE.width);
      grown.push(...(frontier as Node[]));
    }
    const tree = grown.sort((a, b) => b.score - a.score).slice(0, TREE.nodes - 1);
    const guesses: { sureness: number; isRight: boolean }[] = [];
    let at: Node | undefined;
    let accepted = 0;
    for (;;) {
      const children = tree.filter(({ parent }) => parent === at);
      const [surest] = children;
      if (surest === undefined) break;
      const child = children.find(({ token }) => token === wanted.get(at));
      guesses.push({ sureness: surest.sureness, isRight: child === surest });
      if (child === undefined) break;
      accepted += 1;
      at = child;
    }
    tokens += accepted + 1;
    observe({ accepted, guesses });
  }
  return tokens / rounds;
}
