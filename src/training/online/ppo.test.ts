import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { PromptRecord } from "../../data/records.ts";
import { createAdapter } from "../../models/adapter.ts";
import type { Model } from "../../models/model.ts";
import { shareBase } from "../../models/model.ts";
import { openModel } from "../../models/open.ts";
import { WholePlan } from "../../models/plans/whole.ts";
import { TINY_CONFIGS, randomModel } from "../../models/testing.ts";
import { SafetensorsFile } from "../../models/weights/safetensors.ts";
import type { GivenOf } from "../../config/config.ts";
import type { SampleEvent, TrainingEvent, WarningEvent } from "../../runs/events.ts";
import { Run } from "../../runs/run.ts";
import { createEncoder } from "../../text/encoder.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { resolveConfig } from "../configs.ts";
import type { PpoInput } from "./ppo-run.ts";
import { ppo } from "./ppo.ts";
import type { ppoConfig } from "./ppo.config.ts";
import { freshScoreHead } from "../offline/reward.ts";
import type { RewardCall } from "../rollout/rewards.ts";
import { joinRows } from "../layout.ts";
import { layRollout } from "../rollout/rollout.ts";
import { criticHead, scaleScoreHead, sharesBase } from "../rollout/roles.ts";
import { copyAdapter, openWeights } from "../open-weights.ts";

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

function judge(seed = 3): Model {
  const model = tiny(seed);
  model.scoreHead = freshScoreHead(model, seed);
  return model;
}

const common: GivenOf<typeof ppoConfig> = {
  model: "tiny",
  data: "made",
  reward: ["judge"],
  batchSize: 8,
  ppoEpochs: 2,
  maxLength: 48,
  maxNewTokens: 8,
  maxSteps: 3,
  epochs: 10,
  sampleSteps: 0,
  rewardSamples: 16,
  learningRate: 1e-3,
  critic: { learningRate: 1e-3, warmupSteps: 0 },
};
const input = (more: Partial<PpoInput> = {}): PpoInput => ({
  model: tiny(),
  encoder,
  prompts,
  rewards: [{ name: "judge", model: judge(), encoder }],
  ...more,
});

async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const stepsOf = (events: readonly TrainingEvent[]): Record<string, number>[] =>
  events.flatMap((event) =>
    event.type === "step" ? [event.metrics as Record<string, number>] : [],
  );
const warningsOf = (events: readonly TrainingEvent[]): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [(event as WarningEvent).id] : []));
/** Rewards answers with many different letters, and never throws. */
const manyLetters = ({ completion }: RewardCall): number => new Set(completion).size / 8;

