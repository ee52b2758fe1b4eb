/**
 * Rejection-sampling fine-tuning (RAFT): the policy answers, a reward chooses, and the policy
 * imitates what was chosen; again and again.
 *
 * One step: 1. roll out; 2. score; 3. choose; 4. passes of minibatches over the chosen answers with
 * the loss of SFT; 5. metrics. At the end all that was chosen is written as demonstrations, for SFT
 * of another model or from the start.
 *
 * Source: Dong et al. 2023 (arXiv 2304.06767, RAFT); Touvron et al. 2023 (Llama 2), section 3.2.3.
 * Difference: 1. the likelihood that is learned is the one at the temperature of sampling, as
 * everywhere in roll-outs; at the default of 1 it is the model's own.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chooseAnswers } from "../../objectives/choices.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { Completion, Prompt } from "../../text/messages.ts";
import { answerTo } from "../../text/messages.ts";
import type { LoopContext } from "../loop.ts";
import { Moves } from "../rollout/moves.ts";
import type { PolicyInput, PolicyMemory, ReadRollouts, Update } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  constant,
  groupMetrics,
  perRead,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { rejectionSamplingConfig } from "./rejection-sampling.config.ts";
import type { Memory, RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import { joinReads } from "../rollout/rollout.ts";

export type RejectionSamplingConfig = ConfigOf<typeof rejectionSamplingConfig>;

/** Trains, and yields what happens. */
export async function* rejectionSampling(
  input: PolicyInput,
  config: RejectionSamplingConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new RejectionSamplingMethod(input, config, context.signal), config, context);
}

/** A line of `answers/chosen.jsonl` in the run folder; `attune sft` reads them. */
interface ChosenAnswer {
  prompt: Prompt;
  completion: Completion;
  /** From 1, and the reward by which it was chosen. */
  extra: { step: number; reward: number };
}

interface ChoosingMemory extends PolicyMemory {
  chosen: ChosenAnswer[];
}

class RejectionSamplingMethod extends PolicyMethod<RejectionSamplingConfig, SftObjective> {
  readonly name = "rejection-sampling";
  readonly results = {
    answers: (folder: string) =>
      writeFile(
        join(folder, "chosen.jsonl"),
        this.chosen.map((line) => `${JSON.stringify(line)}\n`).join(""),
      ),
  };
  private chosen: ChosenAnswer[] = [];

  protected objective(): SftObjective {
    return sftObjective;
  }

  override memory(): ChoosingMemory {
    return { ...super.memory(), chosen: this.chosen };
  }

  override async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    if (memory) this.chosen = (memory as ChoosingMemory).chosen;
    return super.prepare(memory);
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score.
    const read = await this.collect(step);
    if (!read) return undefined;
    // 3. Choose.
    const chosen = chooseAnswers(read.scores, this.config);
    this.chosen = [
      ...this.chosen,
      ...chosen.map((answer) => this.demonstration(read, answer, step)),
    ];
    // 4. Updates.
    const updates = chosen.length === 0 ? [] : await this.imitate(chosen, read, step);
    await this.actor.phase.release();
    // 5. Metrics.
    const kept =
      chosen.length > 0
        ? { "objective/kept_scores": mean(chosen.map((answer) => read.scores[answer]!)) }
        : {};
    const warnings =
      chosen.length > 0
        ? []
        : [
            {
              id: "nothing-kept",
              message:
                `nothing was learned from roll-out ${step + 1}: ` +
                `${this.config.keep === "threshold" ? `no answer has a reward of ${this.config.threshold} or more; a lower threshold, or keep best` : "all answers to each prompt have the same reward; other prompts, a finer reward, more samples or a higher temperature"}`,
            },
          ];
    return this.finish(
      read,
      step,
      {
        ...groupMetrics(read.scores, this.config.samples),
        "objective/kept_share": chosen.length / read.scores.length,
        ...kept,
        ...updateMetrics(updates),
      },
      warnings,
    );
  }

  private demonstration(
    { rollouts, scores }: ReadRollouts,
    answer: number,
    step: number,
  ): ChosenAnswer {
    const { prompt, text } = rollouts[answer]!;
    return {
      prompt: prompt.record.prompt,
      completion: answerTo(prompt.record.prompt, text),
      extra: { step: step + 1, reward: scores[answer]! },
    };
  }

  private imitate(chosen: readonly number[], read: ReadRollouts, step: number): Promise<Update[]> {
    const [rows, old] = [
      chosen.map((answer) => read.rows[answer]!),
      chosen.map((answer) => read.old[answer]!),
    ];
    const moves = new Moves();
    return this.updateActor({ ...read, rows, old }, step, {
      epochs: this.config.iterations,
      inputs: (batch, { tokens }) =>
        moves.remember({ slope: perRead(constant(batch, -1 / tokens)) }, joinReads(old, batch)),
      measure: (results, batches) => ({
        loss: results.reduce((total, { loss }) => total + loss, 0),
        ...moves.measure(results, batches),
      }),
    });
  }
}
