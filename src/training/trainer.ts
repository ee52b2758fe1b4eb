/**
 * What a trainer is to everything that offers it: commands, pipelines, plans, programs and pages
 * ask its entry in trainers.ts, and no other file names one.
 */
import type { ConfigDefinition, ConfigOf } from "../config/config.ts";
import type { Dataset } from "../data/dataset.ts";
import { recordsAs } from "../data/dataset.ts";
import type { DataRecord, PreferenceRecord, UnpairedRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { MetricDefinition, MetricKind } from "../runs/metric-definition.ts";
import { METRICS } from "../runs/metrics.ts";
import type { Encoder } from "../text/encoder.ts";
import type { EncodingReport } from "./encoding.ts";
import type { TrainedModel, TrainingContext } from "./loop.ts";
import type { SftRecord } from "./demonstrations.ts";
import { demonstrations } from "./demonstrations.ts";
import type { BestOfNPoint } from "../stats/over-optimisation.ts";
import type { Besides, PolicyInput } from "./rollout/policy.ts";

/** A network that a trainer holds; the one that it makes is trained, and so is a critic. */
export type NetworkName = "policy" | "reference" | "reward model" | "critic";

/** What is known of a trainer before its options and its code are loaded. */
interface TrainerFacts<D extends ConfigDefinition> {
  /** Its line in `attune --help`. */
  readonly summary: string;
  /** Heading of its stage in a pipeline, and of reports. */
  readonly title: string;
  /** Completes "trained by" on a model card. */
  readonly fullName: string;
  /** What comes out: a model that answers, one that scores, or answers alone. */
  readonly makes: "policy" | "reward" | "answers";
  /** What `attune plan` counts; absent where it cannot count the trainer. */
  readonly networks?: readonly NetworkName[];
  /** Which metrics it logs. */
  readonly logs: readonly MetricKind[];
  /** Its options, under the name of its command. */
  config(): Promise<D>;
}

/** Records as trainers read them. */
interface LearnedRecords {
  /** Conversations and texts too. */
  demonstration: SftRecord;
  preference: PreferenceRecord;
  unpaired: UnpairedRecord;
}

/** Kinds of records that are learned from. */
export type LearnedKind = keyof LearnedRecords;
export type RecordsOf<Kind extends LearnedKind> = LearnedRecords[Kind];

/** What is learned of an example: its answers, every token, or a score at its end. */
export type Learned = "completion" | "full" | "score";

/** How often the better answer of a pair has the greater reward. */
export type AccuracyMetric = "rewards/accuracies" | "accuracy";

/** Rows of the data, and what turns them into token ids. */
interface DataRows<R> {
  encoder: Encoder;
  train: readonly R[];
  heldOut: readonly R[];
}

/** Learns from data. */
export interface DataTrainer<D extends ConfigDefinition, R> {
  /** Trains, yields what happens, and returns what was trained. */
  train(
    input: DataRows<R> & { model: Model },
    config: ConfigOf<D>,
    context?: TrainingContext,
  ): AsyncGenerator<TrainingEvent, TrainedModel>;
  /** Encodes without training: what the rows make, and what is worth telling of them. */
  encode(
    input: DataRows<R>,
    config: ConfigOf<D>,
  ): {
    readonly examples: readonly unknown[];
    readonly held: readonly unknown[];
    readonly report: EncodingReport;
  };
  /** Default: its answers. */
  learned?(config: ConfigOf<D>): Learned;
  /** The metric that counts held-out pairs in the right order; absent where there are none. */
  readonly accuracy?: AccuracyMetric;
}

/** Learns from the model's own answers, or draws them. */
export interface AnswersTrainer<
  D extends ConfigDefinition,
  Input extends PolicyInput = PolicyInput,
  Result = TrainedModel,
> {
  /** Trains, yields what happens, and returns what came out. */
  train(
    input: Input,
    config: ConfigOf<D>,
    context?: TrainingContext,
  ): AsyncGenerator<TrainingEvent, Result>;
  /** Steps of a run. Default: roll-outs of batchSize answers. */
  steps?(prompts: number, config: ConfigOf<D>): number;
  /** Refuses what such a number of steps makes pointless. */
  checkSteps?(steps: number, config: ConfigOf<D>): void;
  /** What it may read besides policy, prompts and rewards, as its options say. */
  readonly besides?: keyof Besides;
  /** Reads the curve of best-of-k from its result; absent where it makes none. */
  curve?(folder: string): BestOfNPoint[];
}

/** Entry of a trainer that learns from data. */
export interface DataTrainerEntry<
  D extends ConfigDefinition = ConfigDefinition,
  Kind extends LearnedKind = LearnedKind,
> extends TrainerFacts<D> {
  readonly learnsFrom: Kind;
  load(): Promise<DataTrainer<D, RecordsOf<Kind>>>;
}

/** Entry of a trainer over the model's own answers. */
export interface AnswersTrainerEntry<
  D extends ConfigDefinition = ConfigDefinition,
  Input extends PolicyInput = PolicyInput,
  Result = unknown,
> extends TrainerFacts<D> {
  readonly learnsFrom: "answers";
  load(): Promise<AnswersTrainer<D, Input, Result>>;
}

export type TrainerEntry = DataTrainerEntry | AnswersTrainerEntry;

/** An entry whose code reads what the entry says. */
export type CheckedEntry =
  | { [Kind in LearnedKind]: DataTrainerEntry<ConfigDefinition, Kind> }[LearnedKind]
  | AnswersTrainerEntry;

/** Names of the metrics that a trainer logs, some of them only where its options say so. */
export const metricsOf = ({ logs }: Pick<TrainerEntry, "logs">): string[] =>
  Object.entries<MetricDefinition>(METRICS)
    .filter(([, { loggedBy }]) => logs.some((kind) => loggedBy.includes(kind)))
    .map(([name]) => name);

/** Data as the records that a trainer reads. @throws AttuneError `data` */
export function recordsFor<Kind extends LearnedKind>(
  kind: Kind,
  dataset: Pick<Dataset, "records">,
): RecordsOf<Kind>[] {
  const records: readonly DataRecord[] =
    kind === "demonstration" ? demonstrations(dataset) : recordsAs(dataset, kind);
  return records as RecordsOf<Kind>[];
}
