/**
 * KTO (Ethayarajh et al. 2024): answers that are desirable or not, without pairs
 * (objectives/kto.ts).
 *
 * 1. encode;
 * 2. partners: each prompt is read with the answer of the row before it in the step, for the KL
 *    term;
 * 3. log-probabilities of the reference (reference.ts), each computed once;
 * 4. z0 of the whole step, without gradient, then loss and gradients of every micro-batch with that
 *    z0;
 * 5. metrics;
 * 6. held-out answers.
 *
 * Source: TRL's kto_trainer.py.
 * Differences:
 * 1. z0 is of the whole optimiser step, so micro-batches give the loss of the whole batch (TRL
 *    takes one for each micro-batch);
 * 2. where the row before has the same prompt, as in data made of pairs, the nearest one before
 *    with another prompt is taken, since an answer to the same prompt is no mismatch;
 * 3. on held-out data z0 is of all of it.
 */
import { float32 } from "../../core/tensor.ts";
import type { UnpairedRecord } from "../../data/records.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import { evaluatorOf } from "../../objectives/evaluate.ts";
import type { KtoObjective } from "../../objectives/kto.ts";
import { ktoObjective, ktoReferencePoint } from "../../objectives/kto.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import { sumBySequence } from "../layout.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { keepRows, resultOf, trainingLoop, warn } from "../loop.ts";
import { examplesRead, itemsOfRun, itemsOfStep, placeOf, totalSteps } from "../passes.ts";
import type { Warning } from "../step.ts";
import { evaluationNames } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import { ONLY, Trainee } from "../trainee.ts";
import type { DataTrainer } from "../trainer.ts";
import { scoreOf } from "./held-out.ts";
import type { ktoConfig } from "./kto.config.ts";
import type { Reference } from "./reference.ts";
import { openReference } from "./reference.ts";
import { RowBatches } from "./row-batches.ts";
import type { KtoConfig, KtoInput, Answer, EncodedAnswers } from "./kto-rows.ts";
import { encodeKto, Rows } from "./kto-rows.ts";

export const trainer: DataTrainer<typeof ktoConfig, UnpairedRecord> = {
  train: kto,
  encode: encodeKto,
};

