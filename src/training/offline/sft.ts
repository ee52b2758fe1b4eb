/**
 * Supervised fine-tuning: the mean negative log-likelihood of the supervised tokens of an optimiser
 * step.
 *
 * 1. encode; 2. pack several texts into a row (they do not see each other, and none is cut); 3.
 * loss and gradients, every token weighted by 1 / (supervised tokens of the step); 4. metrics; 5.
 * held-out loss.
 *
 * Difference from TRL: packing never cuts a text, and the token mean is over the whole step
 * whatever the micro-batches.
 */
import { float32 } from "../../core/tensor.ts";
import type { ConversationRecord, DemonstrationRecord, TextRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import { saveTrained } from "../../models/save.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { EncodedExample, Encoder } from "../../text/encoder.ts";
import { EncodingReport } from "./encoding.ts";
import type { LaidBatch } from "../layout.ts";
import { groupByLength, joinRows, layExample, packExamples } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { trainingLoop } from "../loop.ts";
import { choosePlan, openForTraining } from "../prepare.ts";
import type { sftConfig } from "./sft.config.ts";

export type SftConfig = ConfigOf<typeof sftConfig>;
export type SftRecord = DemonstrationRecord | ConversationRecord | TextRecord;

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

/** Trains, and yields what happens; the model holds the result. */
export async function* sft(
  input: SftInput,
  config: SftConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const { examples, held, report } = encodeSft(input, config);
  yield* report.tell(context);
  const trainable = openForTraining(model, config);
  const plan = choosePlan(
    { model, reads: "tokens", objective: sftObjective, trainable, statistics: true },
    config,
  );
  const layOut = (items: readonly EncodedExample[]): LaidBatch[] => {
    // Rows shorter than the longest example would be of no use, and longer ones cost attention over
    // other texts.
    const rowLength = Math.max(
      Math.min(config.maxLength, config.microBatchTokens),
      ...items.map(({ ids }) => ids.length),
    );
    const rows = config.packing
      ? packIntoRows(items, rowLength).map(packExamples)
      : items.map(layExample);
    return groupByLength(rows, ({ ids }) => ids.length, config.microBatchTokens).map((group) =>
      joinRows(group, { padId: encoder.padId }),
    );
  };

  yield* trainingLoop(
    {
      name: "sft",
      items: examples,
      plan,
      trainable,
      model,
      watch: "eval_loss",
      // 3.
      microBatches(items) {
        const supervised = items.reduce((total, item) => total + supervisedTokens(item), 0);
        return layOut(items).map(({ batch, tokens }): MicroBatch<SftObjective> => {
          const slope = new Float32Array(batch.selected.data.length).fill(-1 / supervised);
          return { batch, tokens, inputs: { slope: float32([slope.length], slope) } };
        });
      },
      // 4.
      metrics: (results) => tokenMeans(results.map(({ statistics }) => statistics!)),
      // 5.
      ...(held.length === 0
        ? {}
        : {
            evaluate: async () => {
              let [total, count] = [0, 0];
              const statistics: { entropy: Float32Array; correct: Float32Array }[] = [];
              for (const { batch } of layOut(held)) {
                const read = await plan.score(batch);
                total -= read.readout.reduce((sum, logp) => sum + logp, 0);
                count += read.readout.length;
                statistics.push(read.statistics!);
              }
              const means = tokenMeans(statistics);
              return {
                metrics: {
                  eval_loss: total / count,
                  eval_entropy: means.entropy,
                  eval_mean_token_accuracy: means.mean_token_accuracy,
                },
                examples: held.length,
              };
            },
          }),
      save: (folder) => saveTrained(model, encoder, folder),
    },
    config,
    context,
  );
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
