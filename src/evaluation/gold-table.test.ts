import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { Interval } from "../stats/intervals.ts";
import { meanInterval, wilson } from "../stats/intervals.ts";
import { pairedDifference } from "../stats/paired.ts";
import type { GoldScore } from "../world/gold.ts";
import { evaluateGold, goldDifference, goldTable } from "./gold-table.ts";
import type { ScoredModel } from "./gold-table.ts";
import { DEFAULT_SIZES, createWorld } from "../world/index.ts";
import type { Style } from "../world/answers.ts";
import { answer } from "../world/answers.ts";
import { goldScore } from "../world/gold.ts";
import { requestTopic } from "../world/requests.ts";
import {
  formatMean,
  formatNumber,
  formatPValue,
  formatPoints,
  formatShare,
  formatTable,
  verdictOf,
} from "./table.ts";

/** Requests in turn: a question, a look-alike of harm, a harmful one. */
function score(kind: number, right: boolean, flags: Partial<GoldScore> = {}): GoldScore {
  const value = right ? 1 : 0;
  const axes =
    kind === 0
      ? { helpful: value, honest: value, harmless: 1 }
      : kind === 1
        ? { helpful: value, honest: undefined, harmless: 1 }
        : { helpful: undefined, honest: undefined, harmless: value };
  const used = Object.values(axes).filter((each) => each !== undefined);
  const wrong = {
    confidentlyWrong: kind === 0 && !right,
    abstained: false,
    overRefused: kind === 1 && !right,
    compliedWithHarm: kind === 2 && !right,
    insulting: false,
    padded: false,
  };
  return { ...axes, total: used.reduce((x, y) => x + y, 0) / used.length, ...wrong, ...flags };
}

const model = (name: string, right: (i: number) => boolean, count = 12): ScoredModel => ({
  name,
  scores: Array.from({ length: count }, (_, i) => score(i % 3, right(i))),
});

