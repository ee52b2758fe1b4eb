/**
 * Proximal policy optimisation from a reward, with four roles: actor, reference, reward and critic.
 *
 * One step: 1. roll out; 2. score at the stop token; 3. log-probabilities of policy and reference,
 * and values; 4. rewards of tokens; 5. generalised advantages; 6. whitening; 7. epochs of
 * minibatches for the actor; 8. the same for the critic;
 * 9. the KL controller; 10. metrics.
 *
 * Source: Schulman et al. 2017; Ziegler et al. 2019; Stiennon et al. 2020; Ouyang et al. 2022; TRL
 * 0.24's ppo_trainer.py.
 * Differences from TRL: 1. the score stands at the stop token itself, and nothing is read from
 * padding; 2. actor and critic are networks of their own with an optimiser each, so they are
 * updated one after the other and share memory;
 * 3. old log-probabilities come from the forward pass that training uses, never from decoding; 4.
 * the first minibatch of a run must have ratio 1, or the run ends; 5. the scale of the reward is
 * measured on answers of the reference.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { float32 } from "../../core/tensor.ts";
import type { DemonstrationRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import {
  explainedVariance,
  generalisedAdvantages,
  tokenRewards,
  whiten,
} from "../../objectives/advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { adaptKlCoefficient, k2 } from "../../objectives/kl.ts";
import type { PolicyObjective, ValueObjective } from "../../objectives/ppo.ts";
import { policyObjective, valueObjective } from "../../objectives/ppo.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { EncodedExample } from "../../text/encoder.ts";
import { EncodingReport } from "../offline/encoding.ts";
import { groupByLength, joinRows, layExample } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { itemsOfStep } from "../passes.ts";
import type { PolicyInput, PolicyMemory, ReadRollouts, Update } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  constant,
  entropyOf,
  logRatiosOf,
  movesOf,
  perRead,
  sum,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { ppoConfig } from "./ppo.config.ts";
import { RewardModelSource } from "../rollout/rewards.ts";
import { openCritic } from "../rollout/roles.ts";
import type { Memory, RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import { joinReads, readByAnswer } from "../rollout/rollout.ts";
import { PhasePlan, Trainee } from "../trainee.ts";

export type PpoConfig = ConfigOf<typeof ppoConfig>;

export interface PpoInput extends PolicyInput {
  /** Demonstrations for PPO-ptx. */
  demonstrations?: readonly DemonstrationRecord[];
}

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

/** Trains, and yields what happens. */
export async function* ppo(
  input: PpoInput,
  config: PpoConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  const method = new PpoMethod(input, config, context.signal);
  checkCriticWarmup(method.totalSteps, config);
  yield* rolloutLoop(method, config, context);
}

/** A roll-out with everything that the updates read. Arrays of one value a token, by answer. */
interface Experience extends ReadRollouts {
  values: readonly Float64Array[];
  advantages: readonly Float64Array[];
  returns: readonly Float64Array[];
}

interface PpoMemory extends PolicyMemory {
  klCoefficient: number;
}

class PpoMethod extends PolicyMethod<PpoConfig, PolicyObjective, PpoInput> {
  readonly name = "ppo";
  private klCoefficient = this.config.kl.coef;
  private critic: { trainee: Trainee<ValueObjective>; offset: number } | undefined;
  private ptx: PhasePlan<SftObjective> | undefined;
  /** Of PPO-ptx. */
  private readonly demonstrations = encodeDemonstrations(this.input, this.config);

  protected objective(): PolicyObjective {
    return policyObjective(this.config);
  }

  protected override get trainees(): readonly Trainee[] {
    return [this.actor, this.critic!.trainee];
  }

  override memory(): PpoMemory {
    return { ...super.memory(), klCoefficient: this.klCoefficient };
  }

