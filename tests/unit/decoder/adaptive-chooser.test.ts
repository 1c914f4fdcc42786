// The chooser of trees against simulated devices and drafts: nearly the best arm, never much below plain decoding.
import { expect, test } from "vitest";
import { DEFAULT_ARMS } from "../../../src/decoder/adaptive/arms.ts";
import { TreeChooser } from "../../../src/decoder/adaptive/tree-chooser.ts";
import {
  DEVICES,
  DRAFTS,
  DRAFT_COSTS,
  DraftTable,
  fixedRates,
  rateOf,
  simulate,
  type Policy,
  type Scenario,
  type SimulatedGroup,
} from "../../support/speculation-simulator.ts";

const tables = DRAFTS.map((draft) => new DraftTable(draft, DEFAULT_ARMS));

interface Cell {
  readonly name: string;
  readonly scenario: Scenario;
  readonly groups: readonly SimulatedGroup[];
  /** Tokens per second against the best fixed arm, and against plain decoding. */
  readonly ofBest: number;
  readonly ofPlain: number;
}

/** Rounds per readback, in turns. */
const ROUNDS = [1, 4, 16];
/** None of those that constants were chosen by. */
const SEED = 41;

function runCell(
  name: string,
  scenario: Scenario,
  policy: Policy,
  { length, rounds }: { length: number; rounds: number },
): Cell {
  const groups = simulate(scenario, DEFAULT_ARMS, policy, { length, rounds, seed: SEED });
  const rates = fixedRates(scenario, DEFAULT_ARMS);
  const rate = rateOf(groups);
  return {
    name,
    scenario,
    groups,
    ofBest: rate / Math.max(...rates),
    ofPlain: rate / rates[0]!,
  };
}

/** Every device with every draft at every cost: 2,000 tokens each, the calibration included. */
function runGrid(policy: () => Policy): Cell[] {
  let cell = 0;
  return DEVICES.flatMap((device) =>
    tables.flatMap((table, index) =>
      DRAFT_COSTS.map((draftCost) => {
        const name = `${device.name}, draft ${DRAFTS[index]!.name} at ${draftCost}`;
        return runCell(name, { device, drafts: [table], draftCost }, policy(), {
          length: 2000,
          rounds: ROUNDS[cell++ % ROUNDS.length]!,
        });
      }),
    ),
  );
}

const hopeless = tables[DRAFTS.findIndex(({ name }) => name === "hopeless")]!;
const easy = tables[DRAFTS.findIndex(({ name }) => name === "0.90")]!;

/** Texts in which the draft fails for 600 tokens, then succeeds for as many, three times over. */
function runSwitching(policy: () => Policy): Cell[] {
  const turn = 600;
  return DEVICES.filter(({ name }) => name !== "linear").flatMap((device) =>
    [0.05, 0.25, 0.5].map((draftCost) => {
      const scenario = { device, drafts: [hopeless, easy], turn, draftCost };
      return runCell(`${device.name} at ${draftCost}`, scenario, policy(), {
        length: 6 * turn,
        rounds: 4,
      });
    }),
  );
}

/** Of the best arm for easy text, what the later halves of the easy turns reach: after 300 tokens to notice in. */
function recovery({ scenario, groups }: Cell): number {
  const turn = scenario.turn!;
  const late = groups.filter(({ start }) => start % (2 * turn) >= 1.5 * turn);
  const rates = fixedRates({ ...scenario, drafts: [easy] }, DEFAULT_ARMS);
  return rateOf(late) / Math.max(...rates);
}

const worst = (cells: readonly Cell[], of: (cell: Cell) => number) => Math.min(...cells.map(of));
const share = (cells: readonly Cell[], of: (cell: Cell) => boolean) =>
  cells.filter(of).length / cells.length;

/**
 * What is promised of a policy; the names of the promises that it breaks. Measured over three seeds of this grid that no
 * constant was chosen by: 97.7 % of the best arm on average and 95 % of it in 94 to 97 of 100 runs, 86.6 % in the worst
 * of 900; 97 % of plain decoding in 98 of 100, 94.1 % in the worst. At 4,000 tokens it is 98.1 %, 97 and 99 of 100. The rest
 * is arms that differ by less than 2,000 tokens can tell, most often where rounds take unequal times and the draft is
 * just about worth its cost.
 */
