/**
 * Bradley-Terry reward models: a scalar head at the last token of each answer (Ouyang et al. 2022,
 * section 3.5).
 *
 * 1. answers of one prompt go into one row, each computed once, whatever number of pairs it is in;
 * 2. scores at the stop token;
 * 3. loss and gradients: every pair of a prompt counts 1 / (pairs of the prompt), so that every
 *    prompt counts the same;
 * 4. metrics;
 * 5. held-out pairs, kept with the result;
 * 6. the mean and deviation of held-out rewards are kept with the checkpoint, so that whoever uses
 *    the model can normalise its rewards.
 *
 * Head initialised from N(0, 1 / (d + 1)) (Stiennon et al. 2020). Over-long rows are cut as
 * everywhere (text/truncation.ts), the prompt the same for all its answers; an answer that lost its
 * end is scored where it was cut. TRL leaves such pairs out, and knows pairs only.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../../core/random.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32, int64 } from "../../core/tensor.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import { evaluatorOf } from "../../objectives/evaluate.ts";
import type { RewardObjective } from "../../objectives/reward.ts";
import { rewardObjective } from "../../objectives/reward.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean, meanAndDeviation } from "../../stats/intervals.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { keepRows, resultOf, trainingLoop, warn } from "../loop.ts";
import { itemsOfStep, placeOf, totalSteps } from "../passes.ts";
import { evaluationNames } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import { ONLY, Trainee } from "../trainee.ts";
import type { DataTrainer } from "../trainer.ts";
import type { HeldOutPair } from "./held-out.ts";
import type { rewardConfig } from "./reward.config.ts";
import { LastEvaluation, scoreOf, writeHeldOut } from "./held-out.ts";
import { RowBatches } from "./row-batches.ts";
import type { RewardConfig, RewardInput, Group, EncodedGroups } from "./reward-groups.ts";
import { encodeReward } from "./reward-groups.ts";

/** A scalar head [1, d] from N(0, 1 / (d + 1)). */
export function freshScoreHead(model: Model, seed: number): HostTensor<"float32"> {
  const size = model.config.hiddenSize;
  const data = new Float32Array(size);
  const deviation = 1 / Math.sqrt(size + 1);
  return float32([1, size], Random.for(seed, "score head").fillNormal(data, deviation));
}

export const trainer: DataTrainer<typeof rewardConfig, PreferenceRecord> = {
  train: rewardModel,
  encode: encodeReward,
  learned: () => "score",
  accuracy: "accuracy",
};

