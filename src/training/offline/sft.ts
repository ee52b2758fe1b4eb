/**
 * Supervised fine-tuning: the mean negative log-likelihood of the supervised tokens of an optimiser
 * step.
 *
 * 1. encode;
 * 2. pack several texts into a row (they do not see each other, and none is cut);
 * 3. loss and gradients, every token weighted by 1 / (supervised tokens of the step);
 * 4. metrics;
 * 5. held-out loss.
 *
 * Difference from TRL: packing never cuts a text, and the token mean is over the whole step
 * whatever the micro-batches.
 */
import { float32 } from "../../core/tensor.ts";
import type { Model } from "../../models/model.ts";
import type { Statistics } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import type { EncodedExample, Encoder } from "../../text/encoder.ts";
import type { LaidRow } from "../layout.ts";
import { layExample, packExamples } from "../layout.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { keepRows, resultOf, trainingLoop, warn } from "../loop.ts";
import { itemsOfStep, placeOf, totalSteps } from "../passes.ts";
import { evaluationNames } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import { ONLY, Trainee } from "../trainee.ts";
import { EncodingReport } from "../encoding.ts";
import type { DataTrainer } from "../trainer.ts";
import type { SftRecord } from "../demonstrations.ts";
import { scoreOf } from "./held-out.ts";
import { RowBatches } from "./row-batches.ts";
import type { sftConfig } from "./sft.config.ts";

export type SftConfig = ConfigOf<typeof sftConfig>;

export interface SftInput {
  model: Model;
  encoder: Encoder;
  train: readonly SftRecord[];
  heldOut: readonly SftRecord[];
}

/** Rows of the data, encoded. */
interface EncodedSft {
  examples: EncodedExample[];
  held: EncodedExample[];
  report: EncodingReport;
}

/** 1. */
export function encodeSft(
  { encoder, train, heldOut }: Omit<SftInput, "model">,
  config: Pick<SftConfig, "loss" | "maxLength" | "onBad">,
): EncodedSft {
  const report = new EncodingReport(encoder, config);
  const [examples, held] = [train, heldOut].map((records) =>
    report
      .encodeAll(records, (record) => encodeSftRecord(record, encoder, config.loss))
      .map(({ encoded }) => encoded),
  ) as [EncodedExample[], EncodedExample[]];
  return { examples, held, report };
}

/** Several examples where a template rewrites earlier turns. */
export function encodeSftRecord(
  record: SftRecord,
  encoder: Encoder,
  loss: "completion" | "full",
): EncodedExample[] {
  if (record.kind === "text") return [encoder.encodeText(record.text, record)];
  if (record.kind === "conversation")
    return encoder.encodeConversation(record.messages, { loss }, record);
  return encoder.encodeDemonstration(record.prompt, record.completion, { loss }, record);
}

/** Tokens that are predicted: the first of a text never is. */
function supervisedTokens({ supervised }: EncodedExample): number {
  return supervised.reduce((total, flag, index) => total + (index > 0 ? flag : 0), 0);
}

/** 2. First-fit decreasing: rows of at most `budget` tokens. */
export function packIntoRows<T extends { ids: Int32Array }>(
  examples: readonly T[],
  budget: number,
): T[][] {
  const rows: { members: T[]; left: number }[] = [];
  for (const example of examples.toSorted((a, b) => b.ids.length - a.ids.length)) {
    const row = rows.find(({ left }) => left >= example.ids.length);
    if (row) {
      row.members.push(example);
      row.left -= example.ids.length;
    } else {
      rows.push({ members: [example], left: budget - example.ids.length });
    }
  }
  return rows.map(({ members }) => members);
}

export const trainer: DataTrainer<typeof sftConfig, SftRecord> = {
  train: sft,
  encode: encodeSft,
  learned: ({ loss }) => loss,
};

