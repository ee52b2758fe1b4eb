/** Rules, near-duplicates and the order: what comes first, and what chance does. */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { nearDuplicates } from "./near-duplicates.ts";
import { orderPairs } from "./order.ts";
import { scoreOf } from "./rules.ts";

const logit = (p: number): number => Math.log(p / (1 - p));

describe("scores", () => {
  test("of BALD are the mutual information between label and model", () => {
    const ps = [0.9, 0.2, 0.6];
    const entropy = (p: number): number => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    const joint = (0.9 + 0.2 + 0.6) / 3;
    const expected = entropy(joint) - (entropy(0.9) + entropy(0.2) + entropy(0.6)) / 3;
    expect(scoreOf(ps.map(logit), "uncertainty", "bald")).toBeCloseTo(expected, 12);
    // models that all say one half know that the label is noise
    expect(scoreOf([0, 0, 0], "uncertainty", "bald")).toBe(0);
    expect(scoreOf([800, 800, 800], "uncertainty", "bald")).toBe(0);
    expect(scoreOf([800, -800], "uncertainty", "bald")).toBeCloseTo(Math.log(2), 12);
  });

  test("of the variance are that of the probabilities", () => {
    expect(scoreOf([0.9, 0.2, 0.6].map(logit), "uncertainty", "variance")).toBeCloseTo(
      (0.81 + 0.04 + 0.36) / 3 - (1.7 / 3) ** 2,
      12,
    );
  });

  test("of disagreement rise with the votes of the fewer, whatever the margins are", () => {
    const split = scoreOf([0.1, -0.1, 0.1], "disagreement", "bald");
    const agreed = scoreOf([9, 0.1, 9], "disagreement", "bald");
    const surelySplit = scoreOf([3, -3, 3], "disagreement", "bald");
    expect(split).toBeGreaterThan(agreed);
    expect(surelySplit).toBeGreaterThan(split);
  });
});

describe("near-duplicates", () => {
  const long = "the miller of the village sells flour and bread to everybody on market days";
  test("are texts that share most of their triples, not those that share some", () => {
    const texts = [
      long,
      "a fisher lives by the river and mends nets in winter when nothing else is done",
      `${long} too`,
      "the miller of the village went away and nobody has seen him for a long time now",
      long.toUpperCase(),
    ];
    expect(nearDuplicates(texts, 0.7)).toEqual([0, 1, 0, 3, 0]);
  });

  test("of two random halves of a text are found at their similarity alone", () => {
    const words = Array.from({ length: 60 }, (_, i) => `w${i}`);
    const changed = words.map((word, i) => (i === 30 ? "other" : word));
    const pair = [words.join(" "), changed.join(" ")];
    // three of 58 triples differ on each side: 55 / 61 is shared
    expect(nearDuplicates(pair, 0.9)).toEqual([0, 0]);
    expect(nearDuplicates(pair, 0.91)).toEqual([0, 1]);
  });

  test("of short and empty texts are equal ones", () => {
    expect(nearDuplicates(["", "no", "no", ""], 0.7)).toEqual([0, 1, 1, 0]);
  });
});

describe("an order", () => {
  const random = (): Random => Random.for(3, "order test");
  const scores = Array.from({ length: 400 }, (_, i) => ((i * 37) % 400) / 400);
  const alone = scores.map((_, i) => i);
  const plain = { rule: "uncertainty", randomShare: 0, groups: alone, apart: 0 } as const;

  test("has every pair once, the highest score first", () => {
    const places = orderPairs(scores, { ...plain, random: random() });
    expect(places.map(({ index }) => index)).toEqual(
      alone.toSorted((a, b) => scores[b]! - scores[a]!),
    );
    expect(new Set(places.map(({ chosenBy }) => chosenBy))).toEqual(new Set(["uncertainty"]));
  });

  test("leaves a share to chance, which looks at no score", () => {
    const places = orderPairs(scores, { ...plain, randomShare: 0.25, random: random() });
    expect(new Set(places.map(({ index }) => index)).size).toBe(400);
    const first = places.slice(0, 200);
    const byChance = first.filter(({ chosenBy }) => chosenBy === "random");
    expect(byChance.length).toBeGreaterThan(35);
    expect(byChance.length).toBeLessThan(65);
    const mean = byChance.reduce((sum, { index }) => sum + scores[index]!, 0) / byChance.length;
    expect(mean).toBeGreaterThan(0.35);
    expect(mean).toBeLessThan(0.65);
    const ranked = first.filter(({ chosenBy }) => chosenBy === "uncertainty");
    const values = ranked.map(({ index }) => scores[index]!);
    expect(values).toEqual(values.toSorted((a, b) => b - a));
  });

  test("keeps near-duplicates apart while others are left, and loses none", () => {
    // pairs 0 to 39 say the same, and score highest
    const groups = alone.map((i) => (i < 40 ? 0 : i));
    const high = alone.map((i) => 400 - i);
    const places = orderPairs(high, { ...plain, groups, apart: 8, random: random() });
    expect(new Set(places.map(({ index }) => index)).size).toBe(400);
    const at = places.flatMap(({ index }, place) => (groups[index] === 0 ? [place] : []));
    expect(at.slice(0, 3)).toEqual([0, 9, 18]);
    const gaps = at.slice(1).map((place, i) => place - at[i]!);
    expect(gaps.slice(0, -1).every((gap) => gap > 8)).toBe(true);
  });

  test("ends where only near-duplicates are left", () => {
    const places = orderPairs([3, 2, 1], {
      ...plain,
      groups: [0, 0, 0],
      apart: 50,
      random: random(),
    });
    expect(places.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test("by chance alone reads no score", () => {
    const places = orderPairs(scores, { ...plain, rule: "random", random: random() });
    const others = orderPairs(
      scores.map((score) => -score),
      {
        ...plain,
        rule: "random",
        random: random(),
      },
    );
    expect(places).toEqual(others);
    expect(new Set(places.map(({ index }) => index)).size).toBe(400);
  });

  test("of 100,000 pairs that all say the same takes no square of time", () => {
    const many = 100_000;
    const places = orderPairs(
      Array.from({ length: many }, (_, i) => i),
      { ...plain, groups: Array.from({ length: many }, () => 0), apart: 50, random: random() },
    );
    expect(places.at(0)!.index).toBe(many - 1);
    expect(places.length).toBe(many);
  });
});