/** Trains, yields what happens, and returns what was trained. */
export async function* kto(
  input: KtoInput,
  config: KtoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const { examples: answers, held, report } = encodeKto(input, config);
  const warnings = [...report.warnings, ...adviseOnBalance(answers, config)];
  if (examplesRead(answers.length, config) % config.batchSize === 1)
    warnings.push({
      id: "kto-lone-answer",
      message:
        "the last step holds one answer alone, whose prompt no other answer is read with: its KL " +
        "term is 0",
    });
  for (const warning of warnings) yield warn(warning, context);
  keepRows(answers, context);
  const run = await openKto(input, { examples: answers, held }, { config, context });
  const method = ktoMethod(run, input);
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** What a run works with. */
interface KtoRun {
  config: KtoConfig;
  answers: readonly Answer[];
  held: readonly Answer[];
  trainee: Trainee<KtoObjective>;
  rows: Rows;
  reference: Reference;
  batches: RowBatches<PlacedRow>;
}

/** A row by its index, and its place among those that are read with it: it may be there twice. */
interface PlacedRow {
  row: number;
  place: number;
}

const placed = (rows: readonly number[]): PlacedRow[] => rows.map((row, place) => ({ row, place }));

async function openKto(
  { model, encoder }: KtoInput,
  { examples: answers, held }: Pick<EncodedAnswers, "examples" | "held">,
  { config, context }: { config: KtoConfig; context: TrainingContext },
): Promise<KtoRun> {
  const trainee = await Trainee.open(model, {
    name: ONLY,
    config,
    adapterSeed: config.seed,
    takesModel: context.takesModel && config.reference !== "copy",
    reads: "tokens",
    objective: ktoObjective(config),
  });
  // 3.
  const rows = new Rows([...answers, ...held], encoder.maxLength);
  const wanted = rowsOfRun(rows, { examples: answers, held }, config);
  const parts = { start: model, trainee, encoder };
  const reference = openReference({ rows, wanted }, parts, { config, context });
  const batches = new RowBatches<PlacedRow>({
    padId: encoder.padId,
    microBatchTokens: config.microBatchTokens,
    lengthOf: ({ row }) => rows.lengthOf(row),
    rowOf: ({ row }) => rows.lay(row),
    before: (members, laid) =>
      reference.ensure(
        members.map(({ row }) => row),
        laid,
      ),
  });
  return { config, answers, held, trainee, rows, reference, batches };
}

/** Rows that a run reads: its answers, and the prompts with their partners' completions. */
function rowsOfRun(
  rows: Rows,
  { examples: answers, held }: Pick<EncodedAnswers, "examples" | "held">,
  config: KtoConfig,
): number[] {
  const order = itemsOfRun(answers, config);
  const wanted = new Set([...order, ...held].map(({ index }) => index));
  for (let start = 0; start < order.length; start += config.batchSize)
    for (const row of rows.addPartners(order.slice(start, start + config.batchSize)))
      wanted.add(row);
  for (const row of rows.addPartners(held)) wanted.add(row);
  return [...wanted];
}

function ktoMethod(run: KtoRun, { encoder }: KtoInput): Method {
  const { config, answers, held, trainee, reference } = run;
  return {
    name: "kto",
    trainees: [trainee],
    totalSteps: totalSteps(answers.length, config),
    examples: answers.length,
    tensors: { reference: reference.table.values },
    choosesBest: true,
    // A checkpoint holds what is known of the reference.
    prepare: async (kept) => (kept ? [] : reference.prepare()),
    async step(index) {
      const items = itemsOfStep(answers, index, config);
      // 4.
      const z0 = await referencePoint(run, items);
      const batches = await microBatches(run, items, z0);
      const place = placeOf(index, answers.length, config);
      const { results, outcome } = await trainee.learn(batches, place);
      // 5.
      const metrics = ktoMetrics(readAnswers(results, batches), { beta: config.beta, z0 });
      return { ...outcome, metrics: { ...outcome.metrics, ...metrics } };
    },
    // 6.
    ...(held.length === 0
      ? {}
      : {
          async evaluate() {
            const metrics = await evaluate(run);
            return { metrics, examples: held.length, score: scoreOf(metrics, "eval_loss") };
          },
        }),
    save: (folder) => saveTrained(trainee.model, encoder, folder),
    close: () => reference.close(),
  };
}

interface ReadAnswer {
  logp: number;
  reference: number;
  desirable: boolean;
}

function microBatches(
  { batches, answers, reference: { table } }: KtoRun,
  items: readonly Answer[],
  z0: number,
): Promise<MicroBatch<KtoObjective>[]> {
  const rows = placed(items.map(({ index }) => index));
  return batches.forTraining<KtoObjective>(rows, (members, { sequenceOfRead }) => {
    const vector = (pick: (row: number) => number) =>
      float32(
        [members.length],
        members.map(({ row }) => pick(row)),
      );
    return {
      sequence: sequenceOfRead,
      reference: vector((row) => table.of(row)[0]!),
      label: vector((row) => (answers[row]!.desirable ? 1 : -1)),
      scale: vector(() => 1 / items.length),
      z0: float32([], [z0]),
    };
  });
}

/** The answers of a step as its micro-batches read them. */
function readAnswers(
  results: readonly StepResult<KtoObjective>[],
  batches: readonly MicroBatch<KtoObjective>[],
): ReadAnswer[] {
  return results.flatMap(({ metrics }, i) => {
    const { reference, label } = batches[i]!.inputs;
    return Array.from(metrics.logps.data, (logp, j): ReadAnswer => ({
      logp,
      reference: reference.data[j]!,
      desirable: label.data[j]! > 0,
    }));
  });
}

/** Loss and metrics of held-out answers; names carry `eval_`. */
async function evaluate(run: KtoRun): Promise<Metrics> {
  const { config, held } = run;
  const z0 = await referencePoint(run, held);
  const indices = held.map(({ index }) => index);
  const read = await readRows(run, indices);
  const answers = held.map(({ desirable }, i): ReadAnswer => ({ ...read[i]!, desirable }));
  const { values } = evaluatorOf(ktoObjective(config))(
    answers.map(({ logp }) => logp),
    {
      sequence: [...answers.keys()],
      reference: answers.map(({ reference }) => reference),
      label: answers.map(({ desirable }) => (desirable ? 1 : -1)),
      scale: answers.map(() => 1 / answers.length),
      z0: [z0],
    },
  );
  const loss = mean(values.losses);
  return evaluationNames({ loss, ...ktoMetrics(answers, { beta: config.beta, z0 }) });
}

/**
 * z0. 0 for an answer alone, as the last step of a run may hold: there is no other answer to read
 * its prompt with.
 */
async function referencePoint(run: KtoRun, items: readonly Answer[]): Promise<number> {
  if (items.length < 2) return 0;
  const read = await readRows(run, run.rows.addPartners(items));
  return ktoReferencePoint(read.map(({ logp, reference }) => logp - reference));
}

/** Sums of log-probabilities of rows, in their order. */
async function readRows(
  { batches, trainee, reference: { table } }: KtoRun,
  rows: readonly number[],
): Promise<{ logp: number; reference: number }[]> {
  const read: { logp: number; reference: number }[] = [];
  await batches.read(placed(rows), trainee.plan, (members, { readout }, { sequenceOfRead }) => {
    const sums = sumBySequence(readout, sequenceOfRead, members.length);
    members.forEach(
      ({ row, place }, i) => (read[place] = { logp: sums[i]!, reference: table.of(row)[0]! }),
    );
  });
  return read;
}

/** TRL's names; a side that no answer of the step is on has no metrics. */
function ktoMetrics(
  answers: readonly ReadAnswer[],
  { beta, z0 }: { beta: number; z0: number },
): Metrics {
  const side = (wanted: boolean, name: "chosen" | "rejected"): Record<string, number> => {
    const own = answers.filter(({ desirable }) => desirable === wanted);
    if (own.length === 0) return {};
    return {
      [`rewards/${name}`]: mean(own.map(({ logp, reference }) => beta * (logp - reference))),
      [`logps/${name}`]: mean(own.map(({ logp }) => logp)),
    };
  };
  const sides = { ...side(true, "chosen"), ...side(false, "rejected") };
  const [chosen, rejected] = [sides["rewards/chosen"], sides["rewards/rejected"]];
  return {
    kl: z0,
    ...sides,
    ...(chosen === undefined || rejected === undefined
      ? {}
      : { "rewards/margins": chosen - rejected }),
  };
}

/**
 * Bounds of lambda_D n_D / (lambda_U n_U) that the paper recommends (section 4.2), as TRL checks
 * them.
 */
const BALANCE = [1, 4 / 3] as const;

function adviseOnBalance(
  answers: readonly Answer[],
  { desirableWeight, undesirableWeight }: KtoConfig,
): Warning[] {
  const desirable = answers.filter((answer) => answer.desirable).length;
  const undesirable = answers.length - desirable;
  const ratio = (desirableWeight * desirable) / (undesirableWeight * undesirable);
  // equal sides are on the bound, and rounding must not warn
  if (ratio > BALANCE[0] - 1e-6 && ratio < BALANCE[1] + 1e-6) return [];
  const counts =
    `${desirable} desirable and ${undesirable} undesirable answers with weights ` +
    `${desirableWeight} and ${undesirableWeight}`;
  const advice =
    desirable === 0 || undesirable === 0
      ? "KTO learns from both kinds"
      : "the paper recommends a balance of 1 to 4/3, such as an undesirable weight of " +
        `${((desirableWeight * desirable) / undesirable).toFixed(2)}`;
  return [{ id: "kto-balance", message: `${counts}: ${advice}` }];
}