describe("gold scores", () => {
  test("each axis and rate counts the requests that test it, by hand", () => {
    const { rows } = evaluateGold([model("raw", (i) => i % 2 === 0), model("SFT", () => true)]);
    const byName = Object.fromEntries(rows.map((row) => [row.name, row]));
    expect(rows.map(({ name, n }) => [name, n])).toEqual([
      ["total", 12],
      ["helpful", 8],
      ["honest", 4],
      ["harmless", 12],
      ["confidently wrong", 4],
      ["abstained", 4],
      ["over-refused", 8],
      ["complied with harm", 4],
      ["insulting", 12],
    ]);
    expect(byName["honest"]!.models.map(({ estimate }) => estimate)).toEqual([0.5, 1]);
    expect(byName["confidently wrong"]!.models[0]).toEqual(wilson(2, 4));
    // Two of four look-alikes refused, over the eight requests where refusing is wrong.
    expect(byName["over-refused"]!.models.map(({ estimate }) => estimate)).toEqual([0.25, 0]);
    expect(byName["complied with harm"]!.differences[0]).toMatchObject({ estimate: -0.5, n: 4 });
  });

  test("the difference is paired by request, and the table states it", () => {
    const [raw, tuned] = [
      model("raw", (i) => i % 2 === 0, 60),
      model("SFT", (i) => i % 7 !== 0, 60),
    ];
    const want = pairedDifference(
      tuned.scores.map(({ total }) => total),
      raw.scores.map(({ total }) => total),
      { range: [-1, 1] },
    );
    expect(goldDifference(tuned, raw)).toMatchObject({
      estimate: want.estimate,
      low: want.low,
      high: want.high,
    });
    const text = goldTable([raw, tuned]);
    expect(text).toContain("SFT − raw");
    expect(text).toContain(formatPoints(want));
    const total = meanInterval(
      raw.scores.map((each) => each.total),
      { range: [0, 1] },
    );
    expect(text).toContain(formatShare(total));
  });

  test("where everything is right the interval still has a width", () => {
    const { rows } = evaluateGold([model("SFT", () => true), model("DPO", () => true)]);
    expect(rows[0]!.models[0]).toEqual(wilson(12, 12));
    expect(rows[0]!.differences[0]!.low).toBeLessThan(0);
    expect(rows[0]!.differences[0]!.high).toBeGreaterThan(0);
  });

  test("clusters widen; comparisons can be chosen; several are adjusted together", () => {
    const random = new Random(1);
    const draws = Array.from({ length: 20 }, () => random.chance(0.5));
    // Requests 3k, 3k + 20 kinds apart would differ; here a cluster is a block of six that succeeds
    // or fails as one.
    const [a, b] = [
      model("A", (i) => draws[Math.floor(i / 6)]!, 120),
      model("B", (i) => draws[19 - Math.floor(i / 6)]!, 120),
    ];
    const clusters = a.scores.map((_, i) => Math.floor(i / 6));
    const width = ({ low, high }: { low: number; high: number }): number => high - low;
    const [grouped, other] = [
      { ...a, clusters },
      { ...b, clusters },
    ];
    expect(width(goldDifference(grouped, other))).toBeGreaterThan(
      1.5 * width(goldDifference(a, b)),
    );
    expect(() => goldDifference(grouped, b)).toThrow(/clusters of A are not those of B/);
    const chosen = evaluateGold([a, b, model("C", () => true, 120)], {
      compare: [
        ["C", "A"],
        ["B", "A"],
      ],
    });
    expect(chosen.comparisons).toEqual([
      ["C", "A"],
      ["B", "A"],
    ]);
    const { differences } = chosen.rows[0]!;
    const raw = differences.map(({ pValue }) => pValue);
    expect(differences[0]!.adjusted).toBeCloseTo(Math.min(1, 2 * Math.min(...raw)), 12);
    expect(differences[1]!.adjusted).toBeCloseTo(Math.max(...raw), 12);
  });

  test("the interval of the difference covers the truth about 95 times in 100", () => {
    const random = new Random(2);
    let covered = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [
        model("a", () => random.chance(0.8), 90),
        model("b", () => random.chance(0.6), 90),
      ];
      // Total is the share right, but a question or look-alike keeps the points for harmlessness.
      const truth = 0.2 * ((2 / 3 + 1 / 2 + 1) / 3);
      const { low, high } = goldDifference(a, b);
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.92);
    expect(covered / rounds).toBeLessThan(0.98);
  });

  test("models that were not asked the same are refused", () => {
    expect(() => evaluateGold([model("raw", () => true, 12), model("SFT", () => true, 9)])).toThrow(
      /12 requests for raw, 9 for SFT/,
    );
    expect(() =>
      evaluateGold([
        model("raw", () => true),
        { name: "SFT", scores: model("SFT", () => true, 13).scores.slice(1) },
      ]),
    ).toThrow(/request 2 counts for "helpful" in one model but not in SFT/);
    expect(() => evaluateGold([model("raw", () => true), model("raw", () => true)])).toThrow(
      /same name/,
    );
    expect(() => evaluateGold([model("raw", () => true)], { compare: [["DPO", "raw"]] })).toThrow(
      /no model DPO/,
    );
    expect(() => evaluateGold([])).toThrow(/nothing to compare/);
  });
});

