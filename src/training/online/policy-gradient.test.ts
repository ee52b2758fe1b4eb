/**
 * RLOO, GRPO and REINFORCE++: starts on policy, climbs a reward, same seed and resuming give the
 * same bytes, groups without a difference.
 */
import { describe, expect, test } from "vitest";
import type { PromptRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import { TINY_CONFIGS, randomModel } from "../../models/testing.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { createEncoder } from "../../text/encoder.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { resolveConfig } from "../configs.ts";
import { grpo } from "./grpo.ts";
import type { TrainingContext } from "../loop.ts";
import type { PolicyInput } from "../rollout/policy.ts";
import { reinforcePlusPlus } from "./reinforce-plus-plus.ts";
import type { RewardCall } from "../rollout/rewards.ts";
import { rloo } from "./rloo.ts";
import { collect, expectSameBytes } from "../testing.ts";

const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: 48, template: "none" });
const tiny = (seed = 3): Model =>
  randomModel(
    {
      ...TINY_CONFIGS["llama"]!,
      hidden_size: 32,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      vocab_size: tokenizer.vocabularySize,
      max_position_embeddings: 128,
    },
    seed,
    0.15,
  );
const prompts: PromptRecord[] = Array.from({ length: 12 }, (_, i) => ({
  kind: "prompt",
  prompt: `${"abcdef"[i % 6]}${i}`,
  place: { row: i + 1 },
}));
const letters = ({ completion }: RewardCall): number => (completion.match(/[a-z]/g) ?? []).length;
const input = (reward = letters): PolicyInput => ({
  model: tiny(),
  encoder,
  prompts,
  rewards: [{ name: "letters", reward }],
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
  samples: 4,
  temperature: 1,
};
type Given = Partial<Record<string, unknown>>;
const METHODS = {
  rloo: (given: Given, context?: TrainingContext, from = input()) =>
    rloo(from, resolveConfig("rloo", { ...common, ...given }), context),
  grpo: (given: Given, context?: TrainingContext, from = input()) =>
    grpo(from, resolveConfig("grpo", { ...common, ...given }), context),
  "grpo with KL, dr_grpo": (given: Given, context?: TrainingContext, from = input()) =>
    grpo(
      from,
      resolveConfig("grpo", {
        ...common,
        kl: { coef: 0.1 },
        aggregation: "dr_grpo",
        scaleRewards: "none",
        ...given,
      }),
      context,
    ),
  "reinforce++": (given: Given, context?: TrainingContext, from = input()) =>
    reinforcePlusPlus(from, resolveConfig("reinforce++", { ...common, ...given }), context),
  "reinforce++ with a group baseline": (given: Given, context?: TrainingContext, from = input()) =>
    reinforcePlusPlus(
      from,
      resolveConfig("reinforce++", { ...common, baseline: "group", ...given }),
      context,
    ),
};
const methods = Object.entries(METHODS);

const stepsOf = (events: readonly TrainingEvent[]): Record<string, number>[] =>
  events.flatMap((event) =>
    event.type === "step" ? [event.metrics as Record<string, number>] : [],
  );

function climbs(train: (typeof METHODS)["rloo"]): void {
  test("starts at ratio 1 and KL 0, and climbs a reward", async () => {
    const steps = stepsOf(
      await collect(
        train({ maxSteps: 14, learningRate: 5e-3, batchSize: 32, iterations: 2, miniBatches: 2 }),
      ),
    );
    expect(Math.abs(steps[0]!["objective/kl"]!)).toBeLessThan(1e-4);
    const [one] = stepsOf(await collect(train({ maxSteps: 1 })));
    expect(Math.abs(one!["val/ratio"]! - 1)).toBeLessThan(1e-5);
    expect(one!["policy/approxkl_avg"]).toBeLessThan(1e-8);
    expect(one!["policy/clipfrac_avg"]).toBe(0);
    const mean = (values: readonly Record<string, number>[]): number =>
      values.reduce((sum, metrics) => sum + metrics["objective/scores"]!, 0) / values.length;
    expect(mean(steps.slice(-3))).toBeGreaterThan(mean(steps.slice(0, 3)) + 0.5);
    expect(steps.at(-1)!["objective/kl_k3"]).toBeGreaterThan(1e-3);
  });

  test("goes on to the same bytes", () =>
    expectSameBytes((context) => train({ maxSteps: 3, checkpointSteps: 1 }, context)));
}

describe.each(methods.slice(0, 2))("%s", (_name, train) => climbs(train));
// these differ from the others in their advantages alone
describe.each(methods.slice(2))("%s", { tags: ["dear"] }, (_name, train) => climbs(train));

describe("groups without a difference", () => {
  const constant = input(() => 1);
  const ids = (events: readonly TrainingEvent[]): string[] =>
    events.flatMap((event) => (event.type === "warning" ? [event.id] : []));

  test("teach nothing: GRPO says so and leaves the weights as they are", async () => {
    const before = stepsOf(await collect(METHODS.grpo({ maxSteps: 3 }, {}, constant)));
    expect(before.map((metrics) => metrics["frac_reward_zero_std"])).toEqual([1, 1, 1]);
    expect(Math.abs(before.at(-1)!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(ids(await collect(METHODS.grpo({ maxSteps: 1 }, {}, constant)))).toContain(
      "no-informative-group",
    );
  });

  test("dynamic sampling asks other prompts, ends where there are none, and counts what was drawn first", async () => {
    // Only prompts that begin with one of three letters tell answers apart.
    const asked: string[] = [];
    const picky = ({ prompt, completion }: RewardCall): number => (
      asked.push(prompt),
      "abc".includes(prompt[0]!) ? completion.length + (completion.codePointAt(0) ?? 0) / 1000 : 0
    );
    const events = await collect(
      METHODS.grpo({ maxSteps: 1, dynamicSampling: 4, rewardNormalise: "none" }, {}, input(picky)),
    );
    const [metrics] = stepsOf(events);
    expect(new Set(asked).size).toBeGreaterThan(4);
    expect(metrics!["frac_reward_zero_std"]).toBeGreaterThan(0);
    expect(events.some((event) => event.type === "step")).toBe(true);
    await collect(METHODS.grpo({ maxSteps: 1, dynamicSampling: 50 }, {}, constant));
  });

  test("answers without an end are left out on request", async () => {
    const [metrics] = stepsOf(
      await collect(METHODS.grpo({ maxSteps: 1, maskTruncated: true, maxNewTokens: 2 })),
    );
    expect(Number.isFinite(metrics!["loss/policy_avg"])).toBe(true);
  });
});

describe("options that make no sense are refused", () => {
  test.each([
    ["rloo", { samples: 1 }, "others to the same prompt"],
    ["grpo", { samples: 3 }, "cannot be shared out"],
    ["grpo", { clipRangeHigh: 0.1 }, "below clipRange"],
    ["reinforce++", { baseline: "group", samples: 1 }, "several answers"],
  ] as const)("%s %o", (name, given, message) => {
    expect(() => resolveConfig(name, { ...common, ...given } as never)).toThrow(message);
  });
});
