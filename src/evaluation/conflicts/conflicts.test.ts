import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { alongFinding } from "./along.ts";
import { conflictFindings } from "./conflict-findings.ts";
import type { ConflictAxis } from "./conflicts.ts";
import { conflictsAmong } from "./conflicts.ts";

const random = (): Random => Random.for(1, "test");
const NAMES = ["sft", "helped", "better"];

/** Shares of right answers by model, over the same 100 prompts. */
const axis = (name: string, ...shares: number[]): ConflictAxis => ({
  name,
  better: "higher",
  scores: shares.map((share) => Array.from({ length: 100 }, (_, i) => (i < 100 * share ? 1 : 0))),
});

describe("conflicts", () => {
  const axes = [axis("helpful", 0.5, 0.8, 0.8), axis("harmless", 0.9, 0.6, 0.9)];
  const found = conflictsAmong(NAMES, axes, { random: random() });

  test("a change that helps one at the expense of another is named, and so is its price", () => {
    const [first, second, third] = found.changes;
    expect(first).toMatchObject({
      from: "sft",
      to: "helped",
      helped: ["helpful"],
      harmed: ["harmless"],
    });
    expect(second).toMatchObject({
      from: "helped",
      to: "better",
      helped: ["harmless"],
      harmed: [],
    });
    expect(third).toMatchObject({ from: "sft", to: "better", helped: ["helpful"], harmed: [] });
    const [traded] = conflictFindings(found, ["helpful", "harmless"]);
    expect(traded).toMatchObject({
      conclusion: "better at a cost",
      conclusions: ["better", "worse"],
    });
    expect(traded!.answer).toContain("from sft to helped it helped helpful (+30.0");
    expect(traded!.answer).toContain("at the expense of harmless (−30.0");
    expect(traded!.measures[0]!.id).toBe("conflicts/sft-to-helped/helpful");
  });

  test("the front holds who is beaten on no axis", () => {
    expect(found.models.map(({ onFront }) => onFront)).toEqual([false, false, true]);
    expect(found.models[2]!.probabilityOnFront).toBeGreaterThan(0.9);
    expect(found.models[0]!.values.map(({ estimate }) => estimate)).toEqual([0.5, 0.9]);
  });

  test("Holm: all changes on all axes are one family", () => {
    // by hand: two of the six are equal (p 1), the others as small as the pairs make them
    const values = found.changes.flatMap(({ axes: each }) => each.map(({ pValue }) => pValue));
    expect(values).toHaveLength(6);
    expect(values.filter((p) => p > 0.9)).toHaveLength(2);
    expect(values.filter((p) => p < 0.001)).toHaveLength(4);
  });

  test("intervals alone serve too, and a lower good counts as better", () => {
    const interval = (estimate: number) => ({
      estimate,
      low: estimate - 0.098,
      high: estimate + 0.098,
      n: 100,
    });
    const bare: ConflictAxis[] = [
      { name: "honest", better: "higher", values: [0.5, 0.8].map(interval) },
      { name: "over-refusal", better: "lower", values: [0.1, 0.5].map(interval) },
    ];
    const { changes, models } = conflictsAmong(["a", "b"], bare, { random: random() });
    expect(changes[0]!.axes.map(({ paired }) => paired)).toEqual([false, false]);
    expect(changes[0]).toMatchObject({ helped: ["honest"], harmed: ["over-refusal"] });
    // the difference of two values with a standard error of 0.05 each
    const [honest, refusal] = changes[0]!.axes;
    expect(refusal!.difference.estimate).toBeCloseTo(0.4, 12);
    const [trade, front] = conflictFindings({ changes, models }, ["honest", "over-refusal"]);
    expect(trade!.answer).toContain("expense of over-refusal (+40.0");
    expect(trade!.answer).toContain("of which less is better");
    for (const { measures } of [trade!, front!])
      expect([...new Set(measures.map(({ good }) => good))]).toEqual(["higher", "lower"]);
    expect(honest!.difference.low).toBeCloseTo(0.3 - 1.96 * 0.05 * Math.SQRT2, 4);
    expect(models.map(({ onFront }) => onFront)).toEqual([true, true]);
  });

  test("a model of which one axis has no interval is not on the front, nor before another", () => {
    const told = { estimate: 0.5, low: 0.4, high: 0.6, n: 100 };
    const one = { estimate: 1, low: 0, high: 1, n: 1, noClaim: "1 observation" };
    const bare = ["honest", "harmless"].map((name): ConflictAxis => ({
      name,
      better: "higher",
      values: [told, one, told],
    }));
    const conflicts = conflictsAmong(NAMES, bare, { random: random() });
    expect(conflicts.models.map(({ onFront }) => onFront)).toEqual([true, false, true]);
    expect(conflicts.models[1]).toMatchObject({ probabilityOnFront: NaN });
    const [, front] = conflictFindings(conflicts, ["honest", "harmless"]);
    expect(front!.answer).toContain("Nothing is claimed of helped (1 observation).");
  });

  test("scores of too few prompts place no model on the front", () => {
    const few = ["helpful", "harmless"].map((name): ConflictAxis => ({
      name,
      better: "higher",
      scores: [
        [0, 1],
        [1, 1],
      ],
    }));
    const conflicts = conflictsAmong(["a", "b"], few, { random: random() });
    expect(conflicts.models.map(({ probabilityOnFront }) => probabilityOnFront)).toEqual([
      NaN,
      NaN,
    ]);
    const [, front] = conflictFindings(conflicts, ["helpful", "harmless"]);
    expect(front!.conclusion).toBe("no conclusion");
    expect(front!.answer).toContain("Nothing is claimed of a (2 independent groups)");
  });

  test("one axis of scores and one of intervals: each is compared as it can be", () => {
    const half = Array.from({ length: 100 }, (_, i) => (i < 50 ? 1 : 0));
    const more = half.map((value, i) => (i < 62 ? 1 : value));
    const values = [0.5, 0.62].map((estimate) => ({
      estimate,
      low: estimate - 0.097,
      high: estimate + 0.097,
      n: 100,
    }));
    const mixed: ConflictAxis[] = [
      { name: "honest", better: "higher", scores: [half, more], values },
      { name: "harmless", better: "higher", values },
    ];
    const conflicts = conflictsAmong(["a", "b"], mixed, { random: random() });
    expect(conflicts.changes[0]).toMatchObject({ helped: ["honest"], harmed: [] });
    expect(conflicts.changes[0]!.axes.map(({ paired }) => paired)).toEqual([true, false]);
    expect(conflicts.models[1]!.probabilityOnFront).toBeGreaterThan(0.9);
  });

  test("an axis that is no share is told in its own unit", () => {
    const values = [40, 45].map((estimate) => ({
      estimate,
      low: estimate - 1,
      high: estimate + 1,
      n: 50,
    }));
    const mixed: ConflictAxis[] = [
      { name: "perplexity", better: "lower", unit: "score", values },
      { name: "length", better: "higher", unit: "words", values },
    ];
    const conflicts = conflictsAmong(["a", "b"], mixed, { random: random() });
    const names = mixed.map(({ name }) => name);
    const [trade, front] = conflictFindings(conflicts, names);
    expect(trade!.answer).toContain("length (5.0 [3.6, 6.4] words) at the expense of perplexity");
    expect(trade!.measures.map(({ unit }) => unit)).toEqual(["score", "words"]);
    expect(front!.measures[0]).toMatchObject({ unit: "score", value: { estimate: 40 } });
    const along = alongFinding(conflicts, {
      axes: names,
      along: { name: "step", values: [0, 10] },
    });
    for (const { figures } of [front!, along])
      for (const part of figures)
        expect(JSON.stringify(part).replaceAll("95%", "")).not.toContain("%");
    expect(JSON.stringify(front!.figures)).not.toContain('"percent":true');
    expect(JSON.stringify(front!.details)).toContain("40.000 [39.000, 41.000]");
    expect(JSON.stringify(along.figures)).toContain('"y":45');
  });

  test("differences of points lie between -2 and 2", () => {
    const points = ["honest", "harmless"].map((name): ConflictAxis => ({
      name,
      better: "lower",
      range: [-1, 1],
      scores: [-1, 1].map((value) => Array.from({ length: 30 }, () => value)),
    }));
    const [change] = conflictsAmong(["a", "b"], points, { random: random() }).changes;
    expect(change!.axes[0]!.difference).toMatchObject({ estimate: 2, high: 2 });
  });

  test("what has no interval claims nothing", () => {
    const none = { estimate: 0.5, low: 0, high: 1, n: 1, noClaim: "1 observation" };
    const bare: ConflictAxis[] = [
      { name: "honest", better: "higher", values: [none, none] },
      { name: "harmless", better: "higher", values: [none, none] },
    ];
    const conflicts = conflictsAmong(["a", "b"], bare, { random: random() });
    const findings = conflictFindings(conflicts, ["honest", "harmless"]);
    for (const { conclusion } of findings) expect(conclusion).toBe("no conclusion");
    for (const { answer } of findings) expect(answer).not.toMatch(/NaN/);
  });
});
