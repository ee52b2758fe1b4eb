import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { sigmoid } from "../special.ts";
import type { CrowdComparison } from "./crowd-bradley-terry.ts";
import { crowdLogLikelihood, fitCrowdBradleyTerry } from "./crowd-bradley-terry.ts";
import type { CrowdVote } from "./crowd.ts";
import { fitDawidSkene } from "./dawid-skene.ts";
import { drawCrowd } from "./testing.ts";

interface Place {
  strengths: number[];
  biases: number[];
  skills: number[];
}
interface Golden {
  dawid_skene: {
    items: number;
    annotators: number;
    classes: number;
    votes: [number, number, number][];
    gold: number[];
    shares: number[];
    confusion: number[][][];
    posterior: number[][];
  }[];
  noisy_bradley_terry: {
    players: number;
    annotators: number;
    votes: [number, number, number, number][];
    prior: { strength: number; skill: number; skill_mean: number; bias: number };
    optimum: Place;
    log_likelihood: number;
    crowd_kit: Place & { log_likelihood: number };
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL("golden/crowd.json", import.meta.url), "utf8"),
) as Golden;
const close = (got: ArrayLike<number>, want: readonly number[], within: number): void =>
  want.forEach((value, n) => expect(Math.abs(got[n]! - value)).toBeLessThan(within));

