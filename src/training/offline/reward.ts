/**
 * Bradley-Terry reward models: a scalar head at the last token of each answer (Ouyang et al. 2022,
 * section 3.5).
 *
 * 1. answers of one prompt go into one row, each computed once, whatever number of pairs it is in;
 * 2. scores at the stop token; 3. loss and gradients: every pair of a prompt counts 1 / (pairs of
 * the prompt), so that every prompt counts the same;
 * 4. metrics; 5. held-out pairs, kept with the result; 6. the mean and deviation of held-out
 * rewards are kept with the checkpoint, so that whoever uses the model can normalise its rewards.
 *
 * Head initialised from N(0, 1 / (d + 1)) (Stiennon et al. 2020). Over-long rows are cut as
 * everywhere (text/truncation.ts), the prompt the same for all its answers; an answer that lost its
 * end is scored where it was cut. TRL leaves such pairs out, and knows pairs only.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { float32, int64 } from "../../core/tensor.ts";
import { rankedToPreferences } from "../../data/conversions.ts";
import type { PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { ExecutionPlan, InputsOf, StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { RewardObjective } from "../../objectives/reward.ts";
import { evaluatorOf } from "../../objectives/evaluate.ts";
import { rewardObjective } from "../../objectives/reward.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean, meanAndDeviation } from "../../stats/intervals.ts";
import type { EncodedAnswers, Encoder } from "../../text/encoder.ts";
import { refuseIdenticalAnswers } from "../../text/encoder.ts";
import type { Completion } from "../../text/messages.ts";
import { EncodingReport } from "./encoding.ts";
import type { HeldOutPair } from "./held-out.ts";
import { LastEvaluation, evaluationNames, promptCluster, writeHeldOut } from "./held-out.ts";
import type { LaidRow } from "../layout.ts";
import { groupByLength, joinRows, layShared } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { trainingLoop } from "../loop.ts";
import { choosePlan, openForTraining } from "../prepare.ts";
import type { rewardConfig } from "./reward.config.ts";

export type RewardConfig = ConfigOf<typeof rewardConfig>;

export interface RewardInput {
  model: Model;
  encoder: Encoder;
  /** Pairs, or prompts with several ranked answers. */
  train: readonly (PreferenceRecord | RankedRecord)[];
  heldOut: readonly (PreferenceRecord | RankedRecord)[];
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
  /** Tokens of each answer. */
  lengths: number[];
  cluster: string;
}

interface EncodedGroups {
  groups: Group[];
  held: Group[];
  report: EncodingReport;
}

/**
 * 1. Pairs of one cluster that share their prompt become one group, and so do the answers of a
 * ranked record.
 */
export function encodeReward(
  { encoder, train, heldOut }: Omit<RewardInput, "model">,
  config: Pick<RewardConfig, "margin" | "maxLength" | "onBad">,
): EncodedGroups {
  const report = new EncodingReport(encoder, config);
  const [groups, held] = [train, heldOut].map((records) =>
    encodeGroups(records, { encoder, report, useMargin: config.margin }),
  ) as [Group[], Group[]];
  return { groups, held, report };
}

interface GroupEncoding {
  encoder: Encoder;
  report: EncodingReport;
  useMargin: boolean;
}

function encodeGroups(
  records: readonly (PreferenceRecord | RankedRecord)[],
  { encoder, report, useMargin }: GroupEncoding,
): Group[] {
  const members = new Map(groupPairs(records).map((pairs) => [asRanked(pairs), pairs]));
  return report
    .encodeAll([...members.keys()], (record) => [encodeRanked(record, encoder)])
    .map(({ record, encoded }) => toGroup(members.get(record)!, record, { encoded, useMargin }));
}