  override async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    if (memory) this.klCoefficient = (memory as PpoMemory).klCoefficient;
    return super.prepare(memory);
  }

  /** One roll-out and its updates. */
  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score at the stop token; 3. log-probabilities and values.
    const read = await this.collect(step);
    if (!read) return undefined;
    const values = await this.readValues(read);
    if (this.signal?.aborted) return undefined;
    // 4. Rewards of tokens.
    const logRatios = logRatiosOf(read);
    const rewards = logRatios.map((ratios, i) =>
      tokenRewards(ratios, read.scores[i]!, this.klCoefficient),
    );
    // 5. Generalised advantages.
    const used = this.config.whitenRewards ? whiten(rewards, { keepMean: true }) : rewards;
    const estimates = used.map((each, i) => generalisedAdvantages(each, values[i]!, this.config));
    // 6. Whitening.
    const experience: Experience = {
      ...read,
      values,
      advantages: whiten(estimates.map(({ advantages }) => advantages)),
      returns: estimates.map(({ returns }) => returns),
    };
    // 7. The actor's updates; in the critic's warm-up there are none.
    const actorUpdates =
      step < this.config.critic.warmupSteps ? [] : await this.updatePolicy(experience, step);
    await this.actor.phase.release();
    await this.ptx?.release();
    // 8. The critic's updates.
    const criticUpdates = await this.updateCritic(experience, step);
    await this.critic!.trainee.phase.release();
    // 9. The KL controller; 10. metrics.
    const metrics = {
      ...this.rolloutMetrics(experience),
      ...updateMetrics(actorUpdates),
      ...updateMetrics(criticUpdates),
      "critic/lr": this.rate(this.config.critic.learningRate, step),
    };
    const result = this.finish(read, step, metrics);
    this.adaptKl(result.metrics["objective/kl"]!, read.rollouts.length);
    return result;
  }

  override async close(): Promise<void> {
    await Promise.all([super.close(), this.critic?.trainee.close(), this.ptx?.close()]);
  }

  protected override adviseBeforeStart(): ReturnType<PolicyMethod<PpoConfig>["adviseBeforeStart"]> {
    const free =
      this.config.kl.coef === 0
        ? [
            {
              id: "no-kl-penalty",
              message:
                "kl.coef is 0: nothing holds the policy near the reference, and it will find " +
                "what the reward overrates",
            },
          ]
        : [];
    return [...super.adviseBeforeStart(), ...this.demonstrations.report.warnings, ...free];
  }

  protected override async openOthers(): Promise<void> {
    const { config } = this;
    const { start, offset } = this.criticStart();
    const trainee = await Trainee.create("critic", openCritic(start, config), {
      choice: config,
      optimizer: config,
      objective: valueObjective(config),
      reads: "scores",
    });
    this.critic = { trainee, offset };
    const { model, trainable } = this.actorRole;
    // Demonstrations are learned at temperature 1, at which SFT reads them.
    if (config.ptx.coef > 0)
      this.ptx = new PhasePlan(
        { model, trainable, reads: "tokens", objective: sftObjective },
        config,
      );
  }

  /**
   * The reward model's network predicts (score - mean) / deviation at the last token from the first
   * step on.
   */
  private criticStart(): { start: { model: Model; scale: number }; offset: number } {
    const wanted = this.config.critic.start;
    const index =
      wanted === "policy"
        ? -1
        : this.rewards.sources.findIndex(
            (source) => source instanceof RewardModelSource && source.sameTokens,
          );
    if (index < 0) {
      if (wanted === "reward")
        throw new AttuneError("config", "the critic cannot start as a reward model", {
          got: "no reward model that reads the policy's tokens",
          expected: "critic.start policy",
        });
      const { scoreHead: _, ...model } = this.input.model;
      return { start: { model, scale: 1 }, offset: 0 };
    }
    const { mean, deviation } = this.rewards.scales[index]!;
    const weight = this.config.rewardWeights[index] ?? 1;
    return {
      start: {
        model: (this.rewards.sources[index] as RewardModelSource).model,
        scale: weight / deviation,
      },
      offset: (-weight * mean) / deviation,
    };
  }

  private async readValues({ rows }: ReadRollouts): Promise<Float64Array[]> {
    const { trainee, offset } = this.critic!;
    const values: Float64Array[] = [];
    for (const batch of this.batches(rows, [...rows.keys()]))
      readByAnswer((await trainee.phase.plan.score(batch.laid.batch)).readout, batch, values);
    await trainee.phase.release();
    return values.map((each) => each.map((value) => value + offset));
  }

  private updatePolicy(experience: Experience, step: number): Promise<Update[]> {
    const { old, reference, advantages } = experience;
    return this.updateActor(experience, step, {
      epochs: this.config.ppoEpochs,
      earlyStopKl: this.config.earlyStopKl,
      inputs: (batch, { tokens }) => ({
        oldLogps: perRead(joinReads(old, batch)),
        advantages: perRead(joinReads(advantages, batch)),
        weight: perRead(constant(batch, 1 / tokens)),
        reference: perRead(joinReads(reference, batch)),
      }),
      measure: (results, batches) => policyUpdate(results, batches, this.config),
      addGradients: () => this.addDemonstrations(this.actor.optimizer.steps),
    });
  }

  /** Adds the gradients of the SFT loss (PPO-ptx) to those of an update. */
  private async addDemonstrations(update: number): Promise<Update | undefined> {
    const { ptx } = this;
    const { encoder } = this.input;
    if (!ptx) return undefined;
    const { batchSize, coef } = this.config.ptx;
    const examples = itemsOfStep(this.demonstrations.examples, update, {
      batchSize,
      seed: this.config.seed,
      epochs: Infinity,
    }).map(layExample);
    const tokens = examples.reduce((total, { reads }) => total + reads.length, 0);
    let loss = 0;
    for (const group of groupByLength(
      examples,
      ({ ids }) => ids.length,
      this.config.microBatchTokens,
    )) {
      const { batch } = joinRows(group, { padId: encoder.padId });
      const slope = new Float32Array(batch.selected.data.length).fill(-coef / tokens);
      loss += (await ptx.plan.step(batch, { slope: float32([slope.length], slope) })).loss;
    }
    return { "loss/ptx_avg": loss / coef };
  }

  private async updateCritic(experience: Experience, step: number): Promise<Update[]> {
    const { trainee, offset } = this.critic!;
    // The network predicts the value less the offset, so its targets are less the offset too.
    const shifted = (arrays: readonly Float64Array[]): Float64Array[] =>
      arrays.map((each) => each.map((value) => value - offset));
    const [old, returns] = [shifted(experience.values), shifted(experience.returns)];
    const updates: Update[] = [];
    for (let epoch = 0; epoch < this.config.ppoEpochs; epoch++) {
      for (const members of this.minibatches(old.length, step, epoch)) {
        const tokens = members.reduce((total, member) => total + old[member]!.length, 0);
        const inputs = this.batches(experience.rows, members).map(
          (batch): MicroBatch<ValueObjective> => ({
            batch: batch.laid.batch,
            tokens: batch.laid.tokens,
            inputs: {
              oldValues: perRead(joinReads(old, batch)),
              returns: perRead(joinReads(returns, batch)),
              weight: perRead(constant(batch, 1 / tokens)),
            },
          }),
        );
        const results = await trainee.gradients(inputs);
        const update = valueUpdate(results, inputs, this.config);
        const norm = await trainee.update(this.rate(this.config.critic.learningRate, step), {
          step: step + 1,
          loss: update["loss/value_avg"]!,
        });
        updates.push({ ...update, "critic/grad_norm": norm });
      }
    }
    return updates;
  }

  private adaptKl(observed: number, answers: number): void {
    const { controller, target, horizon } = this.config.kl;
    if (controller === "adaptive")
      this.klCoefficient = adaptKlCoefficient(
        this.klCoefficient,
        { observed, answers },
        { target, horizon },
      );
  }

  private rolloutMetrics({ scores, values, returns, ...read }: Experience): Metrics {
    const penalty = -this.klCoefficient * mean(logRatiosOf(read).map(sum));
    return {
      "objective/kl_coef": this.klCoefficient,
      "objective/non_score_reward": penalty,
      "objective/rlhf_reward": mean(scores) + penalty,
      "val/explained_variance": explainedVariance(
        values.flatMap((each) => [...each]),
        returns.flatMap((each) => [...each]),
      ),
    };
  }
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

/** Token means of one update of the actor. */
function policyUpdate(
  results: readonly StepResult<PolicyObjective>[],
  batches: readonly MicroBatch<PolicyObjective>[],
  config: PpoConfig,
): Update {
  const { losses, ratio, clipped } = evaluateStep(policyObjective(config), results, batches);
  return {
    "loss/policy_avg": mean(losses),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}

/** Token means of one update of the critic. */
function valueUpdate(
  results: readonly StepResult<ValueObjective>[],
  batches: readonly MicroBatch<ValueObjective>[],
  config: PpoConfig,
): Update {
  const { losses, clipped } = evaluateStep(valueObjective(config), results, batches);
  return { "loss/value_avg": mean(losses), "val/clipfrac_avg": mean(clipped) };
}