describe("Dawid and Skene", () => {
  test("ends where crowd-kit's DawidSkene does, with and without gold items", () => {
    expect(golden.dawid_skene.map(({ gold }) => gold.length)).toEqual([0, 0, 15]);
    for (const want of golden.dawid_skene) {
      const { items, annotators, classes } = want;
      const votes = want.votes.map(([item, annotator, label]) => ({ item, annotator, label }));
      const fit = fitDawidSkene(votes, {
        items,
        annotators,
        classes,
        gold: new Map(want.gold.map((label, item) => [item, label])),
        pseudoVotes: 0,
        iterations: 20_000,
        tolerance: 1e-12,
      });
      close(fit.shares, want.shares, 1e-6);
      close(fit.confusion, want.confusion.flat(2), 1e-6);
      close(fit.posterior, want.posterior.flat(), 1e-6);
    }
  });

  test("accuracies are recovered, and intervals hold them", () => {
    const crowd = drawCrowd(1, {
      annotators: 20,
      votesEach: 200,
      overlap: 4,
      accuracy: [0.6, 0.9],
    });
    const { votes, items, accuracies } = crowd;
    const fit = fitDawidSkene(votes, {
      items,
      annotators: 20,
      classes: 2,
      confusion: "one-coin",
      classShares: "uniform",
    });
    expect(fit.converged).toBe(true);
    expect(fit.statements).toEqual([]);
    const held = fit.accuracies.filter(
      ({ low, high }, j) => low <= accuracies[j]! && accuracies[j]! <= high,
    );
    expect(held.length).toBeGreaterThanOrEqual(17);
    const sorted = fit.accuracies.map(({ estimate }, j) => Math.abs(estimate - accuracies[j]!));
    expect(Math.max(...sorted)).toBeLessThan(0.2);
    const right = fit.posterior.filter((_, n) => n % 2 === 0);
    const correct = crowd.truth.filter((label, item) => right[item]! > 0.5 === (label === 0));
    // what posteriors claim is what holds
    const claimed = right.reduce((sum, p) => sum + Math.max(p, 1 - p), 0) / items;
    expect(Math.abs(correct.length / items - claimed)).toBeLessThan(0.03);
  });

  test("the classes' order does not matter to one-coin, and names matter to nobody", () => {
    const { votes, items } = drawCrowd(2, {
      annotators: 6,
      votesEach: 40,
      overlap: 3,
      accuracy: [0.6, 0.9],
    });
    const turned = votes.map((vote) => ({ ...vote, label: 1 - vote.label }));
    const options = { items, annotators: 6, classes: 2, confusion: "one-coin" as const };
    const [one, other] = [votes, turned].map((each) => fitDawidSkene(each, options));
    close(
      one!.accuracies.map(({ estimate }) => estimate),
      other!.accuracies.map(({ estimate }) => estimate),
      1e-6,
    );
    close(
      one!.posterior.filter((_, n) => n % 2 === 0),
      Array.from(other!.posterior.filter((_, n) => n % 2 === 1)),
      1e-6,
    );
  });

  test("an annotator who chooses a side is seen through where sides are known", () => {
    const random = new Random(4);
    const votes: CrowdVote[] = [];
    for (let item = 0; item < 400; item++) {
      const truth = random.integer(2);
      for (let annotator = 0; annotator < 4; annotator++) {
        const swapped = random.chance(0.5);
        const right = random.chance(0.85) ? truth : 1 - truth;
        const label = annotator === 3 ? (swapped ? 1 : 0) : right;
        votes.push({ item, annotator, label, swapped });
      }
    }
    const fit = fitDawidSkene(votes, {
      items: 400,
      annotators: 4,
      classes: 2,
      classShares: "uniform",
    });
    // P(first place chosen | the better one stands first), and | it stands second
    expect(fit.confusion[12]).toBeGreaterThan(0.95);
    expect(fit.confusion[14]).toBeGreaterThan(0.95);
    expect(fit.accuracies[3]!.estimate).toBeCloseTo(0.5, 1);
    expect(fit.accuracies[0]!.estimate).toBeCloseTo(0.85, 1);
  });

  test("what the votes do not tell is said, and is never NaN in an interval", () => {
    const base = { classes: 2, confusion: "one-coin" as const, classShares: "uniform" as const };
    const lone = [0, 1, 2].map((item) => ({ item, annotator: 0, label: item % 2 }));
    const cases = {
      none: fitDawidSkene([], { ...base, items: 2, annotators: 1 }),
      one: fitDawidSkene(lone, { ...base, items: 3, annotators: 1 }),
      apart: fitDawidSkene(
        lone.map((vote) => ({ ...vote, annotator: vote.item })),
        { ...base, items: 3, annotators: 3 },
      ),
      two: fitDawidSkene(
        lone.flatMap((vote) => [vote, { ...vote, annotator: 1 }]),
        { ...base, items: 3, annotators: 2 },
      ),
      contrary: fitDawidSkene(
        Array.from({ length: 60 }, (_, n) => ({
          item: Math.floor(n / 3),
          annotator: n % 3,
          label: (n + Math.floor(n / 3)) % 3 === 0 ? 1 : n % 2,
        })),
        { ...base, items: 20, annotators: 3 },
      ),
      sameClass: fitDawidSkene(
        Array.from({ length: 30 }, (_, n) => ({
          item: n % 10,
          annotator: Math.floor(n / 10),
          label: 0,
        })),
        { items: 10, annotators: 3, classes: 2 },
      ),
    };
    const said = Object.values(cases).map(({ statements }) => statements.join("; "));
    expect(said).toEqual([
      "there are no votes",
      "one annotator and no gold items: nothing tells how often he is right",
      "none of 3 items has two annotators, and none is gold: nothing tells how often anybody is right",
      "annotators share items with one other at most: how often two agree is known, and not which " +
        "of them is right more often",
      "annotators agree no more often than by chance: who is right cannot be told from their votes",
      "every vote names the same class: how annotators judge the others cannot be told",
    ]);
    for (const { accuracies, posterior } of Object.values(cases)) {
      expect([...posterior].every(Number.isFinite)).toBe(true);
      for (const { low, high, noClaim } of accuracies) {
        expect([low, high].every(Number.isFinite)).toBe(true);
        if (noClaim === undefined) expect(high - low).toBeGreaterThan(0);
      }
    }
    expect(cases.one.accuracies[0]!.noClaim).toBe("one annotator and no gold items");
    expect(cases.contrary.accuracies[0]!.noClaim).toBe("annotators agree no more than by chance");
  });

  test("gold items tell of a single annotator, and of one who shares nothing", () => {
    const random = new Random(3);
    const votes = Array.from({ length: 100 }, (_, item) => ({
      item,
      annotator: 0,
      label: random.chance(0.8) ? 0 : 1,
    }));
    const gold = new Map(votes.map(({ item }) => [item, 0]));
    const fit = fitDawidSkene(votes, {
      items: 100,
      annotators: 2,
      classes: 2,
      gold,
      confusion: "one-coin",
    });
    const right = votes.filter(({ label }) => label === 0).length;
    expect(fit.accuracies[0]!.estimate).toBeCloseTo((right + 0.5) / 101, 9);
    expect(fit.accuracies[1]).toMatchObject({ noClaim: "no votes", n: 0 });
    expect(fit.posterior.every((p, n) => p === 1 - (n % 2))).toBe(true);
  });

  test("wrong use is refused", () => {
    const options = { items: 1, annotators: 1, classes: 2 };
    expect(() => fitDawidSkene([{ item: 1, annotator: 0, label: 0 }], options)).toThrow(RangeError);
    expect(() => fitDawidSkene([], { ...options, classes: 1 })).toThrow(/two at least/);
    expect(() =>
      fitDawidSkene([{ item: 0, annotator: 0, label: 0, swapped: true }], {
        ...options,
        classes: 3,
      }),
    ).toThrow(/only two classes/);
    expect(() => fitDawidSkene([], { ...options, gold: new Map([[3, 0]]) })).toThrow(/gold/);
  });
});

