// What the target thinks of drafts: one pass over all of them, as branches of a tree.
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import { treeSession } from "../../tests/support/engine.ts";

export interface Judged {
  /** Per draft, the mean loss of its tokens, in nats. */
  readonly losses: readonly number[];
  /** Drafts that no other one repeats, as a share. */
  readonly drafts: number;
  /** Different pairs of neighbours among those of all drafts, as a share. */
  readonly bigrams: number;
}

const sessions = new WeakMap<LanguageModel, ReturnType<typeof treeSession>>();

export async function judge(
  gpu: Gpu,
  target: LanguageModel,
  prompt: readonly number[],
  drafts: readonly (readonly number[])[],
): Promise<Judged> {
  const session = sessions.get(target) ?? treeSession(gpu, target);
  sessions.set(target, session);
  session.rewind(0);
  await session.prefill(prompt.slice(0, -1));
  const nodes = [{ token: prompt.at(-1)!, parent: -1 }];
  const places = drafts.map((tokens) => {
    let parent = 0;
    return tokens.map((token) => {
      nodes.push({ token, parent });
      const before = parent;
      parent = nodes.length - 1;
      return { before, token };
    });
  });
  const rows = await session.score(nodes);
  const lossOf = ({ before, token }: { before: number; token: number }) => {
    const row = rows[before]!;
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, x) => total + Math.exp(x - largest), 0);
    return largest + Math.log(sum) - row[token]!;
  };
  const losses = places.map(
    (draft) => draft.reduce((sum, place) => sum + lossOf(place), 0) / Math.max(1, draft.length),
  );
  const pairs = drafts.flatMap((tokens) =>
    tokens.slice(1).map((token, i) => `${tokens[i]} ${token}`),
  );
  return {
    losses,
    drafts: new Set(drafts.map((tokens) => tokens.join(" "))).size / drafts.length,
    bigrams: new Set(pairs).size / Math.max(1, pairs.length),
  };
}