describe("the start", () => {
  test.each(["lora", "none"] as const)(
    "adapter %s: KL 0, ratio 1 and nothing clipped in one update",
    async (adapter) => {
      const [first] = stepsOf(
        await collect(
          ppo(input(), resolveConfig("ppo", { ...common, adapter, maxSteps: 1, ppoEpochs: 1 })),
        ),
      );
      expect(Math.abs(first!["objective/kl"]!)).toBeLessThan(1e-4);
      expect(first!["objective/kl_k3"]!).toBeLessThan(1e-6);
      expect(Math.abs(first!["val/ratio"]! - 1)).toBeLessThan(1e-5);
      expect(first!["policy/approxkl_avg"]!).toBeLessThan(1e-8);
      expect(first!["policy/clipfrac_avg"]).toBe(0);
      expect(Math.abs(first!["loss/policy_avg"]!)).toBeLessThan(1e-5);
      expect(first!["val/clipfrac_avg"]).toBe(0);
    },
  );

  test("normalised rewards have about mean 0 and deviation 1 on the reference", async () => {
    const config = resolveConfig("ppo", {
      ...common,
      maxSteps: 1,
      batchSize: 64,
      rewardSamples: 64,
      missingEosPenalty: 0,
      ppoEpochs: 1,
    });
    const [first] = stepsOf(await collect(ppo(input(), config)));
    expect(Math.abs(first!["objective/scores"]!)).toBeLessThan(0.6);
    expect(Math.abs(first!["objective/scores_std"]! - 1)).toBeLessThan(0.5);
  });

  test(
    "old log-probabilities are at the temperature of sampling, for policy and reference alike",
    { tags: ["dear"] },
    async () => {
      const run = async (temperature: number) =>
        stepsOf(
          await collect(
            ppo(
              input(),
              resolveConfig("ppo", { ...common, temperature, maxSteps: 1, ppoEpochs: 1 }),
            ),
          ),
        )[0]!;
      const [cold, warm] = [await run(0.3), await run(1.5)];
      expect(cold["policy/entropy_avg"]).toBeLessThan(warm["policy/entropy_avg"]!);
      for (const metrics of [cold, warm])
        expect(Math.abs(metrics["objective/kl"]!)).toBeLessThan(1e-4);
    },
  );

  test(
    "one base and separate models agree at step 0, by either plan",
    { tags: ["dear"] },
    async () => {
      const base = tiny();
      const shared = { ...shareBase(base), scoreHead: judge().scoreHead! };
      const setups = [
        ["lora", input({ model: base, rewards: [{ name: "judge", model: shared, encoder }] })],
        ["lora", input()],
        ["none", input()],
      ] as const;
      const names = [
        "objective/kl",
        "objective/entropy",
        "objective/scores",
        "objective/rlhf_reward",
        "val/explained_variance",
        "loss/value_avg",
        "policy/entropy_avg",
      ];
      const results: number[][] = [];
      for (const plan of ["whole", "block"] as const) {
        for (const [adapter, given] of plan === "whole" ? setups : setups.slice(0, 1)) {
          const [first] = stepsOf(
            await collect(
              ppo(
                given,
                resolveConfig("ppo", {
                  ...common,
                  adapter,
                  plan,
                  maxSteps: 1,
                  ppoEpochs: 1,
                  critic: { warmupSteps: 0, learningRate: 1e-9 },
                  learningRate: 1e-9,
                }),
              ),
            ),
          );
          results.push(names.map((name) => first![name]!));
        }
      }
      for (const result of results)
        result.forEach((value, i) =>
          expect(Math.abs(value - results[0]![i]!), names[i]).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(value)),
          ),
        );
    },
  );
});

