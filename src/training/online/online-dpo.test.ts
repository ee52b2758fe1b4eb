/**
 * Online DPO: the DPO trainer's loss on the same pairs, ties, judges, bad input, climbing, same
 * bytes.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadDataset } from "../../data/dataset.ts";
import type { PreferenceRecord, PromptRecord } from "../../data/records.ts";
import { chooseAnswers, extremePairs } from "../../objectives/choices.ts";
import { Run } from "../../runs/run.ts";
import { completionText } from "../../text/messages.ts";
import { resolveConfig } from "../configs.ts";
import { dpo } from "../offline/dpo.ts";
import type { Judge } from "../rollout/judge.ts";
import type { TrainingContext } from "../loop.ts";
import type { OnlineDpoInput } from "./online-dpo.ts";
import { onlineDpo } from "./online-dpo.ts";
import type { PolicyInput } from "../rollout/policy.ts";
import { rejectionSampling } from "./rejection-sampling.ts";
import type { RolloutEngine } from "../rollout/rollout.ts";
import { sft } from "../offline/sft.ts";
import {
  collect,
  encoder,
  expectSameBytes,
  madePairs,
  stepsOf,
  tinyModel,
  warningsOf,
} from "../testing.ts";

const tiny = () =>
  tinyModel("llama", { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 });
const prompts: PromptRecord[] = Array.from({ length: 12 }, (_, i) => ({
  kind: "prompt",
  prompt: `${"abcdef"[i % 6]}${i}`,
  place: { row: i + 1 },
}));
const letters = (text: string): number => (text.match(/[a-z]/g) ?? []).length;
const input = (reward: (text: string) => number = letters): PolicyInput => ({
  model: tiny(),
  encoder,
  prompts,
  rewards: [{ name: "letters", reward: ({ completion }) => reward(completion) }],
});
const common = {
  model: "tiny",
  data: "made",
  reward: ["letters"] as string[],
  batchSize: 16,
  maxLength: 48,
  maxNewTokens: 8,
  maxSteps: 2,
  epochs: 100,
  sampleSteps: 0,
  missingEosPenalty: 0,
  learningRate: 2e-3,
  adapter: "none" as const,
  schedule: "constant" as const,
  temperature: 1,
};
type Given = Readonly<Record<string, unknown>>;
const online = (given: Given, from: OnlineDpoInput = input(), context?: TrainingContext) =>
  onlineDpo(from, resolveConfig("online-dpo", { ...common, samples: 4, ...given }), context);
const imitate = (given: Given, from: PolicyInput = input(), context?: TrainingContext) =>
  rejectionSampling(
    from,
    resolveConfig("rejection-sampling", { ...common, samples: 4, ...given }),
    context,
  );
const mean = (steps: readonly Record<string, number>[], name = "objective/scores"): number =>
  steps.reduce((sum, metrics) => sum + metrics[name]!, 0) / steps.length;

/** Always the same answers: those of the pairs, in a fixed order. */
const pairs: PreferenceRecord[] = madePairs(6);
const recorded = (): RolloutEngine => ({
  roll: async (asked, { samples }) =>
    asked.flatMap((prompt) => {
      const { chosen, rejected } = pairs.find((pair) => pair.prompt === prompt.record.prompt)!;
      const encoded = encoder.encodePair(prompt.record.prompt, chosen, rejected);
      return [
        { prompt, ids: encoded.rejected, stopped: true, text: rejected as string },
        { prompt, ids: encoded.chosen, stopped: true, text: chosen as string },
      ].slice(0, samples);
    }),
  release: () => Promise.resolve(),
});
const replay: PolicyInput = {
  model: tiny(),
  encoder,
  prompts: pairs.map(({ prompt, place }) => ({ kind: "prompt", prompt, place })),
  rewards: [{ name: "vowels", reward: ({ completion }) => (/[xyz]/.test(completion) ? 0 : 1) }],
  engine: recorded,
};
const sameStep = { batchSize: 12, samples: 2, maxSteps: 4, maxNewTokens: 12 };
const trainer = {
  model: "tiny",
  data: "made",
  batchSize: 6,
  maxLength: 48,
  heldOut: 0,
  warmupRatio: 0,
  schedule: "constant" as const,
  maxSteps: 4,
  epochs: 100,
  learningRate: 2e-3,
  adapter: "none" as const,
  adamEpsilon: 1e-5,
};

function expectSameSteps(
  ours: readonly Record<string, number>[],
  theirs: readonly Record<string, number>[],
  names: readonly string[],
): void {
  expect(ours).toHaveLength(4);
  for (const [step, metrics] of ours.entries())
    for (const name of names)
      expect(metrics[name], `${name} at ${step}`).toBeCloseTo(theirs[step]![name]!, 3);
  expect(Math.abs(ours[3]![names[0]!]! - ours[0]![names[0]!]!)).toBeGreaterThan(1e-2);
}