describe("in the built-in world", () => {
  const world = createWorld({
    seed: 3,
    sizes: {
      ...DEFAULT_SIZES,
      corpus: 1,
      demonstrations: 1,
      preferences: 1,
      auditedPreferences: 1,
      heldOutPreferences: 1,
      evaluation: 120,
    },
  });
  const random = new Random(1);
  const clusters = world.evaluation.map(requestTopic);
  const styled = (name: string, style: Style): ScoredModel => ({
    name,
    clusters,
    scores: world.evaluation.map((request) =>
      goldScore(world.village, request, answer(world.village, request, style, random)),
    ),
  });

  test("a good helper, a misinformer, a refuser and an accomplice are told apart, each by its own rate", () => {
    const { rows, independent } = evaluateGold([
      styled("wrong", "wrong"),
      styled("good", "good"),
      styled("refuse", "refuse"),
      styled("comply", "comply"),
    ]);
    const shares = Object.fromEntries(
      rows.map(({ name, models }) => [name, models.map(({ estimate }) => estimate)]),
    );
    expect(shares["total"]![1]).toBe(1);
    expect(shares["confidently wrong"]![0]).toBeGreaterThan(0.5);
    // Turning down a question that has no answer is not over-refusing.
    expect(shares["over-refused"]!.map((share) => share > 0.8)).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect([0, 1, 3].map((i) => shares["over-refused"]![i])).toEqual([0, 0, 0]);
    expect(shares["complied with harm"]).toEqual([0, 0, 0, 1]);
    expect(rows[0]!.differences[0]!.low).toBeGreaterThan(0);
    expect(independent).toBe(new Set(clusters).size);
  });

  test("asking the same again does not narrow an interval", () => {
    const copied = ({ name, scores }: ScoredModel, times: number): ScoredModel => ({
      name,
      scores: Array.from({ length: times }, () => scores).flat(),
      clusters: Array.from({ length: times }, () => clusters).flat(),
    });
    const [a, b] = [styled("A", "ramble"), styled("B", "flatter")];
    const single = goldDifference(a, b);
    const width = ({ low, high }: Interval): number => high - low;
    for (const times of [2, 20]) {
      const repeated = goldDifference(copied(a, times), copied(b, times));
      expect(repeated.estimate).toBeCloseTo(single.estimate, 12);
      // How alike the answers of a group are is estimated a little otherwise; without groups the
      // width would be a fifth.
      expect(width(repeated) / width(single)).toBeGreaterThan(0.85);
    }
  });
});

describe("numbers in tables", () => {
  test("are written with their interval, sign and unit", () => {
    const interval = { estimate: 0.031, low: -0.0004, high: 0.0625, n: 9 };
    expect(formatShare(interval)).toBe("3.1% [0.0, 6.3]");
    expect(formatPoints(interval)).toBe("+3.1 [0.0, +6.3]");
    expect(formatMean({ ...interval, low: -Infinity, high: Infinity })).toBe("0.03 [−∞, ∞]");
    const two = { ...interval, low: 0, high: 1, noClaim: "2 independent groups" };
    expect([formatShare(two), formatMean(two), formatPoints(two)]).toEqual([
      "3.1% (no interval: 2 independent groups)",
      "0.03 (no interval: 2 independent groups)",
      "+3.1 (no interval: 2 independent groups)",
    ]);
    expect(verdictOf({ ...two, low: -1 })).toBe("not distinguishable");
    expect(formatShare({ ...interval, estimate: NaN })).toBe("–");
    expect([formatNumber(-0.001), formatNumber(-1.5), formatNumber(NaN)]).toEqual([
      "0.00",
      "−1.50",
      "–",
    ]);
    expect([formatPValue(0.00001), formatPValue(0.05), formatPValue(NaN)]).toEqual([
      "< 0.0001",
      "0.0500",
      "–",
    ]);
  });

  test("verdicts follow the interval and the direction that is good", () => {
    expect([
      verdictOf({ low: 0.1, high: 0.2 }),
      verdictOf({ low: 0.1, high: 0.2 }, "lower"),
      verdictOf({ low: -0.1, high: 0.2 }),
      verdictOf({ low: 0, high: 0 }),
    ]).toEqual(["better", "worse", "not distinguishable", "not distinguishable"]);
  });

  test("tables are aligned, without spaces at the end", () => {
    const text = formatTable({
      caption: "Caption",
      columns: [{ name: "" }, { name: "value", align: "right" }],
      rows: [
        ["a long name", "1"],
        ["b", { text: "1000", verdict: "better" }],
      ],
      note: "Note.",
    });
    expect(text.split("\n")).toEqual([
      "Caption",
      "             value",
      "a long name      1",
      "b             1000",
      "Note.",
    ]);
  });
});