describe("roles", () => {
  const options = {
    adapter: "lora",
    lora: { rank: 2, alpha: 4, rslora: false, targets: ["all-linear"] },
    adapterSeed: 1,
  } as const;
  const withAdapter = (): Model => {
    const model = tiny();
    const adapter = createAdapter(
      model.family,
      model.config,
      { rank: 2, alpha: 4, rsLora: false, targets: ["self_attn.q_proj", "mlp.up_proj"] },
      5,
    );
    for (const [name, { data }] of adapter.weights)
      if (name.includes("lora_B")) Random.for(1, name).fillNormal(data, 0.3);
    return { ...model, adapter };
  };

  const criticOver = (model: Model, scale: number) => {
    const critic = openWeights({ ...model, scoreHead: criticHead(model) }, options);
    scaleScoreHead(critic.trainable, scale);
    return critic;
  };

  test("four roles lie over one base in memory", () => {
    const base = tiny();
    const reward = { ...shareBase(base), scoreHead: judge().scoreHead! };
    const actor = openWeights(base, options);
    const critic = criticOver(reward, 0.5);
    for (const model of [reward, actor.model, critic.model])
      expect(sharesBase(model, base)).toBe(true);
    expect(base.adapter).toBeUndefined();
    expect([...critic.model.scoreHead!.data]).toEqual(
      [...reward.scoreHead.data].map((x) => Math.fround(x * 0.5)),
    );
    expect(sharesBase(openWeights(base, { ...options, adapter: "none" }).model, base)).toBe(false);
  });

  test("a critic that starts as the reward model predicts the normalised score, but for the constant", async () => {
    const reward = judge();
    const critic = criticOver(reward, 1 / 0.4);
    const laid = joinRows(
      [
        layRollout({
          prompt: { record: prompts[0]!, ids: Int32Array.of(257, 5, 6) },
          ids: Int32Array.of(7, 8, 258),
        }),
      ],
      { padId: 0 },
    );
    const read = async (model: Model): Promise<Float32Array> => {
      const plan = new WholePlan({ model, reads: "scores", maxLength: 64 });
      const { readout } = await plan.score(laid.batch);
      await plan.close();
      return readout;
    };
    const [scores, values] = [await read(reward), await read(critic.model)];
    values.forEach((value, i) =>
      expect(Math.abs(value - scores[i]! / 0.4)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value))),
    );
  });

  test("an SFT adapter as reference is kept frozen, and the actor goes on from a copy: KL is 0 at the start and not after", async () => {
    const sft = withAdapter();
    const before = copyAdapter(sft.adapter!);
    const events = stepsOf(
      await collect(
        ppo(
          input({ model: sft, rewards: [{ name: "letters", reward: manyLetters }] }),
          resolveConfig("ppo", { ...common, learningRate: 1e-2 }),
        ),
      ),
    );
    expect(Math.abs(events[0]!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(events[2]!["objective/kl_k3"]!).toBeGreaterThan(1e-3);
    for (const [name, { data }] of before.weights)
      expect(sft.adapter!.weights.get(name)!.data).toEqual(data);
    const whole = stepsOf(
      await collect(
        ppo(
          input({ model: sft }),
          resolveConfig("ppo", { ...common, adapter: "none", maxSteps: 1, ppoEpochs: 1 }),
        ),
      ),
    );
    expect(Math.abs(whole[0]!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(whole[0]!["objective/entropy"]).toBeCloseTo(events[0]!["objective/entropy"]!, 3);
  });
});

describe("training", () => {
  test("a reward function is climbed, and the penalty holds the policy back", async () => {
    const run = async (coef: number) => {
      const config = resolveConfig("ppo", {
        ...common,
        adapter: "none",
        maxSteps: 12,
        epochs: 100,
        batchSize: 16,
        temperature: 1,
        missingEosPenalty: 0,
        kl: { coef },
        learningRate: 5e-3,
        schedule: "constant",
        critic: { learningRate: 5e-3, warmupSteps: 0 },
      });
      return collect(
        ppo(
          input({
            rewards: [
              {
                name: "letters",
                reward: ({ completion }) => (completion.match(/[a-z]/g) ?? []).length,
              },
            ],
          }),
          config,
        ),
      );
    };
    const [free, held] = [await run(0), await run(1)];
    expect(warningsOf(free)).toContain("no-kl-penalty");
    expect(warningsOf(held)).not.toContain("no-kl-penalty");
    const score = (events: readonly TrainingEvent[], index: number): number =>
      stepsOf(events).at(index)!["objective/scores"]!;
    expect(score(free, -1)).toBeGreaterThan(score(free, 0) + 0.5);
    expect(stepsOf(held).at(-1)!["objective/kl"]).toBeLessThan(
      stepsOf(free).at(-1)!["objective/kl"]!,
    );
  });

  test("warm-up trains the critic alone; early stop ends a step's updates; adaptive KL moves beta", async () => {
    const config = resolveConfig("ppo", {
      ...common,
      maxSteps: 3,
      critic: { warmupSteps: 2, learningRate: 1e-3 },
      earlyStopKl: 1e-7,
      ppoEpochs: 3,
      learningRate: 1e-2,
      kl: { controller: "adaptive", coef: 0.1, target: 1, horizon: 40 },
    });
    const steps = stepsOf(await collect(ppo(input(), config)));
    expect(steps.map((metrics) => "loss/policy_avg" in metrics)).toEqual([false, false, true]);
    expect(steps.every((metrics) => metrics["loss/value_avg"]! > 0)).toBe(true);
    expect(steps[2]!["val/ratio_var"]).toBe(0);
    expect(steps[1]!["objective/kl_coef"]).toBeCloseTo(0.1 * (1 - (0.2 * 8) / 40), 10);
  });

  test("PPO-ptx mixes demonstrations in", async () => {
    const demonstrations = prompts.map(({ prompt, place }) => ({
      kind: "demonstration" as const,
      prompt,
      completion: "aa",
      place,
    }));
    const config = resolveConfig("ppo", {
      ...common,
      adapter: "none",
      maxSteps: 8,
      ptx: { coef: 5, data: "made", batchSize: 4 },
      learningRate: 5e-3,
      schedule: "constant",
    });
    const losses = stepsOf(await collect(ppo(input({ demonstrations }), config))).map(
      (metrics) => metrics["loss/ptx_avg"]!,
    );
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
  });

  test("several samples of a prompt, and example texts with their scores at fixed steps", async () => {
    const config = resolveConfig("ppo", {
      ...common,
      samples: 4,
      sampleSteps: 2,
      samplePrompts: 2,
      maxSteps: 3,
    });
    const events = await collect(ppo(input(), config));
    const samples = events.filter((event): event is SampleEvent => event.type === "sample");
    expect(samples.map(({ step }) => step)).toEqual([0, 0, 2, 2, 3, 3]);
    expect(
      samples.every(({ reward, prompt }) => Number.isFinite(reward) && prompt.length > 0),
    ).toBe(true);
    expect(stepsOf(events).map((metrics) => metrics["episode"])).toEqual([8, 16, 24]);
  });
});

describe("a run that is cut off", () => {
  const facts = {
    command: "ppo",
    seed: 42,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  };
  const config = resolveConfig("ppo", {
    ...common,
    maxSteps: 5,
    checkpointSteps: 2,
    sampleSteps: 2,
    kl: { controller: "adaptive", coef: 0.1 },
    critic: { warmupSteps: 1, learningRate: 1e-3 },
    heldOutReward: "held",
    guardWindow: 2,
  });
  const given = (): PpoInput =>
    input({ heldOutReward: { name: "held", model: judge(9), encoder } });

  test("goes on to the same bytes, wherever it was cut: between steps, and inside a roll-out", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-ppo-"));
    const whole = Run.create(join(folder, "whole"), facts);
    await collect(ppo(given(), config, { run: whole }));

    let run = Run.create(join(folder, "cut"), facts);
    const stop = new AbortController();
    for await (const event of ppo(given(), config, { run, signal: stop.signal }))
      if (event.type === "step" && event.step === 1) stop.abort();
    run.close();
    ({ run } = await Run.open(join(folder, "cut")));
    // Killed inside the roll-out of the fourth step: the process is gone, nothing of it was saved.
    let rolled = 0;
    const { samplingEngine } = await import("../rollout/rollout.ts");
    const dying = (actor: Model) => {
      const engine = samplingEngine(actor, encoder);
      return {
        ...engine,
        roll: (...args: Parameters<typeof engine.roll>) =>
          args[1].temperature > 0 && ++rolled === 3
            ? Promise.reject(new Error("killed"))
            : engine.roll(...args),
      };
    };
    await expect(collect(ppo({ ...given(), engine: dying }, config, { run }))).rejects.toThrow(
      "killed",
    );
    run.close();
    ({ run } = await Run.open(join(folder, "cut")));
    // Asked to stop inside a roll-out.
    const second = new AbortController();
    const stopping = (actor: Model) => {
      const engine = samplingEngine(actor, encoder);
      return {
        ...engine,
        roll: (...args: Parameters<typeof engine.roll>) => (second.abort(), engine.roll(...args)),
      };
    };
    const events = await collect(
      ppo({ ...given(), engine: stopping }, config, { run, signal: second.signal }),
    );
    expect(events.at(-1)).toMatchObject({ type: "end", status: "interrupted", step: 2 });
    run.close();
    ({ run } = await Run.open(join(folder, "cut")));
    await collect(ppo(given(), config, { run }));
    for (const file of [
      "metrics.jsonl",
      ...["model", "checkpoints/step-000005"].flatMap((part) =>
        readdirSync(join(folder, "whole", part)).map((name) => join(part, name)),
      ),
    ]) {
      expect(
        readFileSync(join(folder, "cut", file)).equals(readFileSync(join(folder, "whole", file))),
        file,
      ).toBe(true);
    }
    expect(readdirSync(join(folder, "cut", "checkpoints"))).toEqual(
      readdirSync(join(folder, "whole", "checkpoints")),
    );
  });

  test("the policy that it leaves can be opened", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-ppo-"));
    const run = Run.create(join(folder, "run"), facts);
    const events = await collect(
      ppo(input(), resolveConfig("ppo", { ...common, adapter: "none", maxSteps: 1 }), { run }),
    );
    expect(events.at(-1)).toMatchObject({
      type: "end",
      status: "completed",
      output: join(folder, "run", "model"),
    });
    const opened = await openModel(join(folder, "run"));
    expect(opened.model.config.hiddenSize).toBe(32);
    expect(opened.model.scoreHead).toBeUndefined();
  });
});

