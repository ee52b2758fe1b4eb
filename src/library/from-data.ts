/** Trainings from data: supervised fine-tuning, reward models, DPO and KTO. */
import { createHash } from "node:crypto";
import type { ConfigDefinition, ConfigOf } from "../config/config.ts";
import type { Dataset } from "../data/dataset.ts";
import { recordsAs } from "../data/dataset.ts";
import type { DataRecord, RecordKind } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { Encoder } from "../text/encoder.ts";
import type { TrainedModel, TrainingContext } from "../training/loop.ts";
import { warn } from "../training/loop.ts";
import { demonstrations } from "../training/offline/demonstrations.ts";
import { divideRows, labelWarnings } from "../training/offline/divide-rows.ts";
import { dpoConfig } from "../training/offline/dpo.config.ts";
import { dpo as trainDpo } from "../training/offline/dpo.ts";
import { ktoConfig } from "../training/offline/kto.config.ts";
import { kto as trainKto } from "../training/offline/kto.ts";
import { rewardConfig } from "../training/offline/reward.config.ts";
import { rewardModel as trainReward } from "../training/offline/reward.ts";
import { sftConfig } from "../training/offline/sft.config.ts";
import { sft as trainSft } from "../training/offline/sft.ts";
import { encoderByTemplate, holdConversations } from "../training/open-encoder.ts";
import type { Warning } from "../training/step.ts";
import type { LanguageModel, Trained } from "./models.ts";
import { precisionOf, trainedFrom } from "./models.ts";
import type { OptionsOf } from "./options.ts";
import { resolveOptions } from "./options.ts";
import type { BegunRun, RunOptions } from "./run.ts";
import { inRun } from "./run.ts";
import { Training } from "./training.ts";

/** Rows: what `loadDataset` gives, or records of a program's own. */
export type Records = Dataset | readonly DataRecord[];

/** What a training from data starts from. */
export interface DataInput {
  /** What `loadModel` gives, or a training; it stays as it was. */
  model: LanguageModel;
  /** Rows to learn from; converted to the kind that the method needs. */
  train: Records;
  /**
   * Rows that are measured and not learned. Where they are left out, the option `heldOut` says how
   * many of `train` are.
   */
  heldOut?: Records;
}

/** Options that every such training has. */
interface DataOptions {
  seed: number;
  heldOut: number;
  maxLength: number;
  template: string;
  trustText: boolean;
}

/** What a trainer is to the library. */
interface DataTrainer<D extends ConfigDefinition, R extends DataRecord> {
  config: D;
  needs: RecordKind;
  /** Records as the trainer reads them. */
  convert(data: { records: readonly DataRecord[] }): R[];
  train(
    input: { model: Model; encoder: Encoder; train: R[]; heldOut: R[] },
    config: ConfigOf<D>,
    context: TrainingContext,
  ): AsyncGenerator<TrainingEvent, TrainedModel>;
}

export const datasetOf = (data: Records): Pick<Dataset, "records"> & Partial<Dataset> =>
  "records" in data ? data : { records: data };

/** Over the records, in order. */
export const hashOf = (data: Records): string => {
  const { hash, records } = datasetOf(data);
  return hash ?? createHash("sha256").update(JSON.stringify(records)).digest("hex");
};

async function* trainOn<D extends ConfigDefinition, R extends DataRecord>(
  { config: definition, needs, convert, train }: DataTrainer<D, R>,
  input: DataInput,
  { options, run: runOptions }: { options: object; run: RunOptions },
): AsyncGenerator<TrainingEvent, Trained> {
  const dataset = datasetOf(input.train);
  const parsed = resolveOptions(definition, options, {
    model: input.model.model.source ?? "a model of the program",
    data: dataset.source ?? "records of the program",
    ...precisionOf(input.model.model),
    ...(input.heldOut ? { heldOut: 0 } : {}),
  });
  const config = parsed.resolved as ConfigOf<D> & DataOptions;
  const rows = divide(convert(dataset), input.heldOut && convert(datasetOf(input.heldOut)), config);
  const facts = {
    config: parsed,
    command: definition.name,
    seed: config.seed,
    dataHash: [input.train, ...(input.heldOut ? [input.heldOut] : [])].map(hashOf).join(" "),
    model: input.model,
  };
  const told = [...labelWarnings(dataset.records, needs), ...rows.warnings];
  const { result, ...end } = yield* inRun(facts, runOptions, async function* (begun) {
    const { context } = begun;
    const encoder = yield* openEncoder(input.model, config, { ...begun, rows: rows.train });
    yield* tellOfData(dataset, told, context);
    const trained = yield* train({ model: input.model.model, encoder, ...rows }, config, context);
    return { ...trained, tokenizer: encoder.tokenizer };
  });
  return trainedFrom(result, end);
}

