import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import { bestOfFinding, rewardBenchFinding } from "./benchmark-findings.ts";
import {
  bestIsRight,
  bestOfAccuracy,
  styleScores,
  tiesPairs,
  tiesScore,
} from "./benchmark-scores.ts";
import type { ScoredItem } from "./item.ts";
import { answersOfItems, readBenchmark, withScores } from "./item.ts";
import { pairFindings, robustnessFinding } from "./reward-findings.ts";
import type { BatchCheck } from "./robustness.ts";
import { DRESSES, batchCheck, robustness } from "./robustness.ts";
import { chainsIn } from "../testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());

let prompts = 0;
const item = (
  rightScores: readonly number[],
  wrongScores: readonly number[],
  { id = "1", subset = "Math" } = {},
): ScoredItem => ({
  id,
  prompt: `p${++prompts}`,
  subset,
  right: rightScores.map(() => "r"),
  wrong: wrongScores.map(() => "w"),
  rightScores,
  wrongScores,
});

interface Golden {
  rows: { id: string; num_correct: number; scores: number[] }[];
  expected: Record<string, number>;
}

describe("RewardBench 2", () => {
  const golden = JSON.parse(
    readFileSync(new URL("golden/ties.json", import.meta.url), "utf8"),
  ) as Golden[];

  test.each(golden.map((each, i) => [i + 1, each] as const))(
    "Ties score as their formula does: case %i (scripts/golden/reward_bench.py)",
    (number, { rows, expected }) => {
      const pairs = tiesPairs(
        rows.map(({ id, num_correct: right, scores }) =>
          item(scores.slice(0, right), scores.slice(right), { id, subset: "Ties" }),
        ),
      );
      const found = tiesScore(pairs);
      for (const [name, value] of Object.entries(expected))
        expect(found[name as keyof typeof found], name).toBeCloseTo(value, 10);
      expect(found.single).toBe(number === 2 ? 1 : 0);
    },
  );

  test("best of four by hand; equal rewards share the place", () => {
    expect(bestIsRight(item([3], [1, 2, 0]))).toBe(1);
    expect(bestIsRight(item([1], [1, 2, 0]))).toBe(0);
    expect(bestIsRight(item([2], [2, 2, 2]))).toBe(0.25);
    const subsets = bestOfAccuracy([
      item([3], [1, 2, 0]),
      item([0], [1, 2, 3]),
      item([1], [0, 0, 0], { subset: "Focus" }),
    ]);
    expect(subsets.map(({ name, score, chance }) => [name, score.estimate, chance])).toEqual([
      ["Focus", 1, 0.25],
      ["Math", 0.5, 0.25],
    ]);
  });

  test("findings name every subset, and nothing is NaN in words", () => {
    const ties = ["ref:1", "tied:1", "ref:2", "tied:2"].map((id) =>
      item(id.startsWith("ref") ? [3] : [3, 3.1], [1, 2], { id, subset: "Ties" }),
    );
    const finding = rewardBenchFinding([item([3], [1, 2, 0]), ...ties], 1);
    expect(finding.measures.map(({ id }) => id)).toEqual([
      "reward-model/rewardbench-2-average",
      "reward-model/rewardbench-2/math",
      "reward-model/rewardbench-2/ties",
    ]);
    expect(finding.answer).not.toMatch(/NaN/);
  });
});

test("RM-Bench: the matrix of styles by hand", () => {
  // right is higher only where it is not the plainer one
  const { matrix, hard, normal, easy, average } = styleScores([
    item([1, 2, 3], [0.5, 1.5, 2.5]),
    item([1, 2, 3], [0.5, 1.5, 2.5]),
  ]);
  expect(matrix).toEqual([
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
  ]);
  expect([hard, normal, easy].map(({ estimate }) => estimate)).toEqual([0, 1, 1]);
  expect(average.estimate).toBeCloseTo(6 / 9, 12);
});

