/**
 * Direct preference optimisation and its relatives (Rafailov et al. 2023; losses in
 * objectives/preference.ts).
 *
 * 1. encode each pair once, prompt shared; 2. lay pairs out as prompt, chosen, rejected in one row;
 * 3. log-probabilities of the reference (reference.ts), each computed once; 4. loss and gradients;
 * 5. metrics; 6. held-out pairs, kept with the result.
 *
 * Differences from TRL: the prompt is computed once for both answers; dropout does not exist; the
 * SFT term is normalised by the tokens of the whole optimiser step.
 */
import { float32 } from "../../core/tensor.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { ExecutionPlan, InputsOf, StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { PairObjective } from "../../objectives/pairs.ts";
import { pairObjective, sequencesPerPair } from "../../objectives/pairs.ts";
import { PREFERENCE_LOSS_TABLE } from "../../objectives/preference.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { EncodedPair, Encoder } from "../../text/encoder.ts";
import type { dpoConfig } from "./dpo.config.ts";
import type { ReadPair } from "./dpo-metrics.ts";
import {
  evaluationMetrics,
  lossWeights,
  pairMetrics,
  readPairs,
  rewardsOf,
} from "./dpo-metrics.ts";
import { EncodingReport } from "./encoding.ts";
import { LastEvaluation, promptCluster, writeHeldOut } from "./held-out.ts";
import type { LaidBatch, LaidRow } from "../layout.ts";
import { groupByLength, joinRows, layShared, sumBySequence, withPromptReads } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { trainingLoop } from "../loop.ts";
import { itemsSeen } from "../passes.ts";
import { choosePlan, openForTraining } from "../prepare.ts";
import type { ReferenceModel } from "./reference.ts";
import {
  ReferenceTable,
  asGiven,
  referenceKey,
  referenceModel,
  tellWarnings,
} from "./reference.ts";

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
  pairs: Pair[];
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
  const encode = (records: readonly PreferenceRecord[], first: number): Pair[] =>
    report
      .encodeAll(records, (record) => [
        encoder.encodePair(record.prompt, record.chosen, record.rejected, record),
      ])
      .map(({ record, encoded }, index) =>
        toPair(record, encoded, { index: first + index, withPrompt: readsPrompts(config) }),
      );
  const pairs = encode(train, 0);
  return { pairs, held: encode(heldOut, pairs.length), report };
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

/** Trains, and yields what happens; the model holds the result. */
export async function* dpo(
  input: DpoInput,
  config: DpoConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const withPrompt = readsPrompts(config);
  const needsReference = config.loss.some((type) => PREFERENCE_LOSS_TABLE[type].reference);
  const { pairs, held, report } = encodeDpo(input, config);
  yield* report.tell(context);
  const given = asGiven(model, config.reference);
  const trainable = openForTraining(model, config);
  const plan = choosePlan(
    {
      model,
      reads: "tokens",
      objective: pairObjective(lossWeights(config), config, { withPrompt }),
      trainable,
    },
    config,
  );
  const layout = { padId: encoder.padId };

  // 3.
  const all = [...pairs, ...held];
  const rows = {
    count: all.length,
    sequences: sequencesPerPair({ withPrompt }),
    lengthOf: (index: number) => all[index]!.row.ids.length,
    lay: (index: number) => all[index]!.row,
  };
  const table = new ReferenceTable(rows, { ...layout, microBatchTokens: config.microBatchTokens });
  const reference = needsReference
    ? referenceModel(config.reference, { given, plan }, config)
    : undefined;
  if (!reference) table.values.fill(0);
  else if (config.reference === "cached" && !context.run?.resumedFrom && !context.rehearsal) {
    const wanted = [...itemsSeen(pairs, config), ...held].map(({ index }) => index);
    yield* tellWarnings(
      await table.complete(wanted, reference, {
        key: referenceKey(encoder, config, context),
        context,
      }),
      context,
    );
  }

  const work = new PairWork({ config, plan, table, reference, layout, columns: rows.sequences });
  const evaluated = new LastEvaluation(() => work.read(held));
  try {
    yield* trainingLoop(
      {
        name: "dpo",
        items: pairs,
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
              evaluate: async (step) => {
                const { pairs: read, nll } = await evaluated.at(step);
                return { metrics: evaluationMetrics(read, config, nll), examples: read.length };
              },
            }),
        save: async (folder, step) => {
          await saveTrained(model, encoder, folder);
          if (held.length === 0) return;
          const { pairs: read } = await evaluated.at(step);
          await writeHeldOut(
            folder,
            read.map((pair) => ({
              ...rewardsOf(pair, config),
              chosenLength: pair.chosenTokens,
              rejectedLength: pair.rejectedTokens,
              p: pair.p,
              cluster: pair.cluster,
            })),
          );
        },
      },
      config,
      context,
    );
  } finally {
    await reference?.close();
  }
}