/** Rows of a program's own are held out as they are; else the option says how many. */
function divide<R extends DataRecord>(
  records: R[],
  heldOut: R[] | undefined,
  config: DataOptions,
): { train: R[]; heldOut: R[]; warnings: Warning[] } {
  const divided = divideRows(records, heldOut ? { ...config, heldOut: 0 } : config);
  const { train, note, warnings } = divided;
  const unused = note === undefined ? [] : [{ id: "unused-rows", message: note }];
  return { train, heldOut: heldOut ?? divided.heldOut, warnings: [...unused, ...warnings] };
}

/** What was met while data was read, and what is worth telling of it. */
export function* tellOfData(
  { warnings = [] }: Partial<Dataset>,
  more: readonly Warning[],
  context: TrainingContext,
): Generator<TrainingEvent> {
  for (const message of warnings) yield warn({ id: "data", message }, context);
  for (const warning of more) yield warn(warning, context);
}

/** The encoder of a model by the options of a training. A template that nobody chose is told. */
export function* openEncoder(
  { tokenizer }: LanguageModel,
  { maxLength, template, trustText }: Pick<DataOptions, "maxLength" | "template" | "trustText">,
  { templateTime, context, rows }: BegunRun & { rows: readonly object[] },
): Generator<TrainingEvent, Encoder> {
  const conversations = holdConversations(rows);
  const request = { maxLength, template, trustText, templateTime, conversations };
  const { encoder, falls } = encoderByTemplate(tokenizer, request);
  const message =
    "the model has no chat template and is given conversations, which are written as User: ... " +
    "Assistant: ... (the template plain); the option template names another";
  if (falls) yield warn({ id: "plain-template", message }, context);
  return encoder;
}

/** Options of {@link sft}, all with a default. Units, ranges and sources: docs/options.md. */
export type SftOptions = OptionsOf<typeof sftConfig>;
/** Options of {@link rewardModel}, all with a default. Units, ranges and sources: docs/options.md. */
export type RewardModelOptions = OptionsOf<typeof rewardConfig>;
/** Options of {@link dpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type DpoOptions = OptionsOf<typeof dpoConfig>;
/** Options of {@link kto}, all with a default. Units, ranges and sources: docs/options.md. */
export type KtoOptions = OptionsOf<typeof ktoConfig>;

const asPairs = (data: { records: readonly DataRecord[] }) => recordsAs(data, "preference");
const asJudged = (data: { records: readonly DataRecord[] }) => recordsAs(data, "unpaired");

/**
 * Supervised fine-tuning: learns the answers of demonstrations and conversations, or texts; of
 * pairs and rankings the best answers. Loss: mean negative log-likelihood of a token, nats.
 * @throws AttuneError `data`, `config`, `model`, `run` or `numeric`, from the first event on
 */
export function sft(
  input: DataInput,
  options: SftOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const trainer = {
    config: sftConfig,
    needs: "demonstration" as const,
    convert: demonstrations,
    train: trainSft,
  };
  return new Training(trainOn(trainer, input, { options, run }));
}

/**
 * A Bradley-Terry reward model: a scalar head at the last token of an answer, from pairs or
 * rankings. Loss: -log sigmoid of the difference of two scores, nats a pair.
 *
 * Source: Ouyang et al. 2022 (arXiv 2203.02155), section 3.5; TRL's reward_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export function rewardModel(
  input: DataInput,
  options: RewardModelOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const trainer = {
    config: rewardConfig,
    needs: "preference" as const,
    convert: asPairs,
    train: trainReward,
  };
  return new Training(trainOn(trainer, input, { options, run }));
}

/**
 * Direct preference optimisation and its relatives (option `loss`), from pairs. The reference is
 * the model that was given. Loss: nats a pair, ln 2 at the start for `sigmoid`.
 *
 * Source: Rafailov et al. 2023 (arXiv 2305.18290); TRL's dpo_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export function dpo(
  input: DataInput,
  options: DpoOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const trainer = {
    config: dpoConfig,
    needs: "preference" as const,
    convert: asPairs,
    train: trainDpo,
  };
  return new Training(trainOn(trainer, input, { options, run }));
}

/**
 * KTO: answers that are desirable or not, without pairs; pairs become two answers each. Loss: 0 to
 * 1 an answer, 0.5 at the start.
 *
 * Source: Ethayarajh et al. 2024 (arXiv 2402.01306), equation 8; TRL's kto_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export function kto(
  input: DataInput,
  options: KtoOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const trainer = {
    config: ktoConfig,
    needs: "unpaired" as const,
    convert: asJudged,
    train: trainKto,
  };
  return new Training(trainOn(trainer, input, { options, run }));
}
