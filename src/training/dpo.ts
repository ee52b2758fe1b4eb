/**
 * Direct preference optimisation and its relatives (Rafailov et al. 2023; losses in objectives/preference.ts).
 *
 * 1. encode each pair once, prompt shared; 2. lay pairs out as prompt, chosen, rejected in one row; 3. log-probabilities
 * of the reference, by switching the adapter off, remembered per pair; 4. loss and gradients; 5. metrics; 6. held-out
 * pairs, with intervals beside the longest-wins and shortest-wins baselines.
 *
 * Differences from TRL: the prompt is computed once for both answers; dropout does not exist; the reference of a full
 * fine-tuning run is computed before the first step instead of keeping a second model.
 */
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import type { PreferenceRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { parameterCount } from "../models/model.ts";
import { saveTrained } from "../models/save.ts";
import { pairObjective } from "../objectives/pairs.ts";
import type { PreferenceLoss } from "../objectives/preference.ts";
import { PREFERENCE_LOSS_TABLE } from "../objectives/preference.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { Metrics, TrainingEvent } from "../runs/events.ts";
import { mean } from "../stats/intervals.ts";
import type { Encoder } from "../text/encoder.ts";
import type { dpoConfig } from "./dpo.config.ts";
import type { LaidBatch, LaidRow } from "./layout.ts";
import { groupByLength, joinRows, layShared } from "./layout.ts";
import type { LoopContext, MicroBatch } from "./loop.ts";
import { trainingLoop } from "./loop.ts";
import { choosePlan, openForTraining } from "./prepare.ts";

export type DpoConfig = ConfigOf<typeof dpoConfig>;

export interface DpoInput {
  model: Model;
  encoder: Encoder;
  train: readonly PreferenceRecord[];
  heldOut: readonly PreferenceRecord[];
}

interface Pair {
  /** Index into the remembered reference values. */
  index: number;
  row: LaidRow;
  chosenTokens: number;
  rejectedTokens: number;
  p: number;
}

/** 1, 2. */
function encodePairs(records: readonly PreferenceRecord[], encoder: Encoder, first: number): Pair[] {
  return records.map((record, index) => {
    const { prompt, chosen, rejected } = encoder.encodePair(record.prompt, record.chosen, record.rejected, record.place);
    return { index: first + index, row: layShared(prompt, [chosen, rejected]), chosenTokens: chosen.length, rejectedTokens: rejected.length, p: record.p };
  });
}

/** Sums of the read log-probabilities by sequence. */
function sumBySequence(readout: Float32Array, sequences: HostTensor<"int64">, count: number): Float32Array {
  const sums = new Float64Array(count);
  sequences.data.forEach((sequence, read) => (sums[Number(sequence)]! += readout[read]!));
  return Float32Array.from(sums);
}

/** Trains, and yields what happens; the model holds the result. */
export async function* dpo(input: DpoInput, config: DpoConfig, context: LoopContext = {}): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const losses = config.loss.map((type, index) => ({ type, weight: config.lossWeights[index] ?? 1 }));
  const needsReference = config.loss.some((type) => (PREFERENCE_LOSS_TABLE[type] as PreferenceLoss).reference);
  const pairs = encodePairs(input.train, encoder, 0);
  const held = encodePairs(input.heldOut, encoder, pairs.length);
  const trainable = openForTraining(model, config);
  const plan = choosePlan({ model, reads: "tokens", objective: pairObjective(losses, config), trainable }, config);

  // 3. NaN marks a pair whose reference has not been computed.
  const reference = new Float32Array(2 * (pairs.length + held.length)).fill(needsReference ? NaN : 0);
  const remember = async (group: readonly Pair[], { batch, sequenceOfRead }: LaidBatch): Promise<void> => {
    if (group.every(({ index }) => !Number.isNaN(reference[2 * index]))) return;
    const { readout } = await plan.score(batch, { adapter: false });
    const sums = sumBySequence(readout, sequenceOfRead, 2 * group.length);
    group.forEach(({ index }, i) => reference.set(sums.subarray(2 * i, 2 * i + 2), 2 * index));
  };
  const layOut = (group: readonly Pair[]): LaidBatch => joinRows(group.map(({ row }) => row), { padId: encoder.padId, window: model.config.slidingWindow });
  const groups = (items: readonly Pair[]): Pair[][] => groupByLength(items, ({ row }) => row.ids.length, config.microBatchTokens);

  // Full fine-tuning changes what the reference was, so all of it is computed first.
  if (config.adapter === "none" && needsReference && !context.run?.resumedFrom) {
    for (const group of groups([...pairs, ...held])) await remember(group, layOut(group));
  }

  const microBatch = async (group: readonly Pair[], scale: number, chosenTokens: number): Promise<MicroBatch> => {
    const laid = layOut(group);
    await remember(group, laid);
    const sides = (pick: (pair: Pair) => readonly [number, number]): HostTensor => float32([group.length, 2], group.flatMap(pick));
    const sftSlope = Float32Array.from(laid.sequenceOfRead.data, (sequence) => (sequence % 2n === 0n ? -config.sftWeight / chosenTokens : 0));
    const inputs = {
      sequence: laid.sequenceOfRead,
      reference: sides(({ index }) => [reference[2 * index]!, reference[2 * index + 1]!]),
      lengths: sides((pair) => [pair.chosenTokens, pair.rejectedTokens]),
      p: float32([group.length], group.map(({ p }) => p)),
      scale: float32([group.length], group.map(() => scale)),
      sftSlope: float32([sftSlope.length], sftSlope),
    };
    return { batch: laid.batch, inputs, tokens: laid.tokens };
  };

  yield* trainingLoop(
    {
      name: "dpo",
      items: pairs,
      plan,
      trainable,
      totalParameters: parameterCount(model.family, model.config) + (model.adapter ? trainable.values.length : 0),
      extraState: { reference },
      watch: "eval_loss",
      // 4.
      async microBatches(items) {
        const chosenTokens = items.reduce((total, pair) => total + pair.chosenTokens, 0);
        const batches: MicroBatch[] = [];
        for (const group of groups(items)) batches.push(await microBatch(group, 1 / items.length, chosenTokens));
        return batches;
      },
      // 5.
      metrics: (results, batches) => pairMetrics(results.map(({ metrics }) => metrics["logps"]!.data as Float32Array), batches.map(({ inputs }) => inputs["reference"]!.data as Float32Array), config.beta),
      // 6.
      ...(held.length === 0 ? {} : {
        evaluate: async () => {
          const logps: Float32Array[] = [];
          const references: Float32Array[] = [];
          const order: Pair[] = [];
          for (const group of groups(held)) {
            const laid = layOut(group);
            await remember(group, laid);
            logps.push(sumBySequence((await plan.score(laid.batch)).readout, laid.sequenceOfRead, 2 * group.length));
            references.push(Float32Array.from(group.flatMap(({ index }) => [reference[2 * index]!, reference[2 * index + 1]!])));
            order.push(...group);
          }
          return { metrics: evaluationMetrics(order, logps, references, config, losses), examples: order.length };
        },
      }),
      save: (folder) => saveTrained(model, encoder, folder),
    },
    config,
    context,
  );
}