/** Trains, yields what happens, and returns what was trained. */
export async function* rewardModel(
  input: RewardInput,
  config: RewardConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const encoded = encodeReward(input, config);
  for (const warning of encoded.report.warnings) yield warn(warning, context);
  keepRows(encoded.examples, context);
  const run = await openReward(input, encoded, { config, context });
  const method = rewardMethod(run, input);
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** What a run works with. */
interface RewardRun {
  config: RewardConfig;
  groups: readonly Group[];
  held: readonly Group[];
  trainee: Trainee<RewardObjective>;
  batches: RowBatches<Group>;
}

async function openReward(
  { model, encoder }: RewardInput,
  { examples: groups, held }: EncodedGroups,
  { config, context }: { config: RewardConfig; context: TrainingContext },
): Promise<RewardRun> {
  const lengths = [...groups, ...held].map(({ row }) => row.ids.length);
  const scoreHead = model.scoreHead ?? freshScoreHead(model, config.seed);
  const trainee = await Trainee.open(
    { ...model, scoreHead },
    {
      name: ONLY,
      config,
      adapterSeed: config.seed,
      takesModel: context.takesModel,
      reads: "scores",
      objective: rewardObjective(config),
      longestRow: lengths.reduce((most, length) => Math.max(most, length), 0),
    },
  );
  const batches = new RowBatches<Group>({
    padId: encoder.padId,
    microBatchTokens: config.microBatchTokens,
    lengthOf: ({ row }) => row.ids.length,
    rowOf: ({ row }) => row,
  });
  return { config, groups, held, trainee, batches };
}

function rewardMethod(run: RewardRun, { encoder }: RewardInput): Method {
  const { config, groups, held, trainee } = run;
  const evaluated = new LastEvaluation(() => readHeld(run));
  return {
    name: "reward",
    trainees: [trainee],
    totalSteps: totalSteps(groups.length, config),
    examples: groups.length,
    choosesBest: true,
    async step(index) {
      const items = itemsOfStep(groups, index, config);
      // 3.
      const batches = await microBatches(run, items);
      const place = placeOf(index, groups.length, config);
      const { results, outcome } = await trainee.learn(batches, place);
      // 4.
      const pairs = results.flatMap((result, i) => scoredPairs(result, batches[i]!));
      return { ...outcome, metrics: { ...outcome.metrics, ...rewardMetrics(pairs) } };
    },
    // 5.
    ...(held.length === 0
      ? {}
      : {
          async evaluate(step) {
            const { pairs, loss } = await evaluated.at(step);
            const metrics = evaluationNames({ loss, ...rewardMetrics(pairs) });
            return { metrics, examples: pairs.length, score: scoreOf(metrics, "eval_loss") };
          },
          finish: async (step) => void (await evaluated.at(step)),
        }),
    // 6.
    async save(folder) {
      await saveTrained(trainee.model, encoder, folder);
      const { pairs, scores } = evaluated.last ?? { pairs: [], scores: [] };
      const scale = `${JSON.stringify(scaleOf(scores))}\n`;
      await writeFile(join(folder, "reward_normalisation.json"), scale);
      if (pairs.length > 0) await writeHeldOut(folder, pairs);
    },
  };
}

/**
 * Every pair of a prompt counts 1 / (pairs of the prompt), and every prompt of the step the same.
 */
function microBatches(
  { batches }: RewardRun,
  items: readonly Group[],
): Promise<MicroBatch<RewardObjective>[]> {
  return batches.forTraining<RewardObjective>(items, (members) => {
    let offset = 0;
    const pairs = members.flatMap(({ row, pairs: comparisons }) => {
      const start = offset;
      offset += row.sequences;
      return comparisons.map((pair) => ({
        ...pair,
        chosen: start + pair.chosen,
        rejected: start + pair.rejected,
        scale: 1 / (comparisons.length * items.length),
      }));
    });
    const count = [pairs.length] as const;
    const answers = (side: "chosen" | "rejected") =>
      int64(
        count,
        pairs.map((pair) => pair[side]),
      );
    const numbers = (name: "p" | "margin" | "scale") =>
      float32(
        count,
        pairs.map((pair) => pair[name]),
      );
    return {
      chosen: answers("chosen"),
      rejected: answers("rejected"),
      p: numbers("p"),
      margin: numbers("margin"),
      scale: numbers("scale"),
    };
  });
}

/**
 * Scores held-out answers: every pair in the order of the data, every answer once, and the loss.
 */
async function readHeld({
  config,
  held,
  trainee,
  batches,
}: RewardRun): Promise<{ pairs: HeldOutPair[]; scores: number[]; loss: number }> {
  const pairs = new Map<Group, HeldOutPair[]>();
  const scores: number[] = [];
  const evaluate = evaluatorOf(rewardObjective(config));
  let loss = 0;
  await batches.read(held, trainee.plan, (members, { readout }) => {
    scores.push(...readout);
    let start = 0;
    for (const group of members) {
      const { row, pairs: comparisons, lengths, cluster } = group;
      const read = comparisons.map(({ chosen, rejected, p }) => ({
        chosen: readout[start + chosen]!,
        rejected: readout[start + rejected]!,
        p,
        chosenLength: lengths[chosen]!,
        rejectedLength: lengths[rejected]!,
        cluster,
      }));
      pairs.set(group, read);
      const { values } = evaluate(readout.subarray(start, start + row.sequences), {
        chosen: comparisons.map(({ chosen }) => chosen),
        rejected: comparisons.map(({ rejected }) => rejected),
        p: comparisons.map(({ p }) => p),
        margin: comparisons.map(({ margin }) => margin),
        scale: comparisons.map(() => 1 / comparisons.length),
      });
      loss += mean(values.losses) / held.length;
      start += row.sequences;
    }
  });
  return { pairs: held.flatMap((group) => pairs.get(group)!), scores, loss };
}

interface ScoredPair {
  chosen: number;
  rejected: number;
  p: number;
}

function scoredPairs(
  { metrics: { chosen, rejected } }: StepResult<RewardObjective>,
  { inputs: { p } }: MicroBatch<RewardObjective>,
): ScoredPair[] {
  return Array.from(chosen.data, (value, index) => ({
    chosen: value,
    rejected: rejected.data[index]!,
    p: p.data[index]!,
  }));
}

/** 0 and 1, which change nothing, where there is nothing to measure. */
function scaleOf(values: readonly number[]): { mean: number; deviation: number } {
  if (values.length === 0) return { mean: 0, deviation: 1 };
  const { mean: average, deviation } = meanAndDeviation(values);
  return { mean: average, deviation: deviation || 1 };
}

/** A pair labelled 0.5 has no right order and does not count for accuracy. */
function rewardMetrics(pairs: readonly ScoredPair[]): Metrics {
  const all = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  const decided = pairs.filter(({ p }) => p !== 0.5);
  return {
    ...(decided.length === 0
      ? {}
      : {
          accuracy: mean(
            decided.map(({ chosen, rejected, p }) =>
              (p > 0.5 ? chosen > rejected : rejected > chosen) ? 1 : 0,
            ),
          ),
        }),
    margin: mean(pairs.map(({ chosen, rejected }) => chosen - rejected)),
    min_reward: Math.min(...all),
    mean_reward: mean(all),
    max_reward: Math.max(...all),
  };
}
