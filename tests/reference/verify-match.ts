export interface ReferenceControl {
  base: number;
  pending: number;
  previous: number;
  round: number;
}

export interface Verified {
  control: ReferenceControl;
  path: number[];
  tokens: number[];
  leaf: boolean;
}

/** Walks down from the root for as long as the target's own token is among the children. */
export function verifyMatch(
  tree: { tokens: readonly number[]; parents: readonly number[] },
  ids: ArrayLike<number>,
  control: ReferenceControl,
): Verified {
  const path = [0];
  const tokens: number[] = [];
  for (;;) {
    const node = path.at(-1)!;
    const token = ids[node]!;
    tokens.push(token);
    const children = tree.parents.flatMap((parent, i) => (parent === node ? [i] : []));
    const next = children.find((child) => tree.tokens[child] === token);
    if (next !== undefined) {
      path.push(next);
      continue;
    }
    const after = {
      base: control.base + tokens.length,
      pending: token,
      previous: tokens.at(-2) ?? control.pending,
      round: control.round + 1,
    };
    return { control: after, path, tokens, leaf: children.length === 0 };
  }
}
