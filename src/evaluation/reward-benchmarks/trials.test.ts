import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { completionText } from "../../text/messages.ts";
import type { AnswerScorer, AnswerToScore } from "../answer-scorer.ts";
import { answerOf } from "../answer-scorer.ts";
import { robustnessFinding } from "./reward-findings.ts";
import type { Trials } from "./trials.ts";
import { tryReward } from "./trials.ts";

const pairOf = (i: number, p: number): PreferenceRecord => ({
  kind: "preference",
  prompt: `q${i}`,
  chosen: `chosen ${i}`,
  rejected: `rejected ${i}, which has more words`,
  p,
  place: {},
});

type Reward = (text: string, place: number) => number;

async function tried(records: readonly PreferenceRecord[], reward: Reward): Promise<Trials> {
  const score = (answers: readonly AnswerToScore[]) =>
    Promise.resolve(
      answers.map(({ completion }, place) => ({
        score: reward(completionText(completion), place),
        length: 1,
        cut: false,
      })),
    );
  const scorer: AnswerScorer = {
    name: "r",
    fingerprint: "r",
    kind: "function",
    score,
    close: () => Promise.resolve(),
  };
  const answers = records.flatMap((record) =>
    [record.chosen, record.rejected].map((completion) => answerOf(record, completion)),
  );
  const scores = await score(answers);
  const pairs = records.map(({ p }, i) => ({
    chosen: scores[2 * i]!.score,
    rejected: scores[2 * i + 1]!.score,
    chosenLength: 1,
    rejectedLength: 1,
    p,
  }));
  return tryReward(
    { records, pairs, answers, scores },
    { scorer, score, random: Random.for(1, "trials") },
  );
}

const records = (p: number, n = 60): PreferenceRecord[] =>
  Array.from({ length: n }, (_, i) => pairOf(i, p));
const byLength: Reward = (text) => text.length;
const byWord: Reward = (text) => (text.includes("chosen") ? 1 : 0) + text.length / 1000;

describe("trials of a reward", () => {
  test("take pairs whose label is less than certain, by the answer that is preferred", async () => {
    // soft, and turned round: rejected is preferred
    for (const [p, reward] of [
      [0.8, (text) => (text.includes("chosen") ? 9 : 0) + text.length / 40],
      [0.2, byLength],
    ] as const satisfies readonly (readonly [number, Reward])[]) {
      const trials = await tried(records(p), reward);
      expect(trials).toMatchObject({ decided: 60, right: 60, dressed: 60 });
      expect(trials.dresses[0]).toMatchObject({ name: "length", turned: { n: 60 } });
    }
    // length alone makes the shorter one win
    const fooled = await tried(records(0.2), byLength);
    expect(robustnessFinding(fooled)).toMatchObject({ conclusion: "fooled" });
    const sound = robustnessFinding(await tried(records(0.8), byWord));
    expect(sound.conclusion).toBe("sound");
    expect(sound.answer).toContain("order changes nothing");
  });

  test("say why nothing was tried", async () => {
    const even = robustnessFinding(await tried(records(0.5), byWord));
    expect(even.answer).toContain("of no pair people prefer one answer");
    const wrong = robustnessFinding(await tried(records(1), byLength));
    expect(wrong.answer).toContain("puts none of 60 pairs in the right order");
  });

  test("find a reward that depends on the order in which answers stand", async () => {
    const trials = await tried(records(1), (text, place) => byWord(text, place) - place / 10);
    expect(trials.order.largest).toBeCloseTo(3.1, 6);
    expect(robustnessFinding(trials).answer).toContain("depends on the order");
    expect((await tried(records(1), byWord)).order.largest).toBe(0);
  });

  test("draw at random where there are many pairs, and say so", async () => {
    const trials = await tried(records(1, 400), byWord);
    expect([trials.right, trials.dressed]).toEqual([400, 300]);
    expect(JSON.stringify(robustnessFinding(trials).details)).toContain("300 of them, drawn at");
  });
});