/** Trains, yields what happens, and returns what was trained. */
export async function* sft(
  input: SftInput,
  config: SftConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const { model, encoder } = input;
  const { examples, held, report } = encodeSft(input, config);
  for (const warning of report.warnings) yield warn(warning, context);
  keepRows(examples, context);
  const trainee = await Trainee.open(model, {
    name: ONLY,
    config,
    adapterSeed: config.seed,
    takesModel: context.takesModel,
    reads: "tokens",
    objective: sftObjective,
    statistics: true,
  });
  const batches = new RowBatches<LaidRow>({
    padId: encoder.padId,
    microBatchTokens: config.microBatchTokens,
    lengthOf: ({ ids }) => ids.length,
    rowOf: (row) => row,
  });
  const run: SftRun = { config, examples, held, trainee, batches };
  const method = sftMethod(run, encoder);
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** What a run works with. */
interface SftRun {
  config: SftConfig;
  examples: readonly EncodedExample[];
  held: readonly EncodedExample[];
  trainee: Trainee<SftObjective>;
  batches: RowBatches<LaidRow>;
}

function sftMethod(run: SftRun, encoder: Encoder): Method {
  const { config, examples, held, trainee } = run;
  return {
    name: "sft",
    trainees: [trainee],
    totalSteps: totalSteps(examples.length, config),
    examples: examples.length,
    choosesBest: true,
    async step(index) {
      const items = itemsOfStep(examples, index, config);
      // 3.
      const batches = await microBatches(run, items);
      const place = placeOf(index, examples.length, config);
      const { results, outcome } = await trainee.learn(batches, place);
      // 4.
      const means = tokenMeans(results.map(({ statistics }) => statistics!));
      return { ...outcome, metrics: { ...outcome.metrics, ...means } };
    },
    // 5.
    ...(held.length === 0
      ? {}
      : {
          async evaluate() {
            const metrics = await evaluate(run);
            return { metrics, examples: held.length, score: scoreOf(metrics, "eval_loss") };
          },
        }),
    save: (folder) => saveTrained(trainee.model, encoder, folder),
  };
}

/** 2. */
function toRows(items: readonly EncodedExample[], config: SftConfig): LaidRow[] {
  if (!config.packing) return items.map(layExample);
  // Rows shorter than the longest example would be of no use, and longer ones cost attention over
  // other texts.
  const rowLength = Math.max(
    Math.min(config.maxLength, config.microBatchTokens),
    ...items.map(({ ids }) => ids.length),
  );
  return packIntoRows(items, rowLength).map(packExamples);
}

function microBatches(
  { batches, config }: SftRun,
  items: readonly EncodedExample[],
): Promise<MicroBatch<SftObjective>[]> {
  const supervised = items.reduce((total, item) => total + supervisedTokens(item), 0);
  return batches.forTraining<SftObjective>(toRows(items, config), (_, { batch }) => {
    const slope = new Float32Array(batch.selected.data.length).fill(-1 / supervised);
    return { slope: float32([slope.length], slope) };
  });
}

/** Held-out loss and token means; names carry `eval_`. */
async function evaluate({ batches, config, held, trainee }: SftRun): Promise<Metrics> {
  let [total, count] = [0, 0];
  const statistics: Statistics[] = [];
  await batches.read(toRows(held, config), trainee.plan, (_, read) => {
    total -= read.readout.reduce((sum, logp) => sum + logp, 0);
    count += read.readout.length;
    statistics.push(read.statistics!);
  });
  return evaluationNames({ loss: total / count, ...tokenMeans(statistics) });
}

/** Means over all read tokens. */
function tokenMeans(parts: readonly { entropy: Float32Array; correct: Float32Array }[]): {
  entropy: number;
  mean_token_accuracy: number;
} {
  const all = (pick: "entropy" | "correct"): number => {
    const count = parts.reduce((total, part) => total + part[pick].length, 0);
    return (
      parts.reduce((total, part) => total + part[pick].reduce((sum, x) => sum + x, 0), 0) /
      Math.max(1, count)
    );
  };
  return { entropy: all("entropy"), mean_token_accuracy: all("correct") };
}
