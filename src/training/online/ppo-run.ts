/**
 * What a PPO run works with beside its policy: the critic and what it starts as, and demonstrations
 * for PPO-ptx.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { float32 } from "../../core/tensor.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Model } from "../../models/model.ts";
import type { Method } from "../loop.ts";
import type { PolicyObjective, ValueObjective } from "../../objectives/ppo.ts";
import { valueObjective } from "../../objectives/ppo.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { EncodedExample } from "../../text/encoder.ts";
import { PlanOnDemand } from "../choose-plan.ts";
import { EncodingReport } from "../encoding.ts";
import { groupByLength, joinRows, layExample } from "../layout.ts";
import { itemsOfStep } from "../passes.ts";
import type { Update } from "../rollout/phases.ts";
import type { Besides, Policy, PolicyInput, PolicyState } from "../rollout/policy.ts";
import { policyMethod, preparePolicy } from "../rollout/policy.ts";
import { RewardModelSource } from "../rollout/rewards.ts";
import { criticHead, scaleScoreHead } from "../rollout/roles.ts";
import { Trainee } from "../trainee.ts";
import type { ppoConfig } from "./ppo.config.ts";

export type PpoConfig = ConfigOf<typeof ppoConfig>;

export type PpoInput = PolicyInput & Pick<Besides, "demonstrations">;

/**
 * @throws AttuneError `config` where the critic would learn alone in every roll-out
 */
export function checkCriticWarmup(
  totalSteps: number,
  { critic: { warmupSteps } }: Pick<PpoConfig, "critic">,
): void {
  if (warmupSteps < totalSteps) return;
  throw new AttuneError(
    "config",
    "the policy would never be trained: in every roll-out of this run the critic learns alone",
    {
      got: `critic.warmupSteps ${warmupSteps} and ${countOf(totalSteps, "roll-out")}`,
      expected: "fewer warm-up steps than roll-outs",
      hint: "--critic-warmup-steps 0, more prompts or --epochs, or a smaller --batch-size",
    },
  );
}

/** Refuses what cannot be trained. */
export function checkPpo(
  { totalSteps, rewards }: Pick<Policy, "totalSteps" | "rewards">,
  input: PpoInput,
  config: PpoConfig,
): void {
  checkCriticWarmup(totalSteps, config);
  criticStart({ rewards, config, input });
  if (config.ptx.coef > 0 && !input.demonstrations?.length)
    throw new AttuneError("config", "there are no demonstrations to mix in", {
      got: `ptx.coef ${config.ptx.coef}`,
      expected: "demonstrations, or ptx.coef 0",
    });
}

/** What a run works with. */
export interface PpoRun {
  policy: Policy<PpoConfig, PolicyObjective>;
  critic: Trainee<ValueObjective>;
  /** Index of the reward model that the critic starts as; undefined where it starts as the policy. */
  criticReward: number | undefined;
  /** Added to what the critic's network predicts. */
  valueOffset: number;
  /** The policy under the SFT loss, for PPO-ptx. */
  ptx: PlanOnDemand<SftObjective> | undefined;
  demonstrations: ReturnType<typeof encodeDemonstrations>;
  klCoefficient: number;
}

/** Small state of a checkpoint. */
export interface PpoState extends PolicyState {
  klCoefficient: number;
}

export async function openPpo(policy: PpoRun["policy"], input: PpoInput): Promise<PpoRun> {
  const { actor, config } = policy;
  const { model, reward } = criticStart(policy);
  const critic = await Trainee.open(
    { ...model, scoreHead: criticHead(model) },
    {
      name: "critic",
      config,
      adapterSeed: Random.for(config.seed, "critic").bits(),
      reads: "scores",
      objective: valueObjective(config),
    },
  );
  // Demonstrations are learned at temperature 1, at which SFT reads them.
  const { model: trained, trainable } = actor;
  const request = { model: trained, trainable, reads: "tokens", objective: sftObjective } as const;
  return {
    policy,
    critic,
    criticReward: reward,
    valueOffset: 0,
    ptx: config.ptx.coef > 0 ? new PlanOnDemand(request, config) : undefined,
    demonstrations: encodeDemonstrations(input, config),
    klCoefficient: config.kl.coef,
  };
}