describe("benchmark files", () => {
  test("are told by their columns; other data is none of them", async () => {
    const write = (name: string, ...rows: object[]): string => {
      const path = `${folder.path}/${name}`;
      writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      return path;
    };
    const lists = { prompt: "q", chosen: ["a"], rejected: ["b", "c", "d"] };
    const styled = (right: number, wrong: number): object => ({
      prompt: "q",
      domain: "chat",
      chosen: Array.from({ length: right }, () => "a"),
      rejected: Array.from({ length: wrong }, () => "b"),
    });
    const second = await readBenchmark(write("rb.jsonl", { id: "7", subset: "Math", ...lists }));
    expect(second).toMatchObject({ kind: "rewardbench-2", items: [{ id: "7", subset: "Math" }] });
    const rm = await readBenchmark(write("rm.jsonl", styled(3, 3)));
    expect(rm?.kind).toBe("rm-bench");
    const short = readBenchmark(write("short.jsonl", styled(3, 3), styled(3, 2)));
    await expect(short).rejects.toThrow(/short\.jsonl:2[^]*3 chosen and 2 rejected/);
    const ties = (...ids: string[]) =>
      readBenchmark(write("ties.jsonl", ...ids.map((id) => ({ id, subset: "Ties", ...lists }))));
    expect((await ties("ref:1", "tied:1", "ref:2"))?.items).toHaveLength(3);
    await expect(ties("ref:1", "tied:1", "ref:1")).rejects.toThrow(/ties\.jsonl:3/);
    await expect(ties("ref:1", "1")).rejects.toThrow(/names no reference/);
    const pairs = write("pairs.jsonl", { prompt: "q", chosen: "a", rejected: "b" });
    expect(await readBenchmark(pairs)).toBeUndefined();
    const mixed = write("mixed.jsonl", { subset: "Math", ...lists }, { prompt: "q", chosen: "a" });
    await expect(readBenchmark(mixed)).rejects.toThrow(/mixed\.jsonl:2/);
    const answers = answersOfItems(second!.items);
    expect(answers).toHaveLength(4);
    expect(withScores(second!.items, [4, 3, 2, 1])[0]).toMatchObject({
      rightScores: [4],
      wrongScores: [3, 2, 1],
    });
  });
});

describe("robustness", () => {
  const pair = (preferred: number, other: number, dressed: number) => ({
    preferred,
    other,
    dressed,
  });
  const same = batchCheck([1, 2, 3], [1, 2, 3]);
  const found = (
    pairs: Parameters<typeof robustness>[1],
    { mates, order = same }: { mates?: BatchCheck; order?: BatchCheck } = {},
  ) =>
    robustnessFinding({
      dresses: [robustness("length", pairs, 1)],
      mates,
      order,
      decided: 2 * pairs.length,
      right: pairs.length,
      dressed: pairs.length,
    });

  test("counts the orders that a dress turns", () => {
    const pairs = [pair(2, 1, 3), pair(2, 1, 1.5), pair(2, 1, 2), pair(2, 1, 1)];
    const counted = robustness("length", pairs, 0.5);
    expect(counted.turned.estimate).toBe(0.375);
    expect(counted.change.estimate).toBeCloseTo((4 + 1 + 2 + 0) / 4, 12);
  });

  test("a reward that likes length is called fooled, one that does not is sound", () => {
    const fooled = Array.from({ length: 60 }, (_, i) => pair(1, 0, i % 2 === 0 ? 2 : 0.5));
    const sound = Array.from({ length: 60 }, (_, i) => pair(1, 0, i % 2 === 0 ? 0.1 : -0.1));
    const verdict = (pairs: typeof fooled) => found(pairs).conclusion;
    expect(verdict(fooled)).toBe("fooled");
    expect(verdict(sound)).toBe("sound");
    expect(verdict([])).toBe("no conclusion");
  });

  test("a dress that adds a constant fools where it turns pairs; little is no conclusion", () => {
    const verdict = (pairs: Parameters<typeof robustness>[1]) => found(pairs).conclusion;
    const many = (made: ReturnType<typeof pair>, n = 60) => Array.from({ length: n }, () => made);
    // every change is 2 and has no interval
    expect(verdict(many(pair(1, 0, 2)))).toBe("fooled");
    expect(verdict(many(pair(1, 0, -2)))).toBe("sound");
    expect(verdict([pair(1, 0, 2)])).toBe("no conclusion");
    expect(verdict([pair(1, 0, 0.5)])).toBe("no conclusion");
    // none of ten turned leaves 28% possible
    expect(verdict(many(pair(1, 0, 0.5), 10))).toBe("no conclusion");
    const groups = (dressed: number) =>
      many(pair(1, 0, dressed)).map((each, i) => ({ ...each, cluster: i % 2 }));
    for (const dressed of [2, 0]) expect(verdict(groups(dressed))).toBe("no conclusion");
  });

  test("a batch or an order that changes a reward is told", () => {
    expect(same).toMatchObject({ largest: 0, relative: 0 });
    const changed = batchCheck([1, 2, 3.5], [1, 2, 3]);
    expect(changed.largest).toBe(0.5);
    for (const [company, words] of [
      [{ mates: changed }, "depends on its batch: by up to 0.5000"],
      [{ order: changed }, "depends on the order in which answers are scored: by up to 0.5000"],
    ] as const) {
      const { conclusion, answer } = found([pair(1, 0, 0)], company);
      expect(conclusion).toBe("fooled");
      expect(answer).toContain(words);
    }
  });

  test("dresses change the form and keep the words", () => {
    const words = (text: string): string =>
      text
        .replaceAll(/[*\-\n]/g, " ")
        .replaceAll(/\s+/g, " ")
        .trim();
    const text = "One thing. Another thing!";
    for (const name of ["bold", "list"])
      expect(words(DRESSES[name]!(text)), name).toBe(words(text));
    expect(DRESSES["list"]!(text)).toBe("- One thing.\n- Another thing!");
    expect(DRESSES["length"]!(text).startsWith(text)).toBe(true);
    expect(DRESSES["flattery"]!(text).endsWith(text)).toBe(true);
  });
});