/** TRL's names; every one a mean over the pairs of the step. */
function pairMetrics(logps: readonly Float32Array[], references: readonly Float32Array[], beta: number): Metrics {
  const rows = flattenPairs(logps, references);
  const margins = rows.map(({ chosen, rejected }) => beta * (chosen.ratio - rejected.ratio));
  return {
    "rewards/chosen": mean(rows.map(({ chosen }) => beta * chosen.ratio)),
    "rewards/rejected": mean(rows.map(({ rejected }) => beta * rejected.ratio)),
    "rewards/margins": mean(margins),
    "rewards/accuracies": mean(margins.map((margin) => (margin > 0 ? 1 : 0))),
    "logps/chosen": mean(rows.map(({ chosen }) => chosen.logp)),
    "logps/rejected": mean(rows.map(({ rejected }) => rejected.logp)),
  };
}

interface Side {
  logp: number;
  reference: number;
  ratio: number;
}

function flattenPairs(logps: readonly Float32Array[], references: readonly Float32Array[]): { chosen: Side; rejected: Side }[] {
  return logps.flatMap((values, batch) => {
    const side = (index: number): Side => {
      const reference = references[batch]![index]!;
      return { logp: values[index]!, reference, ratio: values[index]! - reference };
    };
    return Array.from({ length: values.length / 2 }, (_, pair) => ({ chosen: side(2 * pair), rejected: side(2 * pair + 1) }));
  });
}

function evaluationMetrics(order: readonly Pair[], logps: readonly Float32Array[], references: readonly Float32Array[], config: DpoConfig, losses: readonly { type: DpoConfig["loss"][number]; weight: number }[]): Metrics {
  const rows = flattenPairs(logps, references);
  const loss = mean(
    rows.map(({ chosen, rejected }, index) => {
      const { chosenTokens, rejectedTokens, p } = order[index]!;
      const terms = { chosen: chosen.logp, rejected: rejected.logp, referenceChosen: chosen.reference, referenceRejected: rejected.reference, chosenTokens, rejectedTokens, p };
      return losses.reduce((total, { type, weight }) => total + weight * (PREFERENCE_LOSS_TABLE[type] as PreferenceLoss).plain(terms, config), 0);
    }),
  );
  const plain = pairMetrics(logps, references, config.beta);
  return { eval_loss: loss, ...Object.fromEntries(Object.entries(plain).map(([name, value]) => [`eval_${name}`, value])) };
}

/** Share of pairs that "the longer answer wins" (by tokens) would get right; ties count half. */
export function longestWins(lengths: readonly (readonly [chosen: number, rejected: number])[]): number {
  return mean(lengths.map(([chosen, rejected]) => (chosen > rejected ? 1 : chosen === rejected ? 0.5 : 0)));
}