describe("online DPO", () => {
  test.each([[["sigmoid"]], [["simpo"]], [["ipo", "nca_pair"]]] as const)(
    "is the DPO trainer on the same pairs: %s",
    async (loss) => {
      const ours = stepsOf(
        await collect(online({ ...sameStep, loss: [...loss] }, { ...replay, model: tiny() })),
      );
      const theirs = stepsOf(
        await collect(
          dpo(
            { model: tiny(), encoder, train: pairs, heldOut: [] },
            resolveConfig("dpo", { ...trainer, loss: [...loss] }),
          ),
        ),
      );
      expectSameSteps(ours, theirs, [
        "loss",
        "rewards/margins",
        "rewards/accuracies",
        "logps/chosen",
        "logps/rejected",
        "grad_norm",
      ]);
    },
  );

  test("starts at ln 2 and climbs a reward", async () => {
    const steps = stepsOf(
      await collect(
        online({ maxSteps: 14, batchSize: 32, learningRate: 5e-3, iterations: 2, miniBatches: 2 }),
      ),
    );
    expect(mean(steps.slice(-3))).toBeGreaterThan(mean(steps.slice(0, 3)) + 0.5);
    expect(steps.at(-1)!["rewards/accuracies"]).toBeGreaterThan(0.5);
    const [one] = stepsOf(await collect(online({ maxSteps: 1 })));
    expect(one!["loss"]).toBeCloseTo(Math.LN2, 5);
    expect(Math.abs(one!["val/ratio"]! - 1)).toBeLessThan(1e-5);
    expect([one!["beta"], one!["val/contain_eos_token"]]).toEqual([0.1, one!["val/stop_rate"]]);
    expect(one!["objective/scores_margin"]).toBeGreaterThan(0);
    expect(one!["objective/rlhf_reward"]).toBeCloseTo(
      one!["objective/scores"]! + one!["objective/non_score_reward"]!,
      9,
    );
  });

  test("equal answers teach nothing, and a roll-out of them says so", async () => {
    const events = await collect(
      online(
        { maxSteps: 1 },
        input(() => 1),
      ),
    );
    const [idle] = stepsOf(events);
    expect([
      idle!["loss"],
      idle!["frac_reward_zero_std"],
      idle!["objective/scores_margin"],
    ]).toEqual([undefined, 1, 0]);
    expect(warningsOf(events)).toContain("no-informative-group");
    expect(extremePairs([1, 1, 0, 2, 2, 0], 2)).toEqual([
      { chosen: 3, rejected: 2, p: 1 },
      { chosen: 4, rejected: 5, p: 1 },
    ]);
  });

  test("an answer without an end pays for it", async () => {
    const endless = {
      ...replay,
      model: tiny(),
      engine: (): RolloutEngine => ({
        ...recorded(),
        roll: async (asked, request) =>
          (await recorded().roll(asked, request)).map((rollout, i) => ({
            ...rollout,
            stopped: i % 2 === 0,
          })),
      }),
    };
    const steps = async (missingEosPenalty: number) =>
      stepsOf(await collect(online({ ...sameStep, maxSteps: 1, missingEosPenalty }, endless)))[0]!;
    const [free, dear] = [await steps(0), await steps(3)];
    expect(dear["objective/scores"]).toBeCloseTo(free["objective/scores"]! - 1.5, 9);
    expect(dear["logps/chosen"]).toBeCloseTo(free["logps/rejected"]!, 3);
  });

  test("goes on to the same bytes", () =>
    expectSameBytes((context) => online({ maxSteps: 3, checkpointSteps: 1 }, input(), context)));
});

