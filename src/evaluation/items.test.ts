/** What each part's measures are the mean of. */
import { existsSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { testFolder } from "../data/testing.ts";
import type { Row } from "../data/readers/row.ts";
import { scriptedSubject } from "./behaviour/testing.ts";
import type { Finding, Measure } from "./findings.ts";
import { harmlessness } from "./harmless/harmlessness.ts";
import { instructionFollowing } from "./helpful/instruction-following.ts";
import { honesty } from "./honest/honesty.ts";
import { readItems, writeItems } from "./items-file.ts";
import { itemOf } from "./items.ts";
import { isMeanOf, ofItems, share, shareOfItems } from "./measure.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const ask = { maxNewTokens: 20, temperature: 0, seed: 1 };
const rowsOf = (file: string, columns: readonly Record<string, unknown>[]): Row[] =>
  columns.map((each, i) => ({ columns: each, place: { file, row: i + 1 } }));
/** Right about even numbers, and refuses every third. */
const measuring = {
  subject: scriptedSubject({
    answer: (prompt) => {
      const number = Number(/(\d+)/.exec(prompt)![1]);
      if (prompt.includes("How")) return number % 3 === 0 ? "I can't help with that." : "Like so.";
      return number % 2 === 0 ? "gold" : "lead";
    },
    score: (prompt, continuation) => (prompt.length + continuation.length) % 7,
  }),
};
const measuresOf = (findings: readonly Finding[]): Measure[] =>
  findings.flatMap(({ measures }) => measures);
const withItems = (findings: readonly Finding[]): string[] =>
  measuresOf(findings)
    .filter(({ items }) => items !== undefined)
    .map(({ id }) => id);
const honest = (rows: readonly Row[], measures: readonly ("belief" | "sure")[] = []) =>
  honesty(
    measuring,
    { files: [{ name: "f", rows }] },
    { instruction: "", measures, options: "texts", cluster: "", ask },
  );

const QUESTIONS = Array.from({ length: 12 }, (_, i) => ({
  question: `Number ${i}?`,
  answer: "gold",
  incorrect_answers: ["lead"],
}));

describe("measures with items", () => {
  test("of questions: all but those that are of other questions for every model", async () => {
    const { findings } = await honest(rowsOf("a.jsonl", QUESTIONS), ["belief", "sure"]);
    expect(withItems(findings)).toEqual([
      "honest/accuracy",
      "honest/wrong-confident",
      "honest/wrong-doubtful",
      "honest/abstaining",
      "honest/belief-accuracy",
      "honest/belief-followed",
    ]);
    const belief = measuresOf(findings).find(({ id }) => id === "honest/belief-accuracy")!;
    expect(belief.items![0]!.item.text).toBe("Number 0? / lead");
    for (const measure of measuresOf(findings))
      if (measure.items) expect(isMeanOf(measure, measure.items), measure.id).toBe(true);
  });

  test("of options, of instructions and of prompts", async () => {
    const options = QUESTIONS.map(({ question }) => ({
      question,
      choices: ["a", "bb"],
      answer: 1,
    }));
    expect(withItems((await honest(rowsOf("a.jsonl", options))).findings)).toEqual([
      "honest/multiple-choice-acc",
      "honest/multiple-choice-acc-norm",
    ]);
    const instructed = QUESTIONS.map(({ question }) => ({
      prompt: question,
      instruction_id_list: ["punctuation:no_comma", "change_case:english_lowercase"],
      kwargs: [{}, {}],
    }));
    const followed = await instructionFollowing(measuring, rowsOf("i.jsonl", instructed), ask);
    expect(measuresOf(followed.findings).map(({ id, items }) => [id, items?.length])).toEqual([
      ["helpful/prompt-strict", 12],
      ["helpful/prompt-loose", 12],
      ["helpful/instruction-strict", 24],
      ["helpful/instruction-loose", 24],
    ]);
  });

  test("of pairs of biographies", async () => {
    const files = ["left", "right"].map((who) => ({
      name: `politics-left-bio-${who}`,
      rows: rowsOf(
        "b.jsonl",
        QUESTIONS.map(({ question }) => ({
          question: `I am ${who}. ${question}`,
          answer_matching_behavior: " (A)",
          answer_not_matching_behavior: " (B)",
        })),
      ),
    }));
    const { findings } = await honesty(
      measuring,
      { files },
      { instruction: "", measures: [], options: "texts", cluster: "", ask },
    );
    const [sycophancy] = withItems(findings);
    expect(sycophancy).toBe("honest/sycophancy/politics-left");
    expect(measuresOf(findings)[0]!.items).toHaveLength(12);
  });

  test("of prompts, but for shares that labels correct", async () => {
    const prompts = rowsOf(
      "p.jsonl",
      Array.from({ length: 40 }, (_, i) => ({ prompt: `How is ${i} done?`, label: "safe" })),
    );
    const options = { ask, assumption: "refuse", labelSample: 0 } as const;
    const plain = await harmlessness(measuring, { prompts }, options);
    expect(withItems(plain.findings)).toEqual([
      "harmless/over-refusal",
      "harmless/full-refusal-safe",
      "harmless/neither-safe",
    ]);
    const labelled = rowsOf(
      "l.jsonl",
      Array.from({ length: 40 }, (_, i) => ({
        completion: i % 2 === 0 ? "I can't help with that." : "Like so.",
        final_label: i % 2 === 0 ? "2_full_refusal" : "1_full_compliance",
      })),
    );
    const corrected = await harmlessness(measuring, { prompts, labelled }, options);
    expect(corrected.findings[1]!.answer).toContain("corrected by Rogan and Gladen");
    expect(withItems(corrected.findings)).not.toContain("harmless/over-refusal");
  });

  test("are the same in another order and from another file; another right answer is another", async () => {
    const keys = async (rows: readonly Row[]): Promise<string[]> =>
      measuresOf((await honest(rows)).findings)[0]!.items!.map(({ item }) => item.key);
    const first = await keys(rowsOf("a.jsonl", QUESTIONS));
    expect(await keys(rowsOf("b.csv", QUESTIONS.toReversed()))).toEqual(first.toReversed());
    const [changed, ...same] = await keys(
      rowsOf("a.jsonl", [{ ...QUESTIONS[0]!, answer: "silver" }, ...QUESTIONS.slice(1)]),
    );
    expect(changed).not.toBe(first[0]);
    expect(same).toEqual(first.slice(1));
  });

  test("a measure that is another number is no mean of items", () => {
    const items = [1, 0].map((score, i) => ({ item: itemOf([i], { text: `${i}` }), score }));
    const value = { estimate: 0.4, low: 0.1, high: 0.8, n: 2 };
    expect(() => ofItems(share("honest/accuracy", "right", value), items)).toThrow(
      "a measure is not the mean of its items",
    );
  });
});

describe("the file of items", () => {
  test("what is asked twice is two items, of one cluster", () => {
    const items = ["a", "b", "a"].map((text, i) => ({
      item: itemOf([text], { text }),
      score: i === 0 ? 1 : 0,
    }));
    const measures = [shareOfItems("honest/accuracy", "right", items)];
    writeItems(folder.path, { findings: [{ measures }] as never });
    const read = readItems(folder.path)!.get("honest/accuracy")!;
    expect(read.map(({ score }) => score)).toEqual([1, 0, 0]);
    expect(new Set(read.map(({ item }) => item.key)).size).toBe(3);
    expect(read[0]!.item.cluster).toBe(read[2]!.item.cluster);
    expect(read[0]!.item.cluster).not.toBe(read[1]!.item.cluster);
  });

  test("is not written where no measure is a mean of items", () => {
    const value = { estimate: 0.4, low: 0.1, high: 0.8, n: 2 };
    const measures = [share("honest/accuracy", "right", value)];
    writeItems(`${folder.path}/none`, { findings: [{ measures }] as never });
    expect(existsSync(`${folder.path}/none`)).toBe(false);
    expect(readItems(`${folder.path}/none`)).toBeUndefined();
  });
});
