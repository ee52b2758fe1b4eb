/**
 * Rejection-sampling fine-tuning (RAFT): the policy answers, a reward chooses, and the policy
 * imitates what was chosen; again and again.
 *
 * One step:
 * 1. roll out;
 * 2. score;
 * 3. choose;
 * 4. passes of minibatches over the chosen answers with the loss of SFT;
 * 5. metrics.
 * At the end all that was chosen is written as demonstrations, for SFT of another model or from the
 * start.
 *
 * Source: Dong et al. 2023 (arXiv 2304.06767, RAFT); Touvron et al. 2023 (Llama 2), section 3.2.3.
 * Difference: 1. the likelihood that is learned is the one at the temperature of sampling, as
 * everywhere in roll-outs; at the default of 1 it is the model's own.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import { chooseAnswers } from "../../objectives/choices.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { Completion, Prompt } from "../../text/messages.ts";
import { answerTo } from "../../text/messages.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import type { ReadRollouts, Update } from "../rollout/phases.ts";
import { readLogProbabilities, rollOut, score, updatePolicy, watch } from "../rollout/phases.ts";
import {
  distanceFromOld,
  groupMetrics,
  scoreMetrics,
  updateMetrics,
} from "../rollout/update-metrics.ts";
import { constant, perRead } from "../rollout/rollout.ts";
import type { Policy, PolicyInput, PolicyState } from "../rollout/policy.ts";
import { openPolicy, policyMethod, preparePolicy } from "../rollout/policy.ts";
import type { StepOutcome, Warning } from "../step.ts";
import type { AnswersTrainer } from "../trainer.ts";
import type { rejectionSamplingConfig } from "./rejection-sampling.config.ts";

export type RejectionSamplingConfig = ConfigOf<typeof rejectionSamplingConfig>;

export const trainer: AnswersTrainer<typeof rejectionSamplingConfig> = { train: rejectionSampling };

/** Trains, yields what happens, and returns the policy. */
export async function* rejectionSampling(
  input: PolicyInput,
  config: RejectionSamplingConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const policy = await openPolicy(input, config, { objective: sftObjective, context });
  const method = choosingMethod({ policy, chosen: [] });
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** A line of `answers/chosen.jsonl` in the run folder; `attune sft` reads them. */
interface ChosenAnswer {
  prompt: Prompt;
  completion: Completion;
  /** From 1, and the reward by which it was chosen. */
  extra: { step: number; reward: number };
}

/** What a run works with. */
interface ChoosingRun {
  policy: Policy<RejectionSamplingConfig, SftObjective>;
  /** Of all steps so far. */
  chosen: readonly ChosenAnswer[];
}

/** Small state of a checkpoint. */
interface ChoosingState extends PolicyState {
  chosen: readonly ChosenAnswer[];
}

function choosingMethod(run: ChoosingRun): Method {
  const base = policyMethod(run.policy, "rejection-sampling");
  const writeChosen = (folder: string): Promise<void> => {
    const lines = run.chosen.map((line) => `${JSON.stringify(line)}\n`);
    return writeFile(join(folder, "chosen.jsonl"), lines.join(""));
  };
  return {
    ...base,
    step: (index) => choosingStep(run, index),
    state: (): ChoosingState => ({ ...base.state(), chosen: run.chosen }),
    prepare(kept) {
      const state = kept as ChoosingState | undefined;
      if (state) run.chosen = state.chosen;
      return preparePolicy(run.policy, state);
    },
    results: { answers: writeChosen },
  };
}

/** One roll-out and its updates. */
async function choosingStep(run: ChoosingRun, index: number): Promise<StepOutcome | undefined> {
  const { policy } = run;
  const { config } = policy;
  // 1. Roll out.
  const rollouts = await rollOut(policy, index);
  if (!rollouts) return undefined;
  // 2. Score.
  const read = await readLogProbabilities(policy, await score(policy, rollouts));
  if (!read) return undefined;
  // 3. Choose.
  const chosen = chooseAnswers(read.scores, config);
  run.chosen = [...run.chosen, ...chosen.map((answer) => demonstration(read, answer, index))];
  // 4. Updates.
  const updates = chosen.length === 0 ? [] : await imitate(policy, { chosen, read }, index);
  await policy.actor.release();
  // 5. Metrics.
  const kept = (): number => mean(chosen.map((answer) => read.scores[answer]!));
  const own = {
    ...scoreMetrics(read.scores),
    ...groupMetrics(read.scores, config.samples),
    "objective/kept_share": chosen.length / read.scores.length,
    ...(chosen.length > 0 ? { "objective/kept_scores": kept() } : {}),
    ...updateMetrics(updates),
  };
  const warnings = chosen.length > 0 ? [] : [nothingKept(config, index)];
  return watch(policy, read, index, { own, warnings });
}

function nothingKept({ keep, threshold }: RejectionSamplingConfig, index: number): Warning {
  const reason =
    keep === "threshold"
      ? `no answer has a reward of ${threshold} or more; a lower threshold, or keep best`
      : "all answers to each prompt have the same reward; other prompts, a finer reward, more " +
        "samples or a higher temperature";
  return {
    id: "nothing-kept",
    message: `nothing was learned from roll-out ${index + 1}: ${reason}`,
  };
}

function demonstration(
  { rollouts, scores }: ReadRollouts,
  answer: number,
  index: number,
): ChosenAnswer {
  const { prompt, text } = rollouts[answer]!;
  return {
    prompt: prompt.record.prompt,
    completion: answerTo(prompt.record.prompt, text),
    extra: { step: index + 1, reward: scores[answer]! },
  };
}

function imitate(
  policy: ChoosingRun["policy"],
  { chosen, read }: { chosen: readonly number[]; read: ReadRollouts },
  index: number,
): Promise<Update[]> {
  const rows = chosen.map((answer) => read.rows[answer]!);
  const old = chosen.map((answer) => read.old[answer]!);
  return updatePolicy(policy, { rows, old }, index, {
    epochs: policy.config.iterations,
    inputs: (batch, { tokens }) => ({ slope: perRead(constant(batch, -1 / tokens)) }),
    measure: (results, batches) => ({
      loss: results.reduce((total, { loss }) => total + loss, 0),
      ...distanceFromOld(results, batches, old),
    }),
  });
}