/** The network that the critic starts as: a reward model's, or the policy's. */
function criticStart({
  rewards,
  config,
  input,
}: Pick<PpoRun["policy"], "rewards" | "config" | "input">): {
  model: Model;
  reward: number | undefined;
} {
  const { start } = config.critic;
  const fits = (source: unknown): source is RewardModelSource =>
    source instanceof RewardModelSource && source.sameTokens;
  const index = start === "policy" ? -1 : rewards.sources.findIndex(fits);
  if (index >= 0)
    return { model: (rewards.sources[index] as RewardModelSource).model, reward: index };
  if (start === "reward")
    throw new AttuneError("config", "the critic cannot start as a reward model", {
      got: "no reward model that reads the policy's tokens",
      expected: "critic.start policy",
    });
  const { scoreHead: _, ...model } = input.model;
  return { model, reward: undefined };
}

async function preparePpo(run: PpoRun, kept: PpoState | undefined) {
  const { policy, demonstrations } = run;
  const advice = [...demonstrations.report.warnings];
  if (policy.config.kl.coef === 0)
    advice.push({
      id: "no-kl-penalty",
      message:
        "kl.coef is 0: nothing holds the policy near the reference, and it will find what the " +
        "reward overrates",
    });
  const warnings = await preparePolicy(policy, kept, advice);
  if (kept) run.klCoefficient = kept.klCoefficient;
  startCritic(run, kept === undefined);
  return warnings;
}

/**
 * A critic that starts as a reward model predicts (score - mean) / deviation at the last token from
 * the first step on: its head is scaled, and the rest is an offset.
 */
function startCritic(run: PpoRun, fresh: boolean): void {
  const { critic, criticReward: index, policy } = run;
  if (index === undefined) return;
  const { mean: average, deviation } = policy.rewards.scales[index]!;
  const weight = policy.config.rewardWeights[index] ?? 1;
  run.valueOffset = (-weight * average) / deviation;
  // A checkpoint holds the head as it is.
  if (!fresh) return;
  scaleScoreHead(critic.trainable, weight / deviation);
}

/** Adds the gradients of the SFT loss (PPO-ptx) to those of an update. */
export async function addDemonstrations(
  { policy, ptx, demonstrations }: PpoRun,
  update: number,
): Promise<Update | undefined> {
  if (!ptx) return undefined;
  const { encoder } = policy.input;
  const { seed, microBatchTokens } = policy.config;
  const { batchSize, coef } = policy.config.ptx;
  const passes = { batchSize, seed, epochs: Infinity };
  const examples = itemsOfStep(demonstrations.examples, update, passes).map(layExample);
  const tokens = examples.reduce((total, { reads }) => total + reads.length, 0);
  const layout = { padId: encoder.padId };
  let loss = 0;
  for (const group of groupByLength(examples, ({ ids }) => ids.length, microBatchTokens)) {
    const { batch } = joinRows(group, layout);
    const slope = new Float32Array(batch.selected.data.length).fill(-coef / tokens);
    loss += (await ptx.plan.step(batch, { slope: float32([slope.length], slope) })).loss;
  }
  return { "loss/ptx_avg": loss / coef };
}

function encodeDemonstrations(
  { encoder, demonstrations = [] }: PpoInput,
  config: PpoConfig,
): { examples: EncodedExample[]; report: EncodingReport } {
  const report = new EncodingReport(encoder, config);
  const rows = config.ptx.coef > 0 ? demonstrations : [];
  return {
    examples: report
      .encodeAll(rows, (record) =>
        encoder.encodeDemonstration(
          record.prompt,
          record.completion,
          { loss: "completion" },
          record,
        ),
      )
      .map(({ encoded }) => encoded),
    report,
  };
}

/** @param step one roll-out and its updates */
export function ppoMethod(run: PpoRun, step: Method["step"]): Method {
  const { policy, critic, ptx } = run;
  const base = policyMethod(policy, "ppo");
  return {
    ...base,
    trainees: [policy.actor, critic],
    step,
    state: (): PpoState => ({ ...base.state(), klCoefficient: run.klCoefficient }),
    prepare: (kept) => preparePpo(run, kept as PpoState | undefined),
    async close() {
      await Promise.all([base.close(), ptx?.close()]);
    },
  };
}