describe("Bradley-Terry of annotators", () => {
  const votesOf = (rows: Golden["noisy_bradley_terry"][number]["votes"]): CrowdComparison[] =>
    rows.map(([left, right, annotator, outcome]) => ({ left, right, annotator, outcome }));

  test("finds the maximum of crowd-kit's likelihood, which crowd-kit itself falls short of", () => {
    expect(golden.noisy_bradley_terry.length).toBe(2);
    for (const want of golden.noisy_bradley_terry) {
      const { players, annotators, prior } = want;
      const votes = votesOf(want.votes);
      for (const [place, likelihood] of [
        [want.optimum, want.log_likelihood],
        [want.crowd_kit, want.crowd_kit.log_likelihood],
      ] as const)
        expect(crowdLogLikelihood(votes, place)).toBeCloseTo(likelihood, 9);
      const fit = fitCrowdBradleyTerry(votes, {
        players,
        annotators,
        strengthPrecision: prior.strength,
        skillPrecision: prior.skill,
        skillMean: prior.skill_mean,
        biasPrecision: prior.bias,
      });
      expect(fit.converged).toBe(true);
      expect(fit.logLikelihood).toBeGreaterThan(want.crowd_kit.log_likelihood);
      expect(fit.logLikelihood).toBeCloseTo(want.log_likelihood, 6);
      close(fit.strengths, want.optimum.strengths, 1e-5);
      close(
        fit.annotators.map(({ skill }) => skill),
        want.optimum.skills.map(sigmoid),
        1e-6,
      );
      close(
        fit.annotators.map(({ bias }) => bias),
        want.optimum.biases.map(sigmoid),
        1e-6,
      );
    }
  });

  test("ties pull strengths together; unlinked players are told apart by nothing", () => {
    const votes = [0, 1, 2].flatMap((annotator): CrowdComparison[] => [
      { left: 0, right: 1, annotator, outcome: 1 },
      { left: 2, right: 3, annotator, outcome: annotator === 0 ? 1 : 0.5 },
    ]);
    const fit = fitCrowdBradleyTerry(votes, { players: 5, annotators: 3 });
    expect(fit.preference(0, 1)).toBeGreaterThan(fit.preference(2, 3));
    expect(fit.preference(2, 3)).toBeGreaterThan(0.5);
    expect(fit.preference(1, 0)).toBeCloseTo(1 - fit.preference(0, 1), 12);
    expect(fit.preference(0, 2)).toBe(0.5);
    expect(fit.differenceError(0, 4)).toBe(Infinity);
    expect(fit.strengths[4]).toBe(0);
    const ties = fitCrowdBradleyTerry(
      votes.map((vote) => ({ ...vote, outcome: 0.5 })),
      { players: 5, annotators: 3 },
    );
    expect(ties.preference(0, 1)).toBeCloseTo(0.5, 9);
  });

  test("who always takes the left is given no weight, and his bias is named", () => {
    const random = new Random(8);
    const strengths = Array.from({ length: 8 }, () => 1.5 * random.normal());
    const votes: CrowdComparison[] = Array.from({ length: 1500 }, (_, n) => {
      const [left, right] = random.sample([0, 1, 2, 3, 4, 5, 6, 7], 2) as [number, number];
      const annotator = n % 5;
      const p = annotator === 4 ? 0.97 : sigmoid(strengths[left]! - strengths[right]!);
      return { left, right, annotator, outcome: random.chance(p) ? 1 : 0 };
    });
    const fit = fitCrowdBradleyTerry(votes, { players: 8, annotators: 5, strengthPrecision: 0.3 });
    expect(fit.annotators[4]!.skill).toBeLessThan(0.2);
    expect(fit.annotators[4]!.bias).toBeGreaterThan(0.9);
    for (const { skill, votes: count } of fit.annotators.slice(0, 4)) {
      expect(skill).toBeGreaterThan(3 * fit.annotators[4]!.skill);
      expect(count).toBe(300);
    }
    const centre = strengths.reduce((x, y) => x + y, 0) / 8;
    for (const [i, strength] of strengths.entries())
      expect(
        Math.abs(fit.strengths[i]! - (strength - centre)) / fit.differenceError(i, (i + 1) % 8),
      ).toBeLessThan(3.5);
  });

  test("wrong use is refused", () => {
    const options = { players: 2, annotators: 1 };
    expect(() => fitCrowdBradleyTerry([], options)).toThrow(/no votes/);
    expect(() =>
      fitCrowdBradleyTerry([{ left: 0, right: 0, annotator: 0, outcome: 1 }], options),
    ).toThrow(RangeError);
    expect(() =>
      fitCrowdBradleyTerry([{ left: 0, right: 1, annotator: 0, outcome: 2 }], options),
    ).toThrow(/not a probability/);
    expect(() =>
      fitCrowdBradleyTerry([{ left: 0, right: 1, annotator: 0, outcome: 1 }], {
        ...options,
        strengthPrecision: 0,
      }),
    ).toThrow(/above 0/);
  });
});