describe("a judge", () => {
  const { missingEosPenalty: _, ...forJudge } = common;
  const judgedBy = (judge: Judge, given: Given = {}, context?: TrainingContext) =>
    onlineDpo(
      { ...input(), rewards: [], judge },
      resolveConfig("online-dpo", {
        ...forJudge,
        reward: [],
        judge: judge.name,
        maxSteps: 1,
        samples: 2,
        ...given,
      }),
      context,
    );
  const judged = (compare: Judge["compare"], more: Partial<Judge> = {}) =>
    collect(judgedBy({ name: "critic", compare, concurrency: 3, ...more }));

  test("is asked in both orders, which takes its liking for a place out; its probability is a soft label", async () => {
    const asked: string[] = [];
    const events = await judged(
      async (prompt, first, second) => (
        asked.push(`${prompt as string} ${first} ${second}`),
        0.7 + 0.2 * Math.sign(letters(first) - letters(second))
      ),
    );
    const [metrics] = stepsOf(events);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length % 2).toBe(0);
    expect(metrics!["objective/scores_margin"]).toBeCloseTo(
      0.4 * (1 - metrics!["frac_reward_zero_std"]!),
      9,
    );
    expect(metrics!["loss"]).toBeCloseTo(Math.LN2, 5);
    expect(metrics).not.toHaveProperty("objective/scores");
    const placed = stepsOf(await judged(async () => 0.9));
    expect([placed[0]!["frac_reward_zero_std"], placed[0]!["loss"]]).toEqual([1, undefined]);
  });

  test("whose probability a loss does not read is followed, and that is said", async () => {
    const compare: Judge["compare"] = async (_prompt, first, second) =>
      0.5 + 0.2 * Math.sign(letters(first) - letters(second));
    const run = async (loss: readonly string[]) => {
      const given = { loss: [...loss], iterations: 4, learningRate: 2e-2 };
      return collect(judgedBy({ name: "critic", compare }, given));
    };
    const events = await run(["ipo", "sigmoid"]);
    expect(events.find((event) => event.type === "warning")).toMatchObject({
      id: "soft-labels",
      message: expect.stringContaining("ipo does not read the judge's probabilities") as string,
    });
    expect(stepsOf(events)[0]!["rewards/margins"]).toBeGreaterThan(0);
    expect(warningsOf(await run(["sigmoid"]))).not.toContain("soft-labels");
  });

  test("that fails, hangs or gives no probability is told by name", async () => {
    await expect(judged(async () => 2)).rejects.toThrow(
      /what the judge critic says is no probability/,
    );
    await expect(judged(async () => NaN)).rejects.toThrow(/no probability/);
    await expect(
      judged(() => {
        throw new Error("no key");
      }),
    ).rejects.toThrow(/the judge critic failed[\s\S]*no key/);
    await expect(judged(() => new Promise(() => {}), { timeout: 0.05 })).rejects.toThrow(
      /critic has not answered/,
    );
    await expect(judged(async () => ({ refused: "too long" }))).rejects.toThrow(
      /judges no pair[^]*too long/,
    );
  });

  test("without an opinion leaves the pair out, and says how many; its clamp comes after both orders", async () => {
    const events = await judged(async (prompt, first, second) =>
      String(prompt).startsWith("a") ? { refused: "too long" } : first < second ? 0.9 : 0.2,
    );
    const [metrics] = stepsOf(events);
    expect(metrics!["frac_reward_zero_std"]).toBeGreaterThan(0);
    expect(
      events.find((event) => event.type === "warning" && event.id === "no-judgement"),
    ).toMatchObject({
      message: expect.stringMatching(/no opinion on \d of 8 pairs of roll-out 1[^]*too long/),
    });
    const [clamped] = stepsOf(
      await judged(
        async (_prompt, first, second) => 0.5 + 0.5 * Math.sign(letters(first) - letters(second)),
        { clamp: [0.4, 0.6] },
      ),
    );
    expect(clamped!["objective/scores_margin"]).toBeCloseTo(
      0.2 * (1 - clamped!["frac_reward_zero_std"]!),
      9,
    );
  });

  test("that is stopped in a roll-out ends the run as interrupted, without that step", async () => {
    const stop = new AbortController();
    let asked = 0;
    const compare: Judge["compare"] = async (_prompt, _first, _second, signal) => {
      if (++asked === 3) stop.abort(new Error("stop"));
      signal?.throwIfAborted();
      return 0.7;
    };
    const events = await collect(
      judgedBy({ name: "critic", compare }, {}, { signal: stop.signal }),
    );
    expect([stepsOf(events).length, events.at(-1)]).toEqual([
      0,
      expect.objectContaining({ type: "end", status: "interrupted", step: 0 }),
    ]);
  });

  test("goes on to the same bytes", () =>
    expectSameBytes((context) =>
      judgedBy(
        {
          name: "critic",
          compare: async (_prompt, first, second) =>
            1 / (1 + Math.exp(letters(second) - letters(first))),
        },
        { maxSteps: 3, checkpointSteps: 1 },
        context,
      ),
    ));
});