describe("the guard", () => {
  const letters = ({ completion }: RewardCall): number => (completion.match(/[a-z]/g) ?? []).length;
  const config = resolveConfig("ppo", {
    ...common,
    adapter: "none",
    maxSteps: 14,
    epochs: 100,
    batchSize: 16,
    temperature: 1,
    missingEosPenalty: 0,
    kl: { coef: 0 },
    learningRate: 5e-3,
    schedule: "constant",
    critic: { learningRate: 5e-3, warmupSteps: 0 },
    heldOutReward: "held",
    guard: "stop",
    guardWindow: 3,
    checkpointSteps: 1,
    guardAlpha: 0.01,
  });
  const facts = {
    command: "ppo",
    seed: 42,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
    keepLast: 100,
  };
  const proxy = { name: "letters", reward: letters };

  test(
    "stops a run whose reward is hacked, and leaves the policy of the best held-out reward",
    { tags: ["dear"] },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "attune-ppo-"));
      const run = Run.create(join(folder, "run"), facts);
      // Agrees with the proxy on the reference's answers, and turns against it where the policy
      // goes.
      const held = {
        name: "held",
        reward: (answer: RewardCall) =>
          letters(answer) <= 2 ? letters(answer) : 2 - 3 * (letters(answer) - 2),
      };
      const events = await collect(
        ppo(input({ rewards: [proxy], heldOutReward: held }), config, { run }),
      );
      const end = events.at(-1)!;
      const alarm = events.find(
        (event): event is WarningEvent => event.type === "warning" && event.id === "guard",
      )!;
      expect(alarm.message).toMatch(/the rewards part: .* \(t -\d/);
      expect(end).toMatchObject({ type: "end", status: "completed", step: alarm.step });
      expect(alarm.step).toBeLessThan(14);
      const best = run.bestCheckpoint()!;
      expect(best.step).toBeLessThan(alarm.step!);
      const [kept, saved] = [
        await SafetensorsFile.open(join(best.folder, "state.safetensors")),
        (await openModel(join(folder, "run"))).model,
      ];
      const values = await kept.read("actor.values");
      await kept.close();
      expect(
        saved.weights
          .get("model.layers.0.mlp.up_proj.weight")!
          .data.every((x) => values.includes(x)),
      ).toBe(true);
    },
  );

  test(
    "stays quiet where the held-out reward rises too, and only warns where it is told so",
    { tags: ["dear"] },
    async () => {
      const short = { ...config, maxSteps: 8 };
      const quiet = await collect(
        ppo(
          input({
            rewards: [proxy],
            heldOutReward: {
              name: "held",
              reward: (answer) => 2 * letters(answer) + answer.prompt.length,
            },
          }),
          short,
        ),
      );
      expect(warningsOf(quiet)).not.toContain("guard");
      expect(stepsOf(quiet).at(-1)!["objective/held_out_scores"]).toBeGreaterThan(0.3);
      const warned = await collect(
        ppo(
          input({
            rewards: [proxy],
            heldOutReward: { name: "held", reward: (answer) => -letters(answer) },
          }),
          { ...short, guard: "warn" },
        ),
      );
      expect(warningsOf(warned)).toEqual(expect.arrayContaining(["held-out-disagrees", "guard"]));
      expect(stepsOf(warned)).toHaveLength(8);
    },
  );
});

