/**
 * Five examples and a batch that would hold more: one step, of these five and no others, that moves
 * the weights.
 */
import { expect, test } from "vitest";
import type { UnpairedRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { TrainedModel } from "../loop.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { resolveConfig } from "../configs.ts";
import { dpo } from "./dpo.ts";
import { grpo } from "../online/grpo.ts";
import { kto } from "./kto.ts";
import { onlineDpo } from "../online/online-dpo.ts";
import { ppo } from "../online/ppo.ts";
import { reinforcePlusPlus } from "../online/reinforce-plus-plus.ts";
import { rejectionSampling } from "../online/rejection-sampling.ts";
import { rewardModel } from "./reward.ts";
import type { RewardCall } from "../rollout/rewards.ts";
import { rloo } from "../online/rloo.ts";
import { sft } from "./sft.ts";
import {
  collect,
  finished,
  encoder,
  madePairs,
  stepsOf,
  tinyModel as tinyOf,
  warningsOf,
} from "../testing.ts";

/** One that can also answer. */
const tinyModel = () =>
  tinyOf("llama", { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 });
const pairs = madePairs(5);
const prompts = pairs.map(({ prompt, place }) => ({ kind: "prompt" as const, prompt, place }));
const demonstrations = pairs.map(({ prompt, chosen, place }) => ({
  kind: "demonstration" as const,
  prompt,
  completion: chosen,
  place,
}));
const unpaired = pairs.map(({ prompt, chosen, rejected, place }, i): UnpairedRecord => ({
  kind: "unpaired",
  prompt,
  completion: i % 2 === 0 ? chosen : rejected,
  label: i % 2 === 0,
  place,
}));

/** Options that decide the length of a run and its rates are all at their defaults. */
const given = { model: "tiny", data: "made", maxLength: 48, heldOut: 0 } as const;
const rolling = {
  model: "tiny",
  data: "made",
  maxLength: 48,
  reward: ["letters"] as string[],
  maxNewTokens: 8,
  sampleSteps: 0,
  missingEosPenalty: 0,
  rewardNormalise: "none",
} as const;
type Reward = (call: RewardCall) => number;
type Train = (model: Model, reward: Reward) => AsyncGenerator<TrainingEvent, TrainedModel>;
const OFFLINE: Readonly<Record<string, Train>> = {
  sft: (model) =>
    sft({ model, encoder, train: demonstrations, heldOut: [] }, resolveConfig("sft", given)),
  dpo: (model) => dpo({ model, encoder, train: pairs, heldOut: [] }, resolveConfig("dpo", given)),
  kto: (model) =>
    kto({ model, encoder, train: unpaired, heldOut: [] }, resolveConfig("kto", given)),
  reward: (model) =>
    rewardModel({ model, encoder, train: pairs, heldOut: [] }, resolveConfig("reward", given)),
};
const input = (model: Model, reward: Reward) => ({
  model,
  encoder,
  prompts,
  rewards: [{ name: "letters", reward }],
});
const ROLLING: Readonly<Record<string, Train>> = {
  ppo: (model, reward) =>
    ppo(input(model, reward), resolveConfig("ppo", { ...rolling, critic: { warmupSteps: 0 } })),
  rloo: (model, reward) => rloo(input(model, reward), resolveConfig("rloo", rolling)),
  grpo: (model, reward) => grpo(input(model, reward), resolveConfig("grpo", rolling)),
  "reinforce++": (model, reward) =>
    reinforcePlusPlus(input(model, reward), resolveConfig("reinforce++", rolling)),
  "rejection-sampling": (model, reward) =>
    rejectionSampling(input(model, reward), resolveConfig("rejection-sampling", rolling)),
  "online-dpo": (model, reward) =>
    onlineDpo(input(model, reward), resolveConfig("online-dpo", rolling)),
};

/** Low-rank adapters begin with one factor at 0. */
const moved = (model: Model): boolean =>
  [...model.adapter!.weights]
    .filter(([name]) => name.includes("lora_B"))
    .some(([, { data }]) => (data as Float32Array).some((value) => value !== 0));

test.each(Object.entries(OFFLINE))(
  "%s: one epoch of five examples is one step of five, and learns",
  async (_name, train) => {
    const model = tinyModel();
    const { events, result } = await finished(train(model, () => 0));
    const steps = stepsOf(events);
    expect(steps).toHaveLength(1);
    expect(steps[0]!["epoch"]).toBe(1);
    expect(steps[0]!["learning_rate"]).toBeGreaterThan(0);
    expect(moved(result.model)).toBe(true);
    expect(model.adapter).toBeUndefined();
  },
);

test.each(Object.entries(ROLLING))(
  "%s: one epoch of five prompts is one roll-out of five, and learns",
  async (name, train) => {
    const asked = new Map<string, number>();
    const reward = ({ prompt }: RewardCall): number => {
      const times = (asked.get(prompt) ?? 0) + 1;
      asked.set(prompt, times);
      // differs between answers to one prompt and between prompts
      return (7 * times + prompt.length) % 5;
    };
    const steps = stepsOf(await collect(train(tinyModel(), reward)));
    expect(steps).toHaveLength(1);
    expect(steps[0]!["epoch"]).toBe(1);
    expect(steps[0]!["lr"]).toBeGreaterThan(0);
    expect(steps[0]!["grad_norm"]).toBeGreaterThan(0);
    expect(asked.size).toBe(5);
    expect(new Set(asked.values()).size, name).toBe(1);
  },
);

test("the mean of a shorter last step is over its own examples", async () => {
  const alone = stepsOf(
    await collect(
      sft(
        { model: tinyModel(), encoder, train: demonstrations.slice(4), heldOut: [] },
        resolveConfig("sft", { ...given, batchSize: 1, maxSteps: 1, shuffle: false }),
      ),
    ),
  );
  const last = stepsOf(
    await collect(
      sft(
        { model: tinyModel(), encoder, train: demonstrations, heldOut: [] },
        resolveConfig("sft", { ...given, batchSize: 4, shuffle: false, learningRate: 1e-30 }),
      ),
    ),
  );
  expect(last).toHaveLength(2);
  expect(last[1]!["loss"]).toBeCloseTo(alone[0]!["loss"]!, 5);
});

test("KTO's last answer alone has no KL term, and that is said", async () => {
  const train = (batchSize: number) =>
    collect(
      kto(
        { model: tinyModel(), encoder, train: unpaired, heldOut: [] },
        resolveConfig("kto", { ...given, batchSize, learningRate: 1e-2 }),
      ),
    );
  const events = await train(4);
  expect(
    stepsOf(events)
      .map(({ kl }) => kl)
      .at(-1),
  ).toBe(0);
  expect(warningsOf(events)).toContain("kto-lone-answer");
  expect(warningsOf(await train(5))).not.toContain("kto-lone-answer");
});

test("the critic's warm-up may not be the whole of a PPO run", async () => {
  await expect(
    collect(
      ppo(
        input(tinyModel(), () => 0),
        resolveConfig("ppo", rolling),
      ),
    ),
  ).rejects.toMatchObject({
    code: "config",
    details: { got: "critic.warmupSteps 2 and 1 roll-out" },
  });
});

test("a rate that is 0 in float32 is refused", () => {
  expect(() => resolveConfig("sft", { ...given, learningRate: 1e-46 })).toThrow(/too small/);
  expect(resolveConfig("sft", { ...given, learningRate: 1e-40 }).learningRate).toBe(1e-40);
});
