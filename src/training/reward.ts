/**
 * Bradley-Terry reward models: a scalar head at the last token of each answer (Ouyang et al. 2022, section 3.5).
 *
 * 1. answers of one prompt that appear in several pairs are scored once; 2. scores at the stop token; 3. loss and
 * gradients; 4. metrics; 5. held-out pairs; 6. the mean and deviation of held-out rewards are kept with the checkpoint,
 * so that whoever uses the model can normalise its rewards.
 *
 * Head initialised from N(0, 1 / (d + 1)) (Stiennon et al. 2020). Over-long pairs are cut at the prompt's beginning,
 * the same for both answers, and keep their stop token; TRL leaves such pairs out.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../core/random.ts";
import { float32, int64 } from "../core/tensor.ts";
import type { PreferenceRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { parameterCount } from "../models/model.ts";
import { saveTrained } from "../models/save.ts";
import { plainRewardLoss, rewardObjective } from "../objectives/reward.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { Metrics, TrainingEvent } from "../runs/events.ts";
import { mean } from "../stats/intervals.ts";
import type { Encoder } from "../text/encoder.ts";
import type { LaidRow } from "./layout.ts";
import { groupByLength, joinRows, layShared } from "./layout.ts";
import type { LoopContext, MicroBatch } from "./loop.ts";
import { trainingLoop } from "./loop.ts";
import { choosePlan, openForTraining } from "./prepare.ts";
import type { rewardConfig } from "./reward.config.ts";

export type RewardConfig = ConfigOf<typeof rewardConfig>;

export interface RewardInput {
  model: Model;
  encoder: Encoder;
  train: readonly PreferenceRecord[];
  heldOut: readonly PreferenceRecord[];
}

interface Comparison {
  /** Answers of the group, by index. */
  chosen: number;
  rejected: number;
  p: number;
  margin: number;
}

/** One prompt with all its answers in one row, and the pairs among them. */
interface Group {
  row: LaidRow;
  pairs: Comparison[];
}

/** 1. Pairs that share their prompt and lie next to each other in one cluster become one group. */
function encodeGroups(records: readonly PreferenceRecord[], encoder: Encoder, useMargin: boolean): Group[] {
  const groups = new Map<string, { prompt: Int32Array; answers: Map<string, { ids: Int32Array; index: number }>; pairs: Comparison[] }>();
  records.forEach((record, index) => {
    const { prompt, chosen, rejected } = encoder.encodePair(record.prompt, record.chosen, record.rejected, record.place);
    const key = record.cluster === undefined ? `row ${index}` : `${record.cluster} ${prompt.join(",")}`;
    const group = groups.get(key) ?? { prompt, answers: new Map<string, { ids: Int32Array; index: number }>(), pairs: [] as Comparison[] };
    groups.set(key, group);
    const place = (ids: Int32Array): number => {
      const text = ids.join(",");
      const known = group.answers.get(text) ?? { ids, index: group.answers.size };
      group.answers.set(text, known);
      return known.index;
    };
    group.pairs.push({ chosen: place(chosen), rejected: place(rejected), p: record.p, margin: useMargin ? (record.margin ?? 0) : 0 });
  });
  return [...groups.values()].map(({ prompt, answers, pairs }) => ({ row: readAtEnds(layShared(prompt, [...answers.values()].map(({ ids }) => ids)), prompt.length), pairs }));
}

/** 2. Reads each answer once, at its last token. */
function readAtEnds(row: LaidRow, promptLength: number): LaidRow {
  const ends = new Map<number, number>();
  for (let i = promptLength; i < row.ids.length; i++) ends.set(row.branchStart[i]!, i);
  return { ...row, reads: [...ends.values()].map((end, sequence) => ({ row: end, target: 0, sequence })) };
}

/** Gives a model a fresh scalar head. */
export function addScoreHead(model: Model, seed: number): void {
  const size = model.config.hiddenSize;
  model.scoreHead = float32([1, size], Random.for(seed, "score head").fillNormal(new Float32Array(size), 1 / Math.sqrt(size + 1)));
}

