/**
 * Direct preference optimisation and its relatives (Rafailov et al. 2023; losses in
 * objectives/preference.ts).
 *
 * 1. encode each pair once, prompt shared;
 * 2. lay pairs out as prompt, chosen, rejected in one row;
 * 3. log-probabilities of the reference (reference.ts), each computed once;
 * 4. loss and gradients;
 * 5. metrics;
 * 6. held-out pairs, kept with the result.
 *
 * Differences from TRL: the prompt is computed once for both answers; dropout does not exist; the
 * SFT term is normalised by the tokens of the whole optimiser step.
 */
import { float32 } from "../../core/tensor.ts";
import type { ConfigOf } from "../../config/config.ts";
import { likelierAsChosen } from "../../data/judgements.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { PairObjective } from "../../objectives/pairs.ts";
import { pairObjective, sequencesPerPair } from "../../objectives/pairs.ts";
import { PREFERENCE_LOSS_TABLE } from "../../objectives/preference.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { EncodedPair, Encoder } from "../../text/encoder.ts";
import type { LaidBatch, LaidRow } from "../layout.ts";
import { layShared, sumBySequence, withPromptReads } from "../layout.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { keepRows, resultOf, trainingLoop, warn } from "../loop.ts";
import { itemsOfStep, itemsSeen, placeOf, totalSteps } from "../passes.ts";
import type { MicroBatch } from "../trainee.ts";
import { ONLY, Trainee } from "../trainee.ts";
import type { dpoConfig } from "./dpo.config.ts";
import type { ReadPair } from "../pair-metrics.ts";
import {
  evaluationMetrics,
  lossWeights,
  pairMetrics,
  readPairs,
  rewardsOf,
} from "../pair-metrics.ts";
import { EncodingReport } from "../encoding.ts";
import type { DataTrainer } from "../trainer.ts";
import { pairLabels } from "./pair-labels.ts";
import { LastEvaluation, promptCluster, scoreOf, writeHeldOut } from "./held-out.ts";
import type { Reference } from "./reference.ts";
import { openReference, ReferenceTable } from "./reference.ts";
import { RowBatches } from "./row-batches.ts";

export type DpoConfig = ConfigOf<typeof dpoConfig>;

export interface DpoInput {
  model: Model;
  encoder: Encoder;
  train: readonly PreferenceRecord[];
  heldOut: readonly PreferenceRecord[];
}

interface Pair {
  /** Row of the reference table. */
  index: number;
  row: LaidRow;
  /** Tokens that are summed. */
  chosenTokens: number;
  rejectedTokens: number;
  /** Tokens that the SFT term reads. */
  sftTokens: number;
  p: number;
  cluster: string;
}

interface EncodedPairs {
  examples: Pair[];
  held: Pair[];
  report: EncodingReport;
}

/** Whether the SFT term reads prompts too. */
const readsPrompts = ({
  sftWeight,
  sftTokens,
}: Pick<DpoConfig, "sftWeight" | "sftTokens">): boolean => sftWeight > 0 && sftTokens === "full";

/** 1, 2. */
export function encodeDpo(
  { encoder, train, heldOut }: Omit<DpoInput, "model">,
  config: DpoConfig,
): EncodedPairs {
  const report = new EncodingReport(encoder, config);
  const { usable, notes } = pairLabels([...train, ...heldOut], config.loss);
  report.tellToo(notes);
  const encode = (records: readonly PreferenceRecord[], first: number): Pair[] =>
    report
      .encodeAll(records.filter(usable).map(likelierAsChosen), (record) => [
        encoder.encodePair(record.prompt, record.chosen, record.rejected, record),
      ])
      .map(({ record, encoded }, index) =>
        toPair(record, encoded, { index: first + index, withPrompt: readsPrompts(config) }),
      );
  const examples = encode(train, 0);
  return { examples, held: encode(heldOut, examples.length), report };
}

