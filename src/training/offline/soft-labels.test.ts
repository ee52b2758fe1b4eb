/**
 * Labels p below 1: whatever the loss, a run learns towards the answer that is preferred, and what
 * a loss does not read is told (docs/decisions/soft-labels.md).
 */
import { describe, expect, test } from "vitest";
import type { PreferenceRecord } from "../../data/records.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "../../objectives/preference.ts";
import type { PreferenceLossName } from "../../objectives/preference.ts";
import { resolveConfig } from "../configs.ts";
import { COMMON, collect, encoder, madePairs, tinyModel, warningsOf } from "../testing.ts";
import { encodeDpo, dpo } from "./dpo.ts";
import type { DpoConfig } from "./dpo.ts";
import { encodeReward } from "./reward-groups.ts";
import { rewardModel } from "./reward.ts";

const good = madePairs(24);
/** The same judgements, told of the other answer. */
const turned = (p: number): PreferenceRecord[] =>
  good.map((pair) => ({ ...pair, chosen: pair.rejected, rejected: pair.chosen, p }));
const config = (given: Partial<DpoConfig>): DpoConfig =>
  resolveConfig("dpo", { ...COMMON, learningRate: 3e-2, maxSteps: 3, epochs: 9, ...given });
const [train, held] = [good.slice(0, 16), good.slice(16)];

/** Mean of log pi(better) - log pi(worse) on plain held-out pairs when a run ends, nats. */
async function learned(
  rows: readonly PreferenceRecord[],
  given: Partial<DpoConfig>,
): Promise<number> {
  const input = { model: tinyModel(), encoder, train: rows, heldOut: held };
  const events = await collect(dpo(input, config(given)));
  const { metrics } = events.filter((event) => event.type === "evaluation").at(-1)!;
  return metrics["eval_logps/chosen"]! - metrics["eval_logps/rejected"]!;
}

describe("a row with p 0.1", () => {
  const start = learned(train, { learningRate: 1e-12, maxSteps: 1 });
  const contrary = turned(0.1).slice(0, 16);

  test.each(PREFERENCE_LOSSES)("%s learns towards the answer that is preferred", async (loss) => {
    expect(await learned(contrary, { loss: [loss] })).toBeGreaterThan((await start) + 0.1);
  });

  test("so does a mixture of losses of both kinds, and an SFT term", async () => {
    for (const given of [
      { loss: ["sigmoid", "ipo"] },
      { loss: ["sigmoid"], sftWeight: 1 },
    ] satisfies Partial<DpoConfig>[])
      expect(await learned(contrary, given)).toBeGreaterThan((await start) + 0.1);
  });

  test("a reward model scores the answer higher that is preferred", async () => {
    const events = await collect(
      rewardModel(
        { model: tinyModel(), encoder, train: contrary, heldOut: held },
        resolveConfig("reward", { ...COMMON, learningRate: 3e-2, maxSteps: 3, epochs: 9 }),
      ),
    );
    const { metrics } = events.filter((event) => event.type === "evaluation").at(-1)!;
    expect(metrics.eval_margin).toBeGreaterThan(0);
    const step = events.find((event) => event.type === "step")!;
    expect(step.metrics.margin).toBeDefined();
    expect(warningsOf(events)).toContain("turned-over-pairs");
  });
});

describe("what becomes of the rows", () => {
  const encoded = (rows: readonly PreferenceRecord[], loss: readonly PreferenceLossName[]) => {
    const {
      examples: pairs,
      held: kept,
      report,
    } = encodeDpo({ encoder, train: rows, heldOut: rows }, config({ loss: [...loss] }));
    expect(kept.map(({ p }) => p)).toEqual(pairs.map(({ p }) => p));
    return { pairs, told: report.warnings.map(({ id }) => id) };
  };
  const rows = [
    { ...good[0]!, p: 0.5 },
    { ...good[1]!, p: 0.75 },
    { ...turned(0.25)[2]! },
    { ...turned(0)[3]! },
    good[4]!,
  ];

  test.each(PREFERENCE_LOSSES)("%s", (loss) => {
    const { pairs, told } = encoded(rows, [loss]);
    const { softLabels } = PREFERENCE_LOSS_TABLE[loss];
    expect(pairs.map(({ p }) => p)).toEqual([...(softLabels ? [0.5] : []), 0.75, 0.75, 1, 1]);
    expect(told).toEqual(["turned-over-pairs", ...(softLabels ? [] : ["ties", "soft-labels"])]);
    // turned over, the rows are those that were told the right way round
    const plain = encoded(good.slice(1, 5), [loss]).pairs;
    expect(pairs.slice(softLabels ? 1 : 0).map(({ row }) => row.ids)).toEqual(
      plain.map(({ row }) => row.ids),
    );
  });

  test("one loss of a mixture that takes none is enough for ties to be left out", () => {
    expect(encoded(rows, ["sigmoid", "ipo"]).pairs).toHaveLength(4);
    expect(encoded(rows, ["sigmoid", "cpo"]).pairs).toHaveLength(5);
  });

  test("nothing but ties is refused by a loss that takes none", () => {
    const ties = good.map((pair) => ({ ...pair, p: 0.5 }));
    expect(() => encoded(ties, ["ipo"])).toThrow("every pair is a tie");
    expect(encoded(ties, ["sigmoid"]).pairs).toHaveLength(24);
  });

  test("a tie has no right order: it does not count for accuracy", async () => {
    const ties = held.map((pair) => ({ ...pair, p: 0.5 }));
    const accuracies = async (heldOut: readonly PreferenceRecord[]): Promise<unknown> => {
      const input = { model: tinyModel(), encoder, train, heldOut };
      const events = await collect(dpo(input, config({ maxSteps: 1 })));
      const { metrics } = events.find((event) => event.type === "evaluation")!;
      return metrics["eval_rewards/accuracies"];
    };
    expect(await accuracies(ties)).toBeUndefined();
    expect(await accuracies([...held, ...ties])).toBe(await accuracies(held));
  });
});

describe("a reward model's margin", () => {
  const groups = (p: number, margin: number, useMargin = true) =>
    encodeReward(
      { encoder, train: [{ ...good[0]!, p, margin }], heldOut: [] },
      { margin: useMargin, maxLength: 48, onBad: "error" },
    ).examples[0]!.pairs;

  test("is of the answer that is taken as chosen", () => {
    expect(groups(0.75, 2)).toEqual([{ chosen: 0, rejected: 1, p: 0.75, margin: 2 }]);
    expect(groups(0.25, -2)).toEqual([{ chosen: 0, rejected: 1, p: 0.75, margin: 2 }]);
  });

  test.each([
    [0.1, 3],
    [0.9, -3],
    [0.5, 1],
  ])("p %d with a margin of %d is refused: each prefers another answer", (p, margin) => {
    expect(() => groups(p, margin)).toThrow("margin and p contradict each other");
    expect(groups(p, margin, false)).toHaveLength(1);
  });

  test("a margin that weakens a label, or is certain, is taken as it is", () => {
    expect(groups(1, -3)).toHaveLength(1);
    expect(groups(0.9, -1)).toHaveLength(1);
    expect(groups(0.5, 0)).toHaveLength(1);
  });
});