/** Trains, and yields what happens; the model holds the result. */
export async function* rewardModel(input: RewardInput, config: RewardConfig, context: LoopContext = {}): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const groups = encodeGroups(input.train, encoder, config.margin);
  const held = encodeGroups(input.heldOut, encoder, config.margin);
  if (!model.scoreHead) addScoreHead(model, config.seed);
  const trainable = openForTraining(model, config);
  const plan = choosePlan({ model, reads: "scores", objective: rewardObjective(config), trainable }, config);
  let normalisation = { mean: 0, deviation: 1 };

  const toBatch = (members: readonly Group[], scale: number): MicroBatch => {
    const { batch, tokens } = joinRows(members.map(({ row }) => row), { padId: encoder.padId, window: model.config.slidingWindow });
    let offset = 0;
    const pairs = members.flatMap(({ row, pairs: comparisons }) => {
      const start = offset;
      offset += row.sequences;
      return comparisons.map((pair) => ({ ...pair, chosen: start + pair.chosen, rejected: start + pair.rejected }));
    });
    const count = [pairs.length];
    const inputs = {
      chosen: int64(count, pairs.map((pair) => pair.chosen)),
      rejected: int64(count, pairs.map((pair) => pair.rejected)),
      p: float32(count, pairs.map((pair) => pair.p)),
      margin: float32(count, pairs.map((pair) => pair.margin)),
      scale: float32(count, pairs.map(() => scale)),
    };
    return { batch, inputs, tokens };
  };
  const microBatches = (items: readonly Group[]): MicroBatch[] => {
    const pairs = items.reduce((total, group) => total + group.pairs.length, 0);
    return groupByLength(items, ({ row }) => row.ids.length, config.microBatchTokens).map((members) => toBatch(members, 1 / pairs));
  };

  yield* trainingLoop(
    {
      name: "reward",
      items: groups,
      plan,
      trainable,
      totalParameters: parameterCount(model.family, model.config) + (model.adapter ? trainable.values.length : model.config.hiddenSize),
      watch: "eval_loss",
      // 3.
      microBatches,
      // 4.
      metrics: (results) => rewardMetrics(results.flatMap(({ metrics }) => pairsOf(metrics["chosen"]!.data as Float32Array, metrics["rejected"]!.data as Float32Array))),
      // 5.
      ...(held.length === 0 ? {} : {
        evaluate: async () => {
          const pairs: [number, number][] = [];
          const losses: number[] = [];
          for (const { batch, inputs } of microBatches(held)) {
            const { readout } = await plan.score(batch);
            inputs["chosen"]!.data.forEach((row, index) => {
              const [chosen, rejected] = [readout[Number(row)]!, readout[Number(inputs["rejected"]!.data[index])]!];
              pairs.push([chosen, rejected]);
              losses.push(plainRewardLoss({ chosen, rejected, p: inputs["p"]!.data[index] as number, margin: inputs["margin"]!.data[index] as number }, config));
            });
          }
          normalisation = meanAndDeviation(pairs.flat());
          return { metrics: prefixed({ loss: mean(losses), ...rewardMetrics(pairs) }), examples: pairs.length };
        },
      }),
      // 6.
      save: async (folder) => {
        await saveTrained(model, encoder, folder);
        await writeFile(join(folder, "reward_normalisation.json"), `${JSON.stringify(normalisation)}\n`);
      },
    },
    config,
    context,
  );
}

const pairsOf = (chosen: Float32Array, rejected: Float32Array): [number, number][] => Array.from(chosen, (value, index) => [value, rejected[index]!]);
const prefixed = (metrics: Metrics): Metrics => Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]));

function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const average = mean(values);
  const variance = mean(values.map((value) => (value - average) ** 2));
  return { mean: average, deviation: Math.sqrt(variance) || 1 };
}

function rewardMetrics(pairs: readonly (readonly [number, number])[]): Metrics {
  const all = pairs.flat();
  return {
    accuracy: mean(pairs.map(([chosen, rejected]) => (chosen > rejected ? 1 : 0))),
    margin: mean(pairs.map(([chosen, rejected]) => chosen - rejected)),
    min_reward: Math.min(...all),
    mean_reward: mean(all),
    max_reward: Math.max(...all),
  };
}