/** The answers of a prompt, each once. */
function asRanked(members: readonly PreferenceRecord[]): RankedRecord {
  const { place, prompt, tools, templateArguments, plain } = members[0]!;
  const answers = new Map(
    members
      .flatMap(({ chosen, rejected }) => [chosen, rejected])
      .map((completion) => [JSON.stringify(completion), completion]),
  );
  return compact({
    kind: "ranked" as const,
    place,
    prompt,
    tools,
    templateArguments,
    plain,
    completions: [...answers.values()].map((completion) => ({ completion })),
  }) as RankedRecord;
}

function encodeRanked(record: RankedRecord, encoder: Encoder): EncodedAnswers {
  const encoded = encoder.encodeAnswers(
    record.prompt,
    record.completions.map(({ completion }) => completion),
    record,
  );
  refuseIdenticalAnswers(encoded.completions, encoded.cut, record);
  if (encoded.supervised.some((labels) => labels.at(-1) === 0)) {
    throw new AttuneError(
      "data",
      "a reward model scores an answer at its end, which has weight 0",
      { ...record.place, hint: "weights on earlier turns only" },
    );
  }
  return encoded;
}

/** The pairs of each training example. */
export function groupPairs(
  records: readonly (PreferenceRecord | RankedRecord)[],
): PreferenceRecord[][] {
  const pairs = records.flatMap((record) =>
    record.kind === "ranked" ? rankedToPreferences(record) : [record],
  );
  const groups = new Map<string, PreferenceRecord[]>();
  pairs.forEach((pair, index) => {
    const key =
      pair.cluster === undefined
        ? `row ${index}`
        : JSON.stringify([pair.cluster, pair.prompt, pair.tools, pair.templateArguments]);
    const group = groups.get(key);
    if (group) group.push(pair);
    else groups.set(key, [pair]);
  });
  return [...groups.values()];
}

function toGroup(
  members: readonly PreferenceRecord[],
  { completions }: RankedRecord,
  { encoded, useMargin }: { encoded: EncodedAnswers; useMargin: boolean },
): Group {
  const places = new Map(
    completions.map(({ completion }, index) => [JSON.stringify(completion), index]),
  );
  const indexOf = (completion: Completion): number => places.get(JSON.stringify(completion))!;
  const pairs = members.map(({ chosen, rejected, p, margin = 0 }) => ({
    chosen: indexOf(chosen),
    rejected: indexOf(rejected),
    p,
    margin: useMargin ? margin : 0,
  }));
  const { prompt, completions: ids } = encoded;
  return {
    row: readAtEnds(layShared(prompt, ids), prompt.length),
    pairs,
    lengths: ids.map(({ length }) => length),
    cluster: promptCluster(members[0]!),
  };
}

/** 2. Reads each answer once, at its last token. */
function readAtEnds(row: LaidRow, promptLength: number): LaidRow {
  const ends = new Map<number, number>();
  for (let i = promptLength; i < row.ids.length; i++) ends.set(row.branchStart[i]!, i);
  return {
    ...row,
    reads: [...ends.values()].map((end, sequence) => ({ row: end, target: 0, sequence })),
  };
}

/** Gives a model a fresh scalar head. */
export function addScoreHead(model: Model, seed: number): void {
  const size = model.config.hiddenSize;
  model.scoreHead = float32(
    [1, size],
    Random.for(seed, "score head").fillNormal(new Float32Array(size), 1 / Math.sqrt(size + 1)),
  );
}

