/** Answers are scored as they would be one by one, whoever shares their row or batch. */
import { expect, test } from "vitest";
import { freshScoreHead } from "../training/offline/reward.ts";
import { encoder, tinyModel } from "../training/testing.ts";
import type { AnswerToScore } from "./answer-scorer.ts";
import { modelScorer } from "./answer-scorer.ts";

const model = tinyModel("llama", {
  hidden_size: 32,
  num_attention_heads: 2,
  num_key_value_heads: 1,
});
model.scoreHead = freshScoreHead(model, 1);

const answers: AnswerToScore[] = ["abc", "a longer prompt", "abc", "x"].flatMap((prompt, i) =>
  ["yes", "", "no, and a few words more", `answer ${i}`, "yes"].map((completion) => ({
    prompt,
    completion,
  })),
);

test.each([16, 64, 1024])(
  "answers to one prompt share its row, and score as alone, at %i tokens together",
  async (microBatchTokens) => {
    const scorer = modelScorer(
      { model, encoder },
      {
        name: "tiny",
        fingerprint: "tiny",
        microBatchTokens,
        plan: "auto",
        recompute: "all",
        maxLength: 128,
      },
    );
    let done = 0;
    const together = await scorer.score(answers, { onDone: (count) => (done = count) });
    const alone = await scorer.scoreAlone!(answers);
    await scorer.close();
    expect(done).toBe(answers.length);
    expect(new Set(alone.map(({ score }) => score)).size).toBeGreaterThan(8);
    together.forEach(({ score, length }, i) => {
      expect(score, `answer ${i}`).toBeCloseTo(alone[i]!.score, 5);
      expect(length).toBe(alone[i]!.length);
    });
  },
);