function toPair(
  record: PreferenceRecord,
  { prompt, chosen, rejected, supervised }: EncodedPair,
  { index, withPrompt }: { index: number; withPrompt: boolean },
): Pair {
  const row = layShared(prompt, [chosen, rejected], supervised);
  const [chosenTokens, rejectedTokens] = supervised.map(countOf) as [number, number];
  return {
    index,
    row: withPrompt ? withPromptReads(row, prompt.length) : row,
    chosenTokens,
    rejectedTokens,
    sftTokens: chosenTokens + (withPrompt ? prompt.length - 1 : 0),
    p: record.p,
    cluster: promptCluster(record),
  };
}

export const trainer: DataTrainer<typeof dpoConfig, PreferenceRecord> = {
  train: dpo,
  encode: encodeDpo,
  accuracy: "rewards/accuracies",
};

/** Trains, yields what happens, and returns what was trained. */
export async function* dpo(
  input: DpoInput,
  config: DpoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const encoded = encodeDpo(input, config);
  for (const warning of encoded.report.warnings) yield warn(warning, context);
  keepRows(encoded.examples, context);
  const run = await openDpo(input, encoded, { config, context });
  const method = dpoMethod(run, input);
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** What a run works with. */
interface DpoRun {
  config: DpoConfig;
  pairs: readonly Pair[];
  held: readonly Pair[];
  trainee: Trainee<PairObjective>;
  table: ReferenceTable;
  /** Undefined for losses without one. */
  reference: Reference | undefined;
  batches: RowBatches<Pair>;
  /** Sequences that are read of one pair. */
  columns: number;
}

async function openDpo(
  { model, encoder }: DpoInput,
  { examples: pairs, held }: EncodedPairs,
  { config, context }: { config: DpoConfig; context: TrainingContext },
): Promise<DpoRun> {
  const withPrompt = readsPrompts(config);
  const trainee = await Trainee.open(model, {
    name: ONLY,
    config,
    adapterSeed: config.seed,
    takesModel: context.takesModel && config.reference !== "copy",
    reads: "tokens",
    objective: pairObjective(lossWeights(config), config, { withPrompt }),
  });
  // 3.
  const all = [...pairs, ...held];
  const rows = {
    count: all.length,
    sequences: sequencesPerPair({ withPrompt }),
    lengthOf: (index: number) => all[index]!.row.ids.length,
    lay: (index: number) => all[index]!.row,
  };
  const layout = {
    padId: encoder.padId,
    microBatchTokens: config.microBatchTokens,
  };
  const needsReference = config.loss.some((type) => PREFERENCE_LOSS_TABLE[type].reference);
  const wanted = [...itemsSeen(pairs, config), ...held].map(({ index }) => index);
  const reference = needsReference
    ? openReference({ rows, wanted }, { start: model, trainee, encoder }, { config, context })
    : undefined;
  const table = reference?.table ?? ReferenceTable.without(rows, layout);
  const batches = new RowBatches<Pair>({
    ...layout,
    lengthOf: ({ row }) => row.ids.length,
    rowOf: ({ row }) => row,
    before: async (members, laid) =>
      reference?.ensure(
        members.map(({ index }) => index),
        laid,
      ),
  });
  return { config, pairs, held, trainee, table, reference, batches, columns: rows.sequences };
}

function dpoMethod(run: DpoRun, { encoder }: DpoInput): Method {
  const { config, pairs, held, trainee, table, reference } = run;
  const evaluated = new LastEvaluation(() => readHeld(run));
  return {
    name: "dpo",
    trainees: [trainee],
    totalSteps: totalSteps(pairs.length, config),
    examples: pairs.length,
    tensors: { reference: table.values },
    choosesBest: true,
    // A checkpoint holds what is known of the reference.
    prepare: async (kept) => (kept ? [] : ((await reference?.prepare()) ?? [])),
    async step(index) {
      const items = itemsOfStep(pairs, index, config);
      // 4.
      const batches = await microBatches(run, items);
      const place = placeOf(index, pairs.length, config);
      const { results, outcome } = await trainee.learn(batches, place);
      // 5.
      return { ...outcome, metrics: { ...outcome.metrics, ...metricsOf(run, results, batches) } };
    },
    // 6.
    ...(held.length === 0
      ? {}
      : {
          async evaluate(step) {
            const { pairs: read, nll } = await evaluated.at(step);
            const metrics = evaluationMetrics(read, config, nll);
            return { metrics, examples: read.length, score: scoreOf(metrics, "eval_loss") };
          },
          finish: async (step) => void (await evaluated.at(step)),
        }),
    async save(folder) {
      await saveTrained(trainee.model, encoder, folder);
      const read = evaluated.last?.pairs ?? [];
      if (read.length > 0)
        await writeHeldOut(
          folder,
          read.map((pair) => heldOutPair(pair, config)),
        );
    },
    close: async () => reference?.close(),
  };
}

const heldOutPair = (pair: ReadHeldPair, config: DpoConfig) => ({
  ...rewardsOf(pair, config),
  chosenLength: pair.chosenTokens,
  rejectedLength: pair.rejectedTokens,
  p: pair.p,
  cluster: pair.cluster,
});

function microBatches(
  { batches, config, table, columns }: DpoRun,
  items: readonly Pair[],
): Promise<MicroBatch<PairObjective>[]> {
  const scale = 1 / items.length;
  const sftTokens = items.reduce((total, pair) => total + pair.sftTokens, 0);
  const sftSlope = -config.sftWeight / sftTokens;
  return batches.forTraining<PairObjective>(items, (members, { sequenceOfRead }) => {
    const sides = (pick: (pair: Pair) => readonly [number, number]) =>
      float32([members.length, 2], members.flatMap(pick));
    const slope = Float32Array.from(sequenceOfRead.data, (sequence) =>
      Number(sequence) % columns === 1 ? 0 : sftSlope,
    );
    return {
      sequence: sequenceOfRead,
      reference: sides(({ index }) => pairOf(table.of(index))),
      lengths: sides((pair) => [pair.chosenTokens, pair.rejectedTokens]),
      p: float32(
        [members.length],
        members.map(({ p }) => p),
      ),
      scale: float32(
        [members.length],
        members.map(() => scale),
      ),
      sftSlope: float32([slope.length], slope),
    };
  });
}

function metricsOf(
  { config, columns }: DpoRun,
  results: readonly StepResult<PairObjective>[],
  batches: readonly MicroBatch<PairObjective>[],
) {
  const pairs = results.flatMap(({ metrics }, i) => {
    const { reference, lengths, p } = batches[i]!.inputs;
    return readPairs(metrics.logps.data, {
      reference: reference.data,
      lengths: lengths.data,
      p: p.data,
      columns,
    });
  });
  const sftTerm = results.reduce(
    (total, { readout }, i) =>
      total +
      batches[i]!.inputs.sftSlope.data.reduce(
        (sum, slope, read) => sum + slope * readout[read]!,
        0,
      ),
    0,
  );
  return pairMetrics(pairs, config, config.sftWeight > 0 ? sftTerm / config.sftWeight : undefined);
}

type ReadHeldPair = ReadPair & { cluster: string };

/** Reads held-out pairs; `nll` is the mean over the tokens that the SFT term reads. */
async function readHeld({
  held,
  trainee,
  table,
  batches,
  columns,
}: DpoRun): Promise<{ pairs: ReadHeldPair[]; nll: number }> {
  const pairs = new Map<Pair, ReadHeldPair>();
  let sft = 0;
  await batches.read(held, trainee.plan, (members, { readout }, laid: LaidBatch) => {
    const logps = sumBySequence(readout, laid.sequenceOfRead, columns * members.length);
    members.forEach((pair, i) => {
      const { index, chosenTokens, rejectedTokens, p, cluster } = pair;
      const [chosen, rejected] = pairOf(logps.subarray(columns * i));
      const [referenceChosen, referenceRejected] = pairOf(table.of(index));
      pairs.set(pair, {
        chosen,
        rejected,
        referenceChosen,
        referenceRejected,
        chosenTokens,
        rejectedTokens,
        p,
        cluster,
      });
      sft -= chosen + (columns > 2 ? logps[columns * i + 2]! : 0);
    });
  });
  const tokens = held.reduce((total, { sftTokens }) => total + sftTokens, 0);
  return { pairs: held.map((pair) => pairs.get(pair)!), nll: sft / tokens };
}

const countOf = (labels: Uint8Array): number => labels.reduce((total, label) => total + label, 0);

/** The values of chosen and rejected. */
const pairOf = (values: Float32Array): [number, number] => [values[0]!, values[1]!];
