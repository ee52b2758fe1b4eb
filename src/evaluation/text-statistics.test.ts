import { describe, expect, test } from "vitest";
import { formatTable } from "./table.ts";
import { wordsOf } from "../text/ngrams.ts";
import { textStatistics, textStatisticsTable } from "./text-statistics.ts";

test("by hand", () => {
  const answers = ["the cat sat", "the cat ran", "a b c d a b c d"].map((text) => ({
    text,
    tokens: text.length,
    stopped: text.length < 12,
  }));
  const result = textStatistics(answers);
  expect(result).toMatchObject({ n: 3, words: 14 });
  expect(result.distinct[0]).toBeCloseTo(8 / 14, 12);
  expect(result.distinct[1]).toBeCloseTo((3 + 4) / 11, 12);
  expect(result.wordsPerAnswer.estimate).toBeCloseTo(14 / 3, 12);
  expect(result.stopRate!.estimate).toBeCloseTo(2 / 3, 12);
  // Five 4-grams in the last answer, four of them different.
  expect(result.repetition.estimate).toBeCloseTo(1 / 5 / 3, 12);
  expect(result.tokensPerAnswer!.estimate).toBeCloseTo((11 + 11 + 15) / 3, 12);
});

describe("collapse is seen", () => {
  test("loops at the end, of one word or of several, but not two repeats", () => {
    const loops = (text: string): number => textStatistics([{ text }]).looping.estimate;
    expect(["well no no no", "I see. Go on and on, go on and on, go on and on"].map(loops)).toEqual(
      [1, 1],
    );
    expect(["no no", "no no no, said she", "a b a b", ""].map(loops)).toEqual([0, 0, 0, 0]);
  });

  test("one answer to everything, and nothing at all", () => {
    const same = textStatistics([
      { text: "Yes, friend!" },
      { text: "yes friend" },
      { text: "No." },
      { text: "" },
    ]);
    expect(same.duplicated.estimate).toBe(0.5);
    expect(same.empty.estimate).toBe(0.25);
  });
});

test("words of any script; accents and digits stay", () => {
  expect(wordsOf("Émile's 2 Äpfel, не надо! 日本")).toEqual([
    "émile",
    "s",
    "2",
    "äpfel",
    "не",
    "надо",
    "日本",
  ]);
});

test("what is not known is not invented; nothing gives nothing", () => {
  const partly = textStatistics([{ text: "a", tokens: 1 }, { text: "b" }]);
  expect([partly.tokensPerAnswer, partly.stopRate]).toEqual([undefined, undefined]);
  const none = textStatistics([]);
  expect(none.distinct[0]).toBeNaN();
  expect(none.looping).toMatchObject({ low: 0, high: 1, n: 0 });
  expect(
    formatTable(
      textStatisticsTable([
        { name: "raw", statistics: partly },
        { name: "SFT", statistics: none },
      ]),
    ),
  ).toMatch(/ended by itself +– +–/);
});