describe("bad rewards", () => {
  const run = (rewards: PpoInput["rewards"], more: Partial<PpoInput> = {}, options = {}) =>
    collect(
      ppo(
        input({ rewards, ...more }),
        resolveConfig("ppo", {
          ...common,
          reward: rewards.map(({ name }) => name),
          maxSteps: 1,
          ...options,
        }),
      ),
    );

  test("constant, NaN, throwing and hanging ones are told by name", async () => {
    const flat = judge();
    flat.scoreHead!.data.fill(0);
    await expect(run([{ name: "flat", model: flat, encoder }])).rejects.toThrow(
      /the reward flat gives every answer the same/,
    );
    await expect(run([{ name: "nan", reward: () => NaN }])).rejects.toThrow(
      /the reward nan is no number[\s\S]*for the answer/,
    );
    await expect(run([{ name: "text", reward: () => "1" as never }])).rejects.toThrow(
      /the reward text is no number/,
    );
    await expect(
      run([
        {
          name: "thrower",
          reward: () => {
            throw new Error("no such key");
          },
        },
      ]),
    ).rejects.toThrow(/reward function thrower failed[\s\S]*no such key/);
    await expect(
      run(
        [{ name: "sleeper", reward: () => new Promise<number>(() => {}) }],
        {},
        { rewardTimeout: 0.05 },
      ),
    ).rejects.toThrow(/sleeper has not answered/);
    expect(warningsOf(await run([{ name: "zero", reward: () => 0 }]))).toContain("constant-reward");
  });

  test("a model without a head is no reward model; prompts without room for an answer are told", async () => {
    await expect(run([{ name: "bare", model: tiny(), encoder }])).rejects.toThrow(
      /bare has no score head/,
    );
    const long: PromptRecord = {
      kind: "prompt",
      prompt: "x".repeat(60),
      place: { file: "p.jsonl", row: 2 },
    };
    expect(
      warningsOf(
        await collect(
          ppo(
            input({ prompts: [...prompts, long] }),
            resolveConfig("ppo", { ...common, maxSteps: 1 }),
          ),
        ),
      ),
    ).toContain("long-prompts");
    await expect(
      collect(ppo(input({ prompts: [long] }), resolveConfig("ppo", common))),
    ).rejects.toThrow(/p.jsonl:2: no prompt leaves room/);
  });

  test("a reward model with another tokenizer reads the text", { tags: ["dear"] }, async () => {
    const other = byteTokenizer();
    const foreign = { ...encoder, tokenizer: { ...other, fingerprint: "another" } };
    const [theirs, ours] = [
      await run([{ name: "judge", model: judge(), encoder: foreign }]),
      await run([{ name: "judge", model: judge(), encoder }]),
    ];
    expect(warningsOf(theirs)).toContain("reward-tokenizer");
    expect(warningsOf(ours)).not.toContain("reward-tokenizer");
  });

  test("ensembles and weights", { tags: ["dear"] }, async () => {
    const { combineRewards } = await import("../rollout/rewards.ts");
    const options = {
      rewardWeights: [],
      rewardCombine: "weighted",
      rewardUncertainty: 2,
      rewardNormalise: "auto",
      rewardClip: 0,
    } as const;
    expect(combineRewards([1, 3], { ...options, rewardWeights: [2, 0.5] })).toBe(3.5);
    expect(combineRewards([1, 3], { ...options, rewardCombine: "mean" })).toBe(2);
    expect(combineRewards([1, 3], { ...options, rewardCombine: "min" })).toBe(1);
    expect(combineRewards([1, 3], { ...options, rewardCombine: "uncertainty" })).toBe(0);
    const events = await run(
      [
        { name: "a", model: judge(), encoder },
        { name: "b", model: judge(4), encoder },
        { name: "c", reward: manyLetters },
      ],
      {},
      { rewardCombine: "uncertainty" },
    );
    expect(Number.isFinite(stepsOf(events)[0]!["objective/scores"])).toBe(true);
  });
});

test("options that have no effect, or contradict each other, are refused", () => {
  expect(() => resolveConfig("ppo", { ...common, kl: { target: 3 } })).toThrow(/kl.target/);
  expect(() => resolveConfig("ppo", { ...common, guard: "stop" })).toThrow(
    /only used with heldOutReward/,
  );
  expect(() => resolveConfig("ppo", { ...common, miniBatches: 3 })).toThrow(/divisor of batchSize/);
  expect(() => resolveConfig("ppo", { ...common, dualClip: 0.5 })).toThrow(/dualClip/);
  expect(() => resolveConfig("ppo", { ...common, reward: ["a", "b"], rewardWeights: [1] })).toThrow(
    /1 weights for 2 rewards/,
  );
  expect(() => resolveConfig("ppo", { ...common, reward: [] })).toThrow(/reward/);
});
