/**
 * Best-of-n: the best of each prompt, every k against brute force, files that other commands read,
 * same bytes.
 */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PromptRecord } from "../../data/records.ts";
import { Run } from "../../runs/run.ts";
import type { BestOfNResult } from "./best-of-n.ts";
import { bestOfN, readCurve } from "./best-of-n.ts";
import { resolveConfig } from "../configs.ts";
import type { TrainingContext } from "../loop.ts";
import type { RewardCall } from "../rollout/rewards.ts";
import { createEncoder } from "../../text/encoder.ts";
import { encoder, expectSameBytes, tinyModel, tokenizer, warningsOf, collect } from "../testing.ts";

const tiny = tinyModel("llama", {
  hidden_size: 32,
  num_attention_heads: 2,
  num_key_value_heads: 1,
});
const prompts: PromptRecord[] = Array.from({ length: 7 }, (_, i) => ({
  kind: "prompt",
  prompt: `${"abcdefg"[i]}${i}`,
  place: { row: i + 1 },
  extra: { task: i },
}));
const letters = ({ completion }: RewardCall): number => (completion.match(/[a-z]/g) ?? []).length;
const run = (given: object = {}, context?: TrainingContext, reward = letters) =>
  bestOfN(
    {
      model: tiny,
      encoder,
      prompts,
      rewards: [{ name: "letters", reward }],
      heldOutReward: { name: "length", reward: ({ completion }) => completion.length },
    },
    resolveConfig("best-of-n", {
      model: "tiny",
      data: "made",
      reward: ["letters"],
      samples: 6,
      maxLength: 48,
      maxNewTokens: 8,
      missingEosPenalty: 0,
      rolloutBatch: 12,
      promptsPerStep: 3,
      rewardSamples: 8,
      checkpointSteps: 1,
      ...given,
    }),
    context,
  );

async function result(...given: Parameters<typeof run>): Promise<BestOfNResult> {
  const events = run(...given);
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
  }
}

/**
 * Mean over all subsets of k answers of `value` of the best by score, the first of equals drawn
 * fairly.
 */
function bruteForce(
  answers: BestOfNResult["choices"][number]["answers"],
  k: number,
  value: (index: number) => number,
): number {
  const picks = Array.from({ length: 2 ** answers.length }, (_, bits) =>
    answers.map((_answer, i) => i).filter((i) => (bits >> i) & 1),
  ).filter(({ length }) => length === k);
  const of = (members: readonly number[]): number => {
    const top = Math.max(...members.map((i) => answers[i]!.score));
    const best = members.filter((i) => answers[i]!.score === top);
    return best.reduce((sum, i) => sum + value(i), 0) / best.length;
  };
  return picks.reduce((sum, members) => sum + of(members), 0) / picks.length;
}

describe("best of n", () => {
  test("keeps the best of each prompt, and tells what every k would give", async () => {
    const { choices, curve } = await result();
    expect(choices).toHaveLength(7);
    for (const { answers, best } of choices) {
      expect(answers).toHaveLength(6);
      expect(answers[best]!.score).toBe(Math.max(...answers.map(({ score }) => score)));
      expect(answers[best]!.score).toBe((answers[best]!.text.match(/[a-z]/g) ?? []).length);
    }
    expect(curve.map(({ k }) => k)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const { k, kl, score, heldOutScore } of curve) {
      const mean = (
        pick: (answers: BestOfNResult["choices"][number]["answers"]) => (index: number) => number,
      ): number =>
        choices.reduce((sum, { answers }) => sum + bruteForce(answers, k, pick(answers)), 0) / 7;
      expect(score.estimate).toBeCloseTo(
        mean((answers) => (i) => answers[i]!.score),
        9,
      );
      expect(heldOutScore!.estimate).toBeCloseTo(
        mean((answers) => (i) => answers[i]!.heldOutScore!),
        9,
      );
      expect(kl).toBeCloseTo(Math.log(k) - (k - 1) / k, 12);
    }
    // answers do not depend on what is decoded beside them
    expect((await result({ rolloutBatch: 5 })).choices).toEqual(choices);
    expect((await result({ prompts: 2 })).choices).toHaveLength(2);
  });

  test("what it leaves is read by other commands", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "attune-best-")), "run");
    const made = Run.create(folder, {
      command: "test",
      seed: 42,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    const { choices, curve } = await result({}, { run: made });
    made.close();
    const best = await loadDataset(join(folder, "answers", "best.jsonl"), { onBad: "drop" });
    const texts = choices
      .map(({ record, best: place, answers }) => [record.prompt, answers[place]!.text] as const)
      .filter(([, text]) => text !== "");
    expect(
      recordsAs(best, "demonstration").map(({ prompt, completion }) => [prompt, completion]),
    ).toEqual(texts);
    const ranked = await loadDataset(join(folder, "answers", "ranked.jsonl"), { onBad: "drop" });
    expect(ranked.records[0]!.kind).toBe("ranked");
    expect(recordsAs(ranked, "preference").length).toBeGreaterThan(7);
    const [first] = readFileSync(join(folder, "answers", "ranked.jsonl"), "utf8").split("\n");
    expect(JSON.parse(first!)).toMatchObject({
      extra: {
        task: 0,
        rewards: { letters: choices[0]!.answers.map(({ score }) => score) },
        held_out: choices[0]!.answers.map(({ heldOutScore }) => heldOutScore),
      },
    });
    expect(readCurve(join(folder, "answers"))).toEqual(curve);
  });

  test("its rows keep the template arguments of their prompts", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "attune-best-tools-")), "run");
    const made = Run.create(folder, {
      command: "test",
      seed: 42,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    const turned = createEncoder(tokenizer, { maxLength: 48 });
    const rows = prompts
      .slice(0, 1)
      .map((record) => ({ ...record, templateArguments: { style: "short" } }));
    const config = resolveConfig("best-of-n", {
      model: "tiny",
      data: "made",
      reward: ["letters"],
      samples: 2,
      maxLength: 48,
      maxNewTokens: 4,
      rewardSamples: 8,
      checkpointSteps: 1,
    });
    await collect(
      bestOfN(
        {
          model: tiny,
          encoder: turned,
          prompts: rows,
          rewards: [{ name: "letters", reward: letters }],
        },
        config,
        { run: made },
      ),
    );
    made.close();
    for (const name of ["best.jsonl", "ranked.jsonl"]) {
      const row = JSON.parse(
        readFileSync(join(folder, "answers", name), "utf8").split("\n")[0]!,
      ) as object;
      expect(row).toMatchObject({ chat_template_kwargs: { style: "short" } });
    }
  });

  test("goes on to the same bytes", () =>
    expectSameBytes((context) => run({}, context), ["answers"]));

  test("a constant reward is told; options that make no sense are refused", async () => {
    expect(warningsOf(await collect(run({}, {}, () => 1)))).toContain("constant-reward");
    for (const [given, message] of [
      [{ samples: 1 }, "samples"],
      [{ maxNewTokens: 48 }, "no room"],
      [{ reward: ["a", "b"], rewardWeights: [1] }, "1 weights for 2"],
    ] as const)
      expect(() => run(given as object)).toThrow(message);
  });
});