interface PairWorkParts {
  config: DpoConfig;
  plan: ExecutionPlan<PairObjective>;
  table: ReferenceTable;
  reference: ReferenceModel | undefined;
  layout: { padId: number };
  /** Sequences that are read of one pair. */
  columns: number;
}

/** Batches of pairs, and what is read of them. */
class PairWork {
  private readonly parts: PairWorkParts;

  constructor(parts: PairWorkParts) {
    this.parts = parts;
  }

  async microBatches(items: readonly Pair[]): Promise<MicroBatch<PairObjective>[]> {
    const sftTokens = items.reduce((total, pair) => total + pair.sftTokens, 0);
    const batches: MicroBatch<PairObjective>[] = [];
    for (const group of this.groups(items))
      batches.push(
        await this.microBatch(group, {
          scale: 1 / items.length,
          sftSlope: -this.parts.config.sftWeight / sftTokens,
        }),
      );
    return batches;
  }

  private async microBatch(
    group: readonly Pair[],
    { scale, sftSlope }: { scale: number; sftSlope: number },
  ): Promise<MicroBatch<PairObjective>> {
    const { batch, sequenceOfRead, tokens } = await this.layOut(group);
    const sides = (pick: (pair: Pair) => readonly [number, number]) =>
      float32([group.length, 2], group.flatMap(pick));
    const slope = Float32Array.from(sequenceOfRead.data, (sequence) =>
      Number(sequence) % this.parts.columns === 1 ? 0 : sftSlope,
    );
    const inputs: InputsOf<PairObjective> = {
      sequence: sequenceOfRead,
      reference: sides(({ index }) => pairOf(this.parts.table.of(index))),
      lengths: sides((pair) => [pair.chosenTokens, pair.rejectedTokens]),
      p: float32(
        [group.length],
        group.map(({ p }) => p),
      ),
      scale: float32(
        [group.length],
        group.map(() => scale),
      ),
      sftSlope: float32([slope.length], slope),
    };
    return { batch, inputs, tokens };
  }

  metrics(
    results: readonly StepResult<PairObjective>[],
    batches: readonly MicroBatch<PairObjective>[],
  ) {
    const { config, columns } = this.parts;
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
    return pairMetrics(
      pairs,
      config,
      config.sftWeight > 0 ? sftTerm / config.sftWeight : undefined,
    );
  }

  /** Reads pairs without training; `nll` is the mean over the tokens that the SFT term reads. */
  async read(
    items: readonly Pair[],
  ): Promise<{ pairs: (ReadPair & { cluster: string })[]; nll: number }> {
    const { plan, table, columns } = this.parts;
    const pairs = new Map<Pair, ReadPair & { cluster: string }>();
    let sft = 0;
    for (const group of this.groups(items)) {
      const { batch, sequenceOfRead } = await this.layOut(group);
      const logps = sumBySequence(
        (await plan.score(batch)).readout,
        sequenceOfRead,
        columns * group.length,
      );
      group.forEach((pair, i) => {
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
    }
    return {
      pairs: items.map((pair) => pairs.get(pair)!),
      nll: sft / items.reduce((total, { sftTokens }) => total + sftTokens, 0),
    };
  }

  private groups(items: readonly Pair[]): Pair[][] {
    return groupByLength(items, ({ row }) => row.ids.length, this.parts.config.microBatchTokens);
  }

  /** Lays pairs out, with the reference's values known afterwards. */
  private async layOut(group: readonly Pair[]): Promise<LaidBatch> {
    const { table, reference, layout } = this.parts;
    const laid = joinRows(
      group.map(({ row }) => row),
      layout,
    );
    if (reference)
      await table.ensure(
        group.map(({ index }) => index),
        reference,
        laid,
      );
    return laid;
  }
}

const countOf = (labels: Uint8Array): number => labels.reduce((total, label) => total + label, 0);

/** The values of chosen and rejected. */
const pairOf = (values: Float32Array): [number, number] => [values[0]!, values[1]!];