function broken(grid: readonly Cell[], switching: readonly Cell[]): string[] {
  const mean = grid.reduce((sum, { ofBest }) => sum + ofBest, 0) / grid.length;
  const promises: Record<string, boolean> = {
    "97 % of the best arm on average": mean >= 0.97,
    "95 % of the best arm in 93 of 100 runs": share(grid, (cell) => cell.ofBest >= 0.95) >= 0.93,
    "86 % of the best arm in every run": worst(grid, (cell) => cell.ofBest) >= 0.86,
    "97 % of plain decoding in 97 of 100 runs": share(grid, (cell) => cell.ofPlain >= 0.97) >= 0.97,
    "93 % of plain decoding in every run": worst(grid, (cell) => cell.ofPlain) >= 0.93,
    "98 % of plain decoding where the text changes":
      worst(switching, (cell) => cell.ofPlain) >= 0.98,
    "75 % of the best arm, 300 tokens after a change": worst(switching, recovery) >= 0.75,
  };
  return Object.keys(promises).filter((name) => !promises[name]);
}

const grid = runGrid(() => new TreeChooser());
const switching = runSwitching(() => new TreeChooser());

test("on 300 devices and drafts, and where the text changes", () => {
  expect(grid).toHaveLength(DEVICES.length * DRAFTS.length * DRAFT_COSTS.length);
  expect(broken(grid, switching)).toEqual([]);
});

test("calibration and probes cost at most 3 % of the time in 19 of 20 runs, and never 6 %", () => {
  const cost = ({ groups, scenario }: Cell): number => {
    const best = Math.max(...fixedRates(scenario, DEFAULT_ARMS));
    const time = groups.reduce((sum, group) => sum + group.time, 0);
    const probes = groups.filter(({ reason }) => reason !== "exploit");
    return probes.reduce((sum, group) => sum + group.time - group.tokens / best, 0) / time;
  };
  expect(share(grid, (cell) => cost(cell) <= 0.03)).toBeGreaterThan(0.95);
  expect(Math.max(...grid.map(cost))).toBeLessThan(0.06);
});

test("it keeps probing a hopeless draft, at a falling rate", () => {
  const scenario = { device: DEVICES[0]!, drafts: [hopeless], draftCost: 0.5 };
  const groups = simulate(scenario, DEFAULT_ARMS, new TreeChooser(), { length: 16_000 });
  const probes = (from: number, to: number) =>
    groups.filter(({ start, reason }) => reason !== "exploit" && start >= from && start < to)
      .length;
  const [early, late, last] = [probes(0, 2000), probes(12_000, 14_000), probes(14_000, 16_000)];
  expect(late).toBeGreaterThan(3);
  expect(last).toBeGreaterThan(3);
  expect(late).toBeLessThan(early);
});

test("the same observations give the same choices", () => {
  const scenario = { device: DEVICES[4]!, drafts: [easy], draftCost: 0.1 };
  const run = () =>
    simulate(scenario, DEFAULT_ARMS, new TreeChooser(), { length: 1000, seed: 3 }).map(
      ({ arm }) => arm,
    );
  expect(run()).toEqual(run());
});

test("a group without a time teaches acceptance only", () => {
  const chooser = new TreeChooser();
  chooser.observe(chooser.choose().arm, { accepted: [0], milliseconds: undefined });
  chooser.observe(3, { accepted: [], milliseconds: 5 });
  expect(chooser.tokensPerSecond(0)).toBe(0);
  expect(chooser.choose()).toEqual({ arm: 0, rounds: 1, reason: "calibrate" });
});

// The promises have to be ones that a worse policy breaks, or they promise nothing.

/** Follows the chooser for 300 tokens, then keeps what it runs. */
class Settled implements Policy {
  readonly #chooser = new TreeChooser();
  #tokens = 0;
  #arm: number | undefined;

  choose() {
    if (this.#arm !== undefined) return { arm: this.#arm, rounds: Infinity, reason: "exploit" };
    const choice = this.#chooser.choose();
    if (this.#tokens > 300 && choice.reason === "exploit") this.#arm = choice.arm;
    return choice;
  }

  observe(arm: number, group: Parameters<Policy["observe"]>[1]) {
    this.#tokens += group.accepted.reduce((sum, count) => sum + count + 1, 0);
    this.#chooser.observe(arm, group);
  }
}

test("a chooser that settles breaks the promise of recovery", () => {
  const cells = runSwitching(() => new Settled());
  expect(broken(grid, cells)).toContain("75 % of the best arm, 300 tokens after a change");
});

test.each([1, 3])(
  "a policy that always speculates with arm %d breaks those of plain decoding",
  (arm) => {
    const always = () => ({ choose: () => ({ arm, rounds: Infinity }), observe: () => {} });
    const promises = broken(runGrid(always), switching);
    expect(promises).toContain("97 % of plain decoding in 97 of 100 runs");
    expect(promises).toContain("93 % of plain decoding in every run");
  },
);

test("a policy that never speculates breaks those of the best arm", () => {
  const never = () => ({ choose: () => ({ arm: 0, rounds: Infinity }), observe: () => {} });
  expect(broken(runGrid(never), switching)).toContain("97 % of the best arm on average");
});
