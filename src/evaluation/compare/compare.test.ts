/** What is asked of judges, and what is said of data that allow little. */
import { describe, expect, test } from "vitest";
import { reviveNumbers, stringifyJson } from "../../core/json.ts";
import { shareInterval } from "../../stats/intervals.ts";
import { compareModels, plannedPairs } from "./compare.ts";
import type { CompareOptions, Comparison } from "./comparison.ts";
import { comparisonFindings } from "./findings.ts";
import { matchAnswers } from "./match.ts";
import { judgeOf, likesGood, notNumbers, PLAIN, setOf, times } from "./testing/sets.ts";

const bad = setOf(
  "sft",
  times(40, (i) => `bad ${i}`),
);
const good = setOf(
  "dpo",
  times(40, (i) => `good ${i}`),
);

describe("asking", () => {
  test("no judge learns whose answer it sees, both orders are asked, sides follow the seed", async () => {
    const asked: string[] = [];
    const spy = judgeOf("spy", (first, second, prompt) => {
      asked.push(JSON.stringify([prompt, first, second]));
      return first.startsWith("good") ? 1 : 0;
    });
    const run = async (seed: number): Promise<string[]> => {
      asked.length = 0;
      const { judges } = await compareModels({
        sets: [bad, good],
        judges: [spy],
        options: { ...PLAIN, seed },
      });
      expect(judges[0]!.pairs[0]!.outcome!.counts).toEqual({ wins: 40, ties: 0, losses: 0 });
      return [...asked];
    };
    const first = await run(1);
    expect(first).toHaveLength(80);
    expect(new Set(first).size).toBe(80);
    expect(first.join()).not.toMatch(/sft|dpo/);
    const goodFirst = first.filter(
      (each, i) => i % 2 === 0 && (JSON.parse(each) as string[])[1]!.startsWith("good"),
    ).length;
    expect(goodFirst).toBeGreaterThan(8);
    expect(goodFirst).toBeLessThan(32);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  test("a scorer is asked once a pair, equal answers never, and controls and probes are counted", async () => {
    let asked = 0;
    const scorer = judgeOf("scorer", (first) => (asked++, first.startsWith("good") ? 1 : 0), {
      symmetric: true,
    });
    const same = setOf("dpo", [
      ...times(30, (i) => `good ${i}`),
      ...times(10, (i) => `bad ${i + 30}`),
    ]);
    const options = { ...PLAIN, controls: true, probes: 7 };
    const progress: number[] = [];
    const { judges } = await compareModels({
      sets: [bad, same],
      judges: [scorer],
      options,
      hooks: { onProgress: ({ done, total }) => progress.push(done / total) },
    });
    expect(judges[0]!.pairs[0]!.judgements.filter(({ equal }) => equal)).toHaveLength(10);
    expect(asked).toBe(30 + 2 * 40 + 4 * 7);
    const planned = plannedPairs(scorer, matchAnswers([bad, same]), options);
    expect([planned, progress.length, progress.at(-1)]).toEqual([40 + 80 + 28, 148, 1]);
    expect(judges[0]!.trust.trials.some(({ id }) => id === "first-place")).toBe(false);
  });

  test("what a judge has no opinion on is left out, counted and told", async () => {
    const shy = judgeOf("shy", (first, second) =>
      `${first}${second}`.includes("7")
        ? { refused: "too long." }
        : first.startsWith("good")
          ? 1
          : 0,
    );
    const comparison = await compareModels({ sets: [bad, good], judges: [shy], options: PLAIN });
    expect(comparison.judges[0]!.pairs[0]!.judgements).toHaveLength(36);
    expect(comparisonFindings(comparison).warnings).toEqual([
      "shy has no opinion on 4 prompts of 40 (dpo against sft), such as: too long; the verdict is " +
        "of the others",
    ]);
  });

  test("an abort ends it, a judge that fails ends it with its words, judges have names", async () => {
    const broken = judgeOf("broken", () => {
      throw new Error("out of credit");
    });
    const run = (judges = [broken], signal?: AbortSignal): Promise<Comparison> =>
      compareModels({ sets: [bad, good], judges, options: PLAIN, hooks: { signal } });
    await expect(run()).rejects.toThrow(/the judge broken failed[^]*out of credit/);
    await expect(run([likesGood()], AbortSignal.abort())).rejects.toThrow();
    await expect(run([])).rejects.toThrow(/needs a judge/);
    await expect(run([likesGood(), likesGood()])).rejects.toThrow(/two judges are named fair/);
  });
});

/** Verdict of two models by one judge. */
async function verdict(
  sets: readonly [readonly string[], readonly string[]],
  {
    judge = likesGood(),
    ...options
  }: Partial<CompareOptions> & { judge?: ReturnType<typeof likesGood> } = {},
  extra?: Parameters<typeof setOf>[2],
): Promise<{ conclusion: string; sentence: string }> {
  const comparison = await compareModels({
    sets: [setOf("sft", sets[0], extra), setOf("dpo", sets[1], extra)],
    judges: [judge],
    options: { ...PLAIN, controls: true, probes: 10, ...options },
  });
  const findings = comparisonFindings(comparison);
  expect(notNumbers(findings)).toEqual([]);
  expect(notNumbers(comparison)).toEqual([]);
  const again = reviveNumbers(JSON.parse(stringifyJson(comparison)) as Comparison);
  expect(comparisonFindings(again)).toEqual(findings);
  return findings.verdict;
}

describe("what cannot be concluded is said", () => {
  test.each([
    ["one prompt", 1, "1 prompt in all (1 observation) says nothing about others"],
    [
      "five prompts",
      5,
      "even a win on all of 5 prompts comes of chance alone in 6.3% of such comparisons, and a " +
        "verdict may in at most 5.0%",
    ],
  ])("%s", async (_, count, why) => {
    expect(
      await verdict([times(count, (i) => `bad ${i}`), times(count, (i) => `good ${i}`)]),
    ).toEqual({
      conclusion: "no conclusion",
      sentence: `Nothing can be concluded about dpo against sft: ${why}.`,
    });
  });

  test("all won", async () => {
    const { conclusion, sentence } = await verdict([
      times(30, (i) => `bad ${i}`),
      times(30, (i) => `good ${i}`),
    ]);
    expect(conclusion).toBe("better");
    expect(sentence).toMatch(
      /^dpo is better than sft: it is preferred on 100% \[9\d, 100\] of 30 pr/,
    );
  });

  test("all ties; with a margin they are equal", async () => {
    const texts = [times(200, (i) => `good ${i}`), times(200, (i) => `good, ${i}`)] as const;
    expect(await verdict(texts)).toEqual({
      conclusion: "not distinguishable",
      sentence: "dpo and sft are not distinguishable: all of 200 prompts are ties.",
    });
    expect(await verdict(texts, { margin: 0.05 })).toMatchObject({
      conclusion: "equal",
      sentence:
        "dpo and sft are equal within 5 points of a tie: dpo is preferred on 50% [49, 51] of 200 " +
        "prompts.",
    });
  });

  test("the same answers from both", async () => {
    const texts = times(30, (i) => `good ${i}`);
    expect((await verdict([texts, texts])).sentence).toBe(
      "Nothing can be concluded about dpo against sft: both gave the same answer to every prompt, " +
        "so there is nothing to judge.",
    );
  });

  test("empty answers, and one answer to everything", async () => {
    const own = times(30, (i) => `good ${i}`);
    expect((await verdict([own, times(30, () => "")])).sentence).toContain(
      "dpo: 30 of 30 answers are empty",
    );
    expect((await verdict([own, times(30, () => "yes")])).sentence).toContain("one and the same");
  });

  test("a judge that refuses all", async () => {
    const { conclusion, sentence } = await verdict(
      [times(30, (i) => `bad ${i}`), times(30, (i) => `good ${i}`)],
      { judge: judgeOf("mute", () => ({ refused: "no letters." })) },
    );
    expect([conclusion, sentence]).toEqual([
      "no conclusion",
      "Nothing can be concluded about dpo against sft: mute has no opinion on any of 30 prompts, " +
        "such as: no letters.",
    ]);
  });

  test("two groups of prompts that depend on each other, and five", async () => {
    const texts = [times(40, (i) => `bad ${i}`), times(40, (i) => `good ${i}`)] as const;
    expect((await verdict(texts, {}, (i) => ({ cluster: i % 2 }))).sentence).toContain(
      "40 prompts in all (2 independent groups) say nothing about others",
    );
    expect((await verdict(texts, {}, (i) => ({ cluster: i % 5 }))).sentence).toContain(
      "even a win on all of 5 groups of prompts that depend on each other comes of chance alone",
    );
    expect((await verdict(texts, {}, (i) => ({ cluster: i % 8 }))).conclusion).toBe("better");
  });
});

test("220 items that both models answered: lm-evaluation-harness' issue 3831, by its pairs", async () => {
  // right by both, by the candidate alone, by the baseline alone, by neither (stats/unpaired.test.ts)
  const [both, own, other, neither] = [110, 30, 12, 68];
  const marks = (a: boolean, b: boolean, count: number): [string, string][] =>
    Array.from({ length: count }, (_, i) => [
      `${a ? "good" : "bad"} ${a}${b}${i}`,
      `${b ? "good" : "bad"} ${a}${b}${i}!`,
    ]);
  const pairs = [
    ...marks(true, true, both),
    ...marks(true, false, own),
    ...marks(false, true, other),
    ...marks(false, false, neither),
  ];
  const comparison = await compareModels({
    sets: [
      setOf(
        "sft",
        pairs.map(([, text]) => text),
      ),
      setOf(
        "dpo",
        pairs.map(([text]) => text),
      ),
    ],
    judges: [likesGood("gold", { kind: "gold", symmetric: true })],
    options: PLAIN,
  });
  const { outcome, verdict: found } = comparison.judges[0]!.pairs[0]!;
  expect(outcome!.pValue!.toFixed(3)).toBe("0.008");
  expect(outcome!.counts).toEqual({ wins: 30, ties: 178, losses: 12 });
  expect(found.conclusion).toBe("better");
});

test("equal within a margin is not claimed of ties and wins by an interval that is too narrow", async () => {
  const sets = [
    times(400, (i) => `bad ${i}`),
    times(400, (i) => (i < 30 ? `good ${i}` : `bad ${i}`)),
  ] as const;
  // a share of 30 in 400 may be 10.05% (Clopper and Pearson, 90%), a win rate of 55.02%
  expect(await verdict(sets, { margin: 0.05 })).toMatchObject({ conclusion: "better" });
  expect(await verdict(sets, { margin: 0.051 })).toMatchObject({ conclusion: "equal" });
});

test("stopping early: the verdict holds, and what it cost is said", async () => {
  const count = 400;
  const { conclusion, sentence } = await verdict(
    [times(count, (i) => `bad ${i}`), times(count, (i) => (i % 5 ? `good ${i}` : `bad! ${i}`))],
    { sequential: true },
  );
  expect(conclusion).toBe("better");
  expect(sentence).toMatch(/of \d\d prompts \(of 400 at hand\)/);
  const comparison = await compareModels({
    sets: [bad, good],
    judges: [likesGood()],
    options: { ...PLAIN, sequential: true },
  });
  const { sequential, judgements } = comparison.judges[0]!.pairs[0]!;
  expect(sequential).toMatchObject({ of: 40, stopped: true, used: judgements.length });
  expect(sequential!.used).toBeLessThan(15);
  const sure = comparisonFindings(comparison).findings.find(({ id }) => id === "how-sure")!;
  expect(sure.answer).toMatch(/stopped after \d+ of 40 prompts; .* times as wide/);
  // every look counts for the other figures too, and those that it spoils are named
  const { outcome } = comparison.judges[0]!.pairs[0]!;
  const fixed = shareInterval(judgements.map(() => 1));
  expect(outcome!.win.low).toBeLessThan(fixed.low);
  const findings = comparisonFindings(comparison);
  expect(findings.warnings).toEqual([outcome!.caution]);
  expect(findings.findings[0]!.answer).toContain(
    "too far from a half, by 2 to 4 points on average",
  );
});

test("stopping early is about prompts, however unequal clusters are", async () => {
  // 30 clusters of 10 are won and one of 100 is lost: 75% of prompts
  const clusterOf = (i: number): number => Math.min(30, Math.floor(i / 10));
  const extra = (i: number) => ({ cluster: clusterOf(i) });
  const sets = [
    setOf(
      "old",
      times(400, (i) => (clusterOf(i) < 30 ? `bad ${i}` : `good ${i}`)),
      extra,
    ),
    setOf(
      "new",
      times(400, (i) => (clusterOf(i) < 30 ? `good! ${i}` : `bad! ${i}`)),
      extra,
    ),
  ];
  for (let seed = 1; seed <= 12; seed++) {
    const { judges } = await compareModels({
      sets,
      judges: [likesGood()],
      options: { ...PLAIN, seed, sequential: true },
    });
    const { judgements, outcome, verdict: found, sequential } = judges[0]!.pairs[0]!;
    const won = judgements.filter(({ shownFirst }) => shownFirst === 1).length;
    expect(outcome!.rate.estimate).toBeCloseTo(won / judgements.length, 12);
    expect(outcome!.win.estimate).toBeCloseTo(won / judgements.length, 12);
    expect(outcome!.rate.low).toBeLessThan(0.75);
    expect([found.conclusion, sequential!.used]).toEqual(["not distinguishable", 400]);
  }
});