describe("rejection sampling", () => {
  test("chooses by best, share and threshold", () => {
    const scores = [1, 3, 3, 0, 5, 2];
    const rule = { samples: 3, share: 0.5, threshold: 3 };
    expect(chooseAnswers(scores, { ...rule, keep: "best" })).toEqual([1, 4]);
    expect(chooseAnswers(scores, { ...rule, keep: "share" })).toEqual([1, 2, 4]);
    expect(chooseAnswers(scores, { ...rule, keep: "threshold" })).toEqual([1, 2, 4]);
    expect(chooseAnswers([2, 2, 1, 2], { ...rule, keep: "best", samples: 2 })).toEqual([3]);
  });

  test("is the SFT trainer on the chosen answers", async () => {
    const ours = stepsOf(await collect(imitate(sameStep, { ...replay, model: tiny() })));
    const train = pairs.map(({ prompt, chosen, place }) => ({
      kind: "demonstration" as const,
      prompt,
      completion: chosen,
      place,
    }));
    const theirs = stepsOf(
      await collect(
        sft({ model: tiny(), encoder, train, heldOut: [] }, resolveConfig("sft", trainer)),
      ),
    );
    expectSameSteps(ours, theirs, ["loss", "grad_norm"]);
  });

  test("climbs a reward, and says where nothing was kept", async () => {
    const steps = stepsOf(
      await collect(imitate({ maxSteps: 14, batchSize: 32, samples: 8, learningRate: 5e-3 })),
    );
    expect(steps.at(-1)!["objective/scores"]).toBeGreaterThan(steps[0]!["objective/scores"]! + 0.5);
    expect(steps[0]!["objective/kept_scores"]).toBeGreaterThan(steps[0]!["objective/scores"]!);
    expect(
      warningsOf(await collect(imitate({ maxSteps: 1, keep: "threshold", threshold: 1000 }))),
    ).toContain("nothing-kept");
    expect(
      warningsOf(
        await collect(
          imitate(
            { maxSteps: 1 },
            input(() => 1),
          ),
        ),
      ),
    ).toContain("nothing-kept");
  });

  test("goes on to the same bytes", () =>
    expectSameBytes(
      (context) =>
        imitate(
          { maxSteps: 3, checkpointSteps: 1, iterations: 2, miniBatches: 2 },
          input(),
          context,
        ),
      ["model", "answers"],
    ));

  test("writes what it chose as demonstrations", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "attune-chosen-")), "run");
    const run = Run.create(folder, {
      command: "test",
      seed: 42,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    const steps = stepsOf(await collect(imitate({}, input(), { run })));
    const { records, counts } = await loadDataset(join(folder, "answers", "chosen.jsonl"), {
      onBad: "drop",
    });
    expect(counts).toEqual({ demonstration: records.length });
    expect(records.length).toBeGreaterThan(2);
    for (const record of records) {
      if (record.kind !== "demonstration") throw new Error(record.kind);
      expect(prompts.map(({ prompt }) => prompt)).toContain(record.prompt);
      expect(record.extra!["reward"]).toBe(letters(completionText(record.completion)));
    }
    const rewards = records
      .filter(({ extra }) => extra!["step"] === 1)
      .map(({ extra }) => extra!["reward"] as number);
    expect(rewards.reduce((a, b) => a + b, 0) / rewards.length).toBeCloseTo(
      steps[0]!["objective/kept_scores"]!,
      9,
    );
  });
});

describe("options that make no sense are refused", () => {
  test.each([
    ["online-dpo", { samples: 1 }, "two answers"],
    ["online-dpo", { reward: [], missingEosPenalty: undefined }, "a reward or a judge"],
    ["online-dpo", { judge: "critic" }, "in place of a reward"],
    [
      "online-dpo",
      { reward: [], judge: "critic", missingEosPenalty: undefined, samples: 4 },
      "2 with a judge",
    ],
    ["online-dpo", { reward: [], judge: "critic" }, "only used with a reward"],
    [
      "online-dpo",
      {
        reward: [],
        judge: "critic",
        missingEosPenalty: undefined,
        heldOutReward: "h",
        guard: "stop",
      },
      "only used with a reward and heldOutReward",
    ],
    [
      "online-dpo",
      { reward: [], judge: "critic", missingEosPenalty: undefined, thoughts: { topP: 0.5 } },
      "only used with a judge that reasons",
    ],
    [
      "online-dpo",
      { reward: [], judge: "critic", missingEosPenalty: undefined, retries: 2 },
      "only used with a model behind a server",
    ],
    [
      "online-dpo",
      { reward: [], judge: "openai:m", missingEosPenalty: undefined, contextLength: 99 },
      "only used with a local judge",
    ],
    ["online-dpo", { tags: ["helpful"] }, "only used with a judge"],
    [
      "online-dpo",
      { reward: [], judge: "critic", missingEosPenalty: undefined, clamp: [0.6, 0.7] },
      "0.4,0.6",
    ],
    ["online-dpo", { loss: ["orpo"] }, "imitates the chosen answers"],
    ["online-dpo", { loss: ["exo_pair"], labelSmoothing: 0 }, "logarithm"],
    ["online-dpo", { loss: ["ipo"], labelSmoothing: 0.1 }, "no effect"],
    ["online-dpo", { miniBatches: 5 }, "minibatches"],
    ["rejection-sampling", { samples: 1 }, "the best of one answer"],
    ["rejection-sampling", { share: 0.5 }, "share"],
  ] as const)("%s %o", (name, given, message) => {
    expect(() => resolveConfig(name, { ...common, ...given } as never)).toThrow(message);
  });
});
