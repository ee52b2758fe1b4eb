/**
 * KTO (Ethayarajh et al. 2024): answers that are desirable or not, without pairs
 * (objectives/kto.ts).
 *
 * 1. encode; 2. partners: each prompt is read with the answer of the row before it in the step, for
 * the KL term;
 * 3. log-probabilities of the reference (reference.ts), each computed once; 4. z0 of the whole
 * step, without gradient, then loss and gradients of every micro-batch with that z0; 5. metrics; 6.
 * held-out answers.
 *
 * Source: TRL's kto_trainer.py.
 * Differences: 1. z0 is of the whole optimiser step, so micro-batches give the loss of the whole
 * batch (TRL takes one for each micro-batch); 2. where the row before has the same prompt, as in
 * data made of pairs, the nearest one before with another prompt is taken, since an answer to the
 * same prompt is no mismatch; 3. on held-out data z0 is of all of it.
 */
import { float32 } from "../../core/tensor.ts";
import type { UnpairedRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { ExecutionPlan, InputsOf, StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { KtoObjective } from "../../objectives/kto.ts";
import { evaluatorOf } from "../../objectives/evaluate.ts";
import { ktoObjective, ktoReferencePoint } from "../../objectives/kto.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { EncodedExample, Encoder } from "../../text/encoder.ts";
import type { ktoConfig } from "./kto.config.ts";
import { EncodingReport } from "./encoding.ts";
import { evaluationNames } from "./held-out.ts";
import type { LaidBatch, LaidRow } from "../layout.ts";
import { groupByLength, joinRows, layShared, sumBySequence } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { trainingLoop } from "../loop.ts";
import { examplesRead, itemsOfRun } from "../passes.ts";
import { choosePlan, openForTraining } from "../prepare.ts";
import type { ReferenceModel, RowSource } from "./reference.ts";
import {
  ReferenceTable,
  asGiven,
  referenceKey,
  referenceModel,
  tellWarnings,
} from "./reference.ts";

export type KtoConfig = ConfigOf<typeof ktoConfig>;

export interface KtoInput {
  model: Model;
  encoder: Encoder;
  train: readonly UnpairedRecord[];
  heldOut: readonly UnpairedRecord[];
}

interface Answer {
  index: number;
  prompt: Int32Array;
  completion: Int32Array;
  /** Where a token of the completion is read. */
  supervised: Uint8Array;
  /** The same for answers to one prompt. */
  promptKey: string;
  desirable: boolean;
}

interface EncodedAnswers {
  answers: Answer[];
  held: Answer[];
  report: EncodingReport;
}

/** 1. */
export function encodeKto(
  { encoder, train, heldOut }: Omit<KtoInput, "model">,
  config: Pick<KtoConfig, "maxLength" | "onBad">,
): EncodedAnswers {
  const report = new EncodingReport(encoder, config);
  const encode = (records: readonly UnpairedRecord[], first: number): Answer[] =>
    report
      .encodeAll(records, (record) => [
        encoder.encodeExample(record.prompt, record.completion, record),
      ])
      .map(({ record, encoded }, index) => toAnswer(record, encoded, first + index));
  const answers = encode(train, 0);
  return { answers, held: encode(heldOut, answers.length), report };
}

function toAnswer(
  { label }: UnpairedRecord,
  { ids, promptLength, supervised }: EncodedExample,
  index: number,
): Answer {
  const prompt = ids.slice(0, promptLength);
  return {
    index,
    prompt,
    completion: ids.slice(promptLength),
    supervised: supervised.slice(promptLength),
    promptKey: prompt.join(","),
    desirable: label,
  };
}

/** 2. For each answer, the one whose completion its prompt is read with. */
export function partnersOf<T extends { promptKey: string }>(answers: readonly T[]): T[] {
  const count = answers.length;
  return answers.map(({ promptKey }, i) => {
    const before = (distance: number): T => answers[(i - distance + count) % count]!;
    for (let distance = 1; distance < count; distance++)
      if (before(distance).promptKey !== promptKey) return before(distance);
    return before(1);
  });
}

/** Trains, and yields what happens; the model holds the result. */
export async function* kto(
  input: KtoInput,
  config: KtoConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const { answers, held, report } = encodeKto(input, config);
  yield* report.tell(context);
  const given = asGiven(model, config.reference);
  const trainable = openForTraining(model, config);
  const plan = choosePlan(
    { model, reads: "tokens", objective: ktoObjective(config), trainable },
    config,
  );

  // 3.
  const rows = new Rows([...answers, ...held], encoder.maxLength);
  const order = itemsOfRun(answers, config);
  const wanted = new Set([...order, ...held].map(({ index }) => index));
  for (let start = 0; start < order.length; start += config.batchSize)
    rows
      .addPartners(order.slice(start, start + config.batchSize))
      .forEach((row) => wanted.add(row));
  rows.addPartners(held).forEach((row) => wanted.add(row));
  const layout = { padId: encoder.padId };
  const table = new ReferenceTable(rows, { ...layout, microBatchTokens: config.microBatchTokens });
  const reference = referenceModel(config.reference, { given, plan }, config);
  if (config.reference === "cached" && !context.run?.resumedFrom && !context.rehearsal) {
    yield* tellWarnings(
      await table.complete([...wanted], reference, {
        key: referenceKey(encoder, config, context),
        context,
      }),
      context,
    );
  }
  yield* balanceWarning(answers, config, context);
  if (examplesRead(answers.length, config) % config.batchSize === 1)
    yield warning(
      "kto-lone-answer",
      "the last step holds one answer alone, whose prompt no other answer is read with: its KL " +
        "term is 0",
      context,
    );

  const work = new AnswerWork({ config, plan, table, reference, layout, rows });
  try {
    yield* trainingLoop(
      {
        name: "kto",
        items: answers,
        plan,
        trainable,
        model,
        extraState: { reference: table.values },
        watch: "eval_loss",
        // 4.
        microBatches: (items) => work.microBatches(items),
        // 5.
        metrics: (results, batches) => work.metrics(results, batches),
        // 6.
        ...(held.length === 0
          ? {}
          : {
              evaluate: async () => ({ metrics: await work.evaluate(held), examples: held.length }),
            }),
        save: (folder) => saveTrained(model, encoder, folder),
      },
      config,
      context,
    );
  } finally {
    await reference.close();
  }
}

/**
 * All rows that are read: the answers by their index, then each pair of prompt and partner once.
 */
export class Rows implements RowSource {
  readonly sequences = 1;
  private readonly parts: Pick<Answer, "prompt" | "completion" | "supervised">[];
  private readonly mismatched = new Map<string, number>();
  private readonly maxLength: number;

  constructor(answers: readonly Answer[], maxLength: number) {
    this.parts = answers.map(({ prompt, completion, supervised }) => ({
      prompt,
      completion,
      supervised,
    }));
    this.maxLength = maxLength;
  }

  get count(): number {
    return this.parts.length;
  }

  lengthOf(row: number): number {
    const { prompt, completion } = this.parts[row]!;
    return prompt.length + completion.length;
  }

  lay(row: number): LaidRow {
    const { prompt, completion, supervised } = this.parts[row]!;
    return layShared(prompt, [completion], [supervised]);
  }

  /**
   * Rows of the answers' prompts with their partners' completions; an answer alone has no partner.
   */
  addPartners(answers: readonly Answer[]): number[] {
    if (answers.length < 2) return [];
    return partnersOf(answers).map(({ index: other, completion, supervised }, i) => {
      const { index, prompt } = answers[i]!;
      const key = `${index} ${other}`;
      const known = this.mismatched.get(key);
      if (known !== undefined) return known;
      // the prompt is within the limit already, and keeps its frame
      const room = this.maxLength - prompt.length;
      this.mismatched.set(key, this.parts.length);
      return (
        this.parts.push({
          prompt,
          completion: completion.subarray(0, room),
          supervised: supervised.subarray(0, room),
        }) - 1
      );
    });
  }
}

interface AnswerWorkParts {
  config: KtoConfig;
  plan: ExecutionPlan<KtoObjective>;
  table: ReferenceTable;
  reference: ReferenceModel;
  layout: { padId: number };
  rows: Rows;
}

interface ReadAnswer {
  logp: number;
  reference: number;
  desirable: boolean;
}

/** Batches of answers, and what is read of them. */
class AnswerWork {
  private readonly parts: AnswerWorkParts;

  constructor(parts: AnswerWorkParts) {
    this.parts = parts;
  }

  async microBatches(items: readonly Answer[]): Promise<MicroBatch<KtoObjective>[]> {
    const z0 = await this.referencePoint(items);
    const batches: MicroBatch<KtoObjective>[] = [];
    for (const group of this.groups(items, ({ index }) => index)) {
      const { batch, sequenceOfRead, tokens } = await this.layOut(group.map(({ index }) => index));
      const vector = (pick: (answer: Answer) => number) => float32([group.length], group.map(pick));
      const inputs: InputsOf<KtoObjective> = {
        sequence: sequenceOfRead,
        reference: vector(({ index }) => this.parts.table.of(index)[0]!),
        label: vector(({ desirable }) => (desirable ? 1 : -1)),
        scale: vector(() => 1 / items.length),
        z0: float32([], [z0]),
      };
      batches.push({ batch, inputs, tokens });
    }
    return batches;
  }

  metrics(
    results: readonly StepResult<KtoObjective>[],
    batches: readonly MicroBatch<KtoObjective>[],
  ): Metrics {
    const read = results.flatMap(({ metrics }, i) => {
      const { reference, label } = batches[i]!.inputs;
      return Array.from(metrics.logps.data, (logp, j): ReadAnswer => ({
        logp,
        reference: reference.data[j]!,
        desirable: label.data[j]! > 0,
      }));
    });
    return ktoMetrics(read, {
      beta: this.parts.config.beta,
      z0: batches[0]!.inputs.z0.data[0]!,
    });
  }

  /** Loss and metrics of held-out answers; names carry `eval_`. */
  async evaluate(items: readonly Answer[]): Promise<Metrics> {
    const { config } = this.parts;
    const z0 = await this.referencePoint(items);
    const read = await this.read(items.map(({ index }) => index));
    const answers = items.map(({ desirable }, i): ReadAnswer => ({ ...read[i]!, desirable }));
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
   * 0 for an answer alone, as the last step of a run may hold: there is no other answer to read its
   * prompt with.
   */
  private async referencePoint(items: readonly Answer[]): Promise<number> {
    if (items.length < 2) return 0;
    return ktoReferencePoint(
      (await this.read(this.parts.rows.addPartners(items))).map(
        ({ logp, reference }) => logp - reference,
      ),
    );
  }

  /** Sums of log-probabilities of rows, in their order. */
  private async read(rows: readonly number[]): Promise<{ logp: number; reference: number }[]> {
    const { plan, table } = this.parts;
    const read: { logp: number; reference: number }[] = [];
    for (const group of this.groups(
      rows.map((row, place) => ({ row, place })),
      ({ row }) => row,
    )) {
      const { batch, sequenceOfRead } = await this.layOut(group.map(({ row }) => row));
      const sums = sumBySequence((await plan.score(batch)).readout, sequenceOfRead, group.length);
      group.forEach(
        ({ row, place }, i) => (read[place] = { logp: sums[i]!, reference: table.of(row)[0]! }),
      );
    }
    return read;
  }

  private groups<T>(items: readonly T[], rowOf: (item: T) => number): T[][] {
    const { rows, config } = this.parts;
    return groupByLength(items, (item) => rows.lengthOf(rowOf(item)), config.microBatchTokens);
  }

  /** Lays rows out, with the reference's values known afterwards. */
  private async layOut(rows: readonly number[]): Promise<LaidBatch> {
    const laid = joinRows(
      rows.map((row) => this.parts.rows.lay(row)),
      this.parts.layout,
    );
    await this.parts.table.ensure(rows, this.parts.reference, laid);
    return laid;
  }
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

function warning(id: string, message: string, { run }: LoopContext): TrainingEvent {
  const event: TrainingEvent = { type: "warning", id, message };
  return run?.record(event) ?? event;
}

function* balanceWarning(
  answers: readonly Answer[],
  { desirableWeight, undesirableWeight }: KtoConfig,
  context: LoopContext,
): Generator<TrainingEvent> {
  const desirable = answers.filter((answer) => answer.desirable).length;
  const undesirable = answers.length - desirable;
  const ratio = (desirableWeight * desirable) / (undesirableWeight * undesirable);
  // equal sides are on the bound, and rounding must not warn
  if (ratio > BALANCE[0] - 1e-6 && ratio < BALANCE[1] + 1e-6) return;
  const counts =
    `${desirable} desirable and ${undesirable} undesirable answers with weights ` +
    `${desirableWeight} and ${undesirableWeight}`;
  const advice =
    desirable === 0 || undesirable === 0
      ? "KTO learns from both kinds"
      : "the paper recommends a balance of 1 to 4/3, such as an undesirable weight of " +
        `${((desirableWeight * desirable) / undesirable).toFixed(2)}`;
  yield warning("kto-balance", `${counts}: ${advice}`, context);
}