describe("pairs", () => {
  const pairs = (margin: number, right: number) =>
    Array.from({ length: 100 }, (_, i) => ({
      chosen: i < right ? margin : 0,
      rejected: i < right ? 0 : margin,
      chosenLength: i % 2,
      rejectedLength: (i + 1) % 2,
    }));

  test.each([
    [0.1, 90, "under-confident"],
    [3, 60, "over-confident"],
    [Math.log(3), 75, "is not shown"],
  ])("margins of %f that are right in %i of 100 are told to be %s", (margin, right, words) => {
    const [, calibration] = pairFindings(pairs(margin, right));
    expect(calibration!.answer).toContain(words);
    // claimed less observed, as for a model's answers
    const [gap] = calibration!.measures;
    const claimed = 1 / (1 + Math.exp(-margin));
    expect(gap).toMatchObject({ id: "reward-model/overconfidence" });
    expect(gap!.value.estimate).toBeCloseTo(claimed - right / 100, 12);
    const [figure] = calibration!.figures;
    expect(figure).toMatchObject({ kind: "chart", chart: { kind: "reliability" } });
  });

  test("a function claims no probability, so nothing is said of how sure it is", () => {
    const [, calibration] = pairFindings(pairs(1, 90), { logOdds: false });
    expect(calibration).toMatchObject({ conclusion: "no conclusion", figures: [] });
  });

  test("accuracy is held against the better of longest and shortest", () => {
    const [accuracy] = pairFindings(pairs(1, 90));
    expect(accuracy).toMatchObject({ conclusion: "better" });
    expect(accuracy!.than).toMatch(/^"(?:longest|shortest) wins"$/);
    expect(chainsIn(accuracy!.brief!)).toEqual([]);
    expect(accuracy!.measures[0]).toMatchObject({ id: "reward-model/accuracy" });
  });
});

describe("items of one prompt", () => {
  const items = (times: number): ScoredItem[] =>
    Array.from({ length: 40 * times }, (_, i) => ({
      ...item([i % 2], [0.5, 0, 0], { subset: "Math", id: String(i) }),
      prompt: `q${i % 40}`,
    }));
  const width = ({ low, high }: { low: number; high: number }): number => high - low;

  test("are one cluster, in RewardBench 2 and its mean, and in RM-Bench", () => {
    const [once, five] = [items(1), items(5)];
    const accuracy = (those: ScoredItem[]) => width(bestOfAccuracy(those)[0]!.score);
    // independent, they would be 0.45 times as wide
    expect(accuracy(five) / accuracy(once)).toBeGreaterThan(0.9);
    const styled = (those: ScoredItem[]) =>
      width(
        styleScores(
          those.map((each, i) => ({
            ...each,
            right: ["a", "b", "c"],
            wrong: ["d", "e", "f"],
            rightScores: [i % 2, i % 2, i % 2],
            wrongScores: [0.5, 0.5, 0.5],
          })),
        ).average,
      );
    expect(styled(five) / styled(once)).toBeGreaterThan(0.9);
    const [mean] = rewardBenchFinding(five, 1).measures;
    expect(mean).toMatchObject({ id: "reward-model/rewardbench-2-average" });
    expect(width(mean!.value)).toBeCloseTo(accuracy(five), 10);
  });

  test("the mean over subsets has an interval narrower than each, and stands in the sentence", () => {
    const subsets = ["Math", "Focus", "Safety"].flatMap((subset) =>
      Array.from({ length: 40 }, (_, i) => item([i % 4], [0.5, 0, 0], { subset })),
    );
    const { measures, answer } = rewardBenchFinding(subsets, 1);
    const [mean, ...each] = measures;
    expect(mean!.value.estimate).toBeCloseTo(0.75, 12);
    for (const { value } of each) expect(width(mean!.value)).toBeLessThan(0.65 * width(value));
    expect(answer).toMatch(/^75\.0% \[\d.*\] on average over 3 subsets of 120 prompts/);
    expect(chainsIn(answer)).toEqual([]);
  });
});

test("choosing by a reward that knows the worth is worth it, and by one that does not is not", () => {
  const candidates = (read: (worth: number, i: number) => number) =>
    Array.from({ length: 30 }, (_, prompt) => {
      const worth = [0, 1, 0, 1].map((value, i) => ((prompt + i) % 3 === 0 ? 1 - value : value));
      return { cluster: String(prompt), proxy: worth.map(read), worth };
    });
  expect(
    bestOfFinding(
      candidates((worth) => worth),
      "share",
    )!.conclusion,
  ).toBe("better");
  expect(
    bestOfFinding(
      candidates((worth) => -worth),
      "share",
    )!.conclusion,
  ).toBe("worse");
  expect(bestOfFinding([], "share")).toBeUndefined();
});