/** Trains, and yields what happens; the model holds the result. */
export async function* rewardModel(
  input: RewardInput,
  config: RewardConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  const { model, encoder } = input;
  const { groups, held, report } = encodeReward(input, config);
  yield* report.tell(context);
  if (!model.scoreHead) addScoreHead(model, config.seed);
  const trainable = openForTraining(model, config);
  const longestRow = [...groups, ...held].reduce(
    (most, { row }) => Math.max(most, row.ids.length),
    0,
  );
  const plan = choosePlan(
    { model, reads: "scores", objective: rewardObjective(config), trainable, longestRow },
    config,
  );
  const work = new GroupWork({
    config,
    plan,
    layout: { padId: encoder.padId },
  });
  const evaluated = new LastEvaluation(() => work.read(held));

  yield* trainingLoop(
    {
      name: "reward",
      items: groups,
      plan,
      trainable,
      model,
      watch: "eval_loss",
      // 3.
      microBatches: (items) => work.microBatches(items),
      // 4.
      metrics: (results, batches) =>
        rewardMetrics(results.flatMap((result, i) => scoredPairs(result, batches[i]!))),
      // 5.
      ...(held.length === 0
        ? {}
        : {
            evaluate: async (step) => {
              const { pairs, loss } = await evaluated.at(step);
              return {
                metrics: evaluationNames({ loss, ...rewardMetrics(pairs) }),
                examples: pairs.length,
              };
            },
          }),
      // 6.
      save: async (folder, step) => {
        await saveTrained(model, encoder, folder);
        const { pairs, scores } =
          held.length === 0 ? { pairs: [], scores: [] } : await evaluated.at(step);
        await writeFile(
          join(folder, "reward_normalisation.json"),
          `${JSON.stringify(scaleOf(scores))}\n`,
        );
        if (pairs.length > 0) await writeHeldOut(folder, pairs);
      },
    },
    config,
    context,
  );
}

interface GroupWorkParts {
  config: RewardConfig;
  plan: ExecutionPlan<RewardObjective>;
  layout: { padId: number };
}

/** Batches of prompts with their answers, and what is read of them. */
class GroupWork {
  private readonly parts: GroupWorkParts;

  constructor(parts: GroupWorkParts) {
    this.parts = parts;
  }

  microBatches(items: readonly Group[]): MicroBatch<RewardObjective>[] {
    return this.groups(items).map((members) => this.toBatch(members, items.length));
  }

  /** @param prompts of the whole step */
  private toBatch(members: readonly Group[], prompts: number): MicroBatch<RewardObjective> {
    const { batch, tokens } = joinRows(
      members.map(({ row }) => row),
      this.parts.layout,
    );
    let offset = 0;
    const pairs = members.flatMap(({ row, pairs: comparisons }) => {
      const start = offset;
      offset += row.sequences;
      return comparisons.map((pair) => ({
        ...pair,
        chosen: start + pair.chosen,
        rejected: start + pair.rejected,
        scale: 1 / (comparisons.length * prompts),
      }));
    });
    const count = [pairs.length] as const;
    const inputs: InputsOf<RewardObjective> = {
      chosen: int64(
        count,
        pairs.map((pair) => pair.chosen),
      ),
      rejected: int64(
        count,
        pairs.map((pair) => pair.rejected),
      ),
      p: float32(
        count,
        pairs.map((pair) => pair.p),
      ),
      margin: float32(
        count,
        pairs.map((pair) => pair.margin),
      ),
      scale: float32(
        count,
        pairs.map(({ scale }) => scale),
      ),
    };
    return { batch, inputs, tokens };
  }

  /**
   * Scores without training: every pair in the order of the data, every answer once, and the loss.
   */
  async read(
    items: readonly Group[],
  ): Promise<{ pairs: HeldOutPair[]; scores: number[]; loss: number }> {
    const pairs = new Map<Group, HeldOutPair[]>();
    const scores: number[] = [];
    const evaluate = evaluatorOf(rewardObjective(this.parts.config));
    let loss = 0;
    for (const members of this.groups(items)) {
      const { readout } = await this.parts.plan.score(this.toBatch(members, items.length).batch);
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
        loss += mean(values.losses) / items.length;
        start += row.sequences;
      }
    }
    return { pairs: items.flatMap((group) => pairs.get(group)!), scores, loss };
  }

  private groups(items: readonly Group[]): Group[][] {
    return groupByLength(items, ({ row }) => row.ids.length, this.parts.config.microBatchTokens);
  }
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
