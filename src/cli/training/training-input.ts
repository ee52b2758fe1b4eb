/**
 * What the training commands share: opening the model, loading and splitting the data, saying what
 * would happen.
 */
import { AttuneError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { likelierAsChosen } from "../../data/judgements.ts";
import type { DataRecord, PreferenceRecord, RecordKind } from "../../data/records.ts";
import type { OpenedModel } from "../../models/open.ts";
import type { Precision } from "../../models/precision.ts";
import type { DataConfig } from "../inputs/data-input.ts";
import { dataName, loadTrainingData } from "../inputs/data-input.ts";
import { findModel } from "../inputs/find-model.ts";
import { readModelOf } from "../inputs/read-model.ts";
import { openEncoder } from "../inputs/template-input.ts";
import { holdConversations, readTemplate } from "../../training/open-encoder.ts";
import { cacheFolder } from "../../runs/cache-folder.ts";
import type { EndEvent, TrainingEvent } from "../../runs/events.ts";
import type { Run } from "../../runs/run.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { EncodingReport } from "../../training/encoding.ts";
import type { TrainingContext } from "../../training/loop.ts";
import { divideRows, labelWarnings } from "../../training/offline/divide-rows.ts";
import type { SftConfig } from "../../training/offline/sft.ts";
import { encodeSftRecord } from "../../training/offline/sft.ts";
import type { DataSchedule } from "../../training/passes.ts";
import { totalSteps } from "../../training/passes.ts";
import type { CommandContext } from "../command.ts";
import { runTrainer, dryRunTrainer } from "../display/run-trainer.ts";
import { reportPlan } from "../display/dry-run.ts";
import type { Reporter } from "../display/reporter.ts";
import type { ShownText } from "../display/shown-example.ts";
import {
  showExample,
  textsOfAnswers,
  textsOfExample,
  textsOfPair,
} from "../display/shown-example.ts";
import type { RunFacts } from "./training-command.ts";

export interface InputConfig extends DataSchedule, DataConfig {
  model: string;
  seed: number;
  heldOut: number;
  maxLength: number;
  trustText: boolean;
  template: string;
  precision: Precision;
}

/** What a method learns from. */
export interface NeededRecords<R extends DataRecord> {
  needs: RecordKind;
  /** The data as its records. */
  convert: (dataset: Dataset) => R[];
}

export interface TrainingInput<R extends DataRecord> {
  opened: OpenedModel;
  encoder: Encoder;
  dataset: Dataset;
  train: R[];
  heldOut: R[];
}

/**
 * Loads and checks the data first, since a mistake there should not cost the time to read a model.
 */
export async function openInput<R extends DataRecord>(
  config: InputConfig,
  { needs, convert }: NeededRecords<R>,
  { reporter, signal, standIns, templateTime }: CommandContext,
): Promise<TrainingInput<R>> {
  readTemplate(config.template);
  const dataset = await loadTrainingData(config, needs, { context: { reporter, signal } });
  for (const { id, message } of labelWarnings(dataset.records, needs)) reporter.warn(id, message);
  const divided = divideRows(convert(dataset), config, dataName(config.data));
  const { train, heldOut, note, warnings } = divided;
  if (note !== undefined) reporter.note(note);
  for (const { id, message } of warnings) reporter.warn(id, message);
  const path = await findModel(config.model, {
    reporter,
    signal,
    ...(standIns ? { standIns } : {}),
  });
  const opened = await readModelOf(config.model, path, {
    merge: true,
    precision: config.precision,
    context: config.maxLength,
    reporter,
  });
  return {
    opened,
    encoder: openEncoder(
      opened.tokenizer,
      {
        template: config.template,
        maxLength: config.maxLength,
        trustText: config.trustText,
        conversations: holdConversations(train),
        templateTime,
      },
      { reporter },
    ),
    dataset,
    train,
    heldOut,
  };
}

export interface EncodedInput {
  examples: number;
  heldOut: number;
  report: Pick<EncodingReport, "warnings">;
}

export interface TrainingJob<R extends DataRecord> {
  command: string;
  config: InputConfig;
  effective: Readonly<Record<string, unknown>>;
  input: TrainingInput<R>;
  dryRun: boolean;
  out: string;
  openRun: (facts: RunFacts) => Promise<Run>;
  /** Encodes the rows, for a dry run: how many examples they make, and what is worth telling. */
  encode: () => EncodedInput;
  /**
   * What is learned of an example: its answers (the default), every token, or a score at the end.
   */
  loss?: SftConfig["loss"] | "score";
  train: (context: TrainingContext) => AsyncGenerator<TrainingEvent>;
}

/** The first record as its trainer encodes it. */
function firstExample(
  record: DataRecord,
  encoder: Encoder,
  loss: SftConfig["loss"] | "score",
): ShownText[] {
  if (loss === "score")
    return firstExample(record, encoder, "completion").map(({ ids, name }) => ({
      ids,
      ...(name === undefined ? {} : { name }),
    }));
  switch (record.kind) {
    case "text":
    case "conversation":
    case "demonstration":
      return textsOfExample(encodeSftRecord(record, encoder, loss)[0]!);
    case "preference":
      return textsOfPreference(likelierAsChosen(record), encoder);
    case "unpaired":
      return textsOfExample(encoder.encodeExample(record.prompt, record.completion, record));
    case "ranked":
      return textsOfAnswers(
        encoder.encodeAnswers(
          record.prompt,
          record.completions.map(({ completion }) => completion),
          record,
        ),
      );
    case "prompt":
      return [{ ids: encoder.encodePrompt(record.prompt, record) }];
  }
}

const textsOfPreference = (pair: PreferenceRecord, encoder: Encoder): ShownText[] =>
  textsOfPair(encoder.encodePair(pair.prompt, pair.chosen, pair.rejected, pair));

/**
 * Rows that cannot be encoded are told or refused when all are encoded: the first of the others is
 * shown.
 */
function showFirst<R extends DataRecord>(
  { input: { train, encoder }, loss = "completion" }: Pick<TrainingJob<R>, "input" | "loss">,
  reporter: Reporter,
): void {
  for (const record of train) {
    try {
      return showExample(
        firstExample(record, encoder, loss),
        { tokenizer: encoder.tokenizer, what: "the first example" },
        reporter,
      );
    } catch (error) {
      if (!(error instanceof AttuneError) || error.code !== "data") throw error;
    }
  }
}

/** Says what would happen, or does it. @returns the end of the run; undefined for a dry run */
export async function runTraining<R extends DataRecord>(
  work: TrainingJob<R>,
  { reporter, signal }: CommandContext,
): Promise<EndEvent | undefined> {
  const { config, input } = work;
  showFirst(work, reporter);
  if (work.dryRun) {
    const { examples, heldOut, report } = work.encode();
    for (const { id, message } of report.warnings) reporter.warn(id, message);
    await dryRunTrainer(work.train({ rehearsal: true, signal }), reporter, report.warnings);
    reportPlan(reporter, {
      command: work.command,
      examples,
      heldOut,
      steps: totalSteps(examples, config),
      out: work.out,
      config: work.effective,
    });
    return undefined;
  }
  const { fingerprint: modelFingerprint } = input.opened;
  const run = await work.openRun({
    seed: config.seed,
    dataHash: input.dataset.hash,
    modelFingerprint,
  });
  const cache = { folder: cacheFolder(), modelFingerprint };
  return runTrainer(
    // nobody reads the model that was opened afterwards
    work.train({
      run,
      signal,
      cache,
      takesModel: true,
      progress: (shown) => reporter.progress(shown),
    }),
    reporter,
    run.folder,
  );
}
