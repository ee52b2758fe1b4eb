/** What a command that trains on data starts from: the model, and the rows, checked and divided. */
import type { Dataset } from "../../data/dataset.ts";
import type { OpenedModel } from "../../models/open.ts";
import type { Precision } from "../../models/precision.ts";
import type { Encoder } from "../../text/encoder.ts";
import { divideRows, labelWarnings } from "../../training/offline/divide-rows.ts";
import { holdConversations, readTemplate } from "../../training/open-encoder.ts";
import type { DataSchedule } from "../../training/passes.ts";
import type { LearnedKind, RecordsOf } from "../../training/trainer.ts";
import { recordsFor } from "../../training/trainer.ts";
import type { CommandContext } from "../command.ts";
import type { DataConfig } from "../inputs/data-input.ts";
import { dataName, loadTrainingData } from "../inputs/data-input.ts";
import { findModel } from "../inputs/find-model.ts";
import { readModelOf } from "../inputs/read-model.ts";
import { openEncoder } from "../inputs/template-input.ts";

export interface InputConfig extends DataSchedule, DataConfig {
  model: string;
  seed: number;
  heldOut: number;
  maxLength: number;
  trustText: boolean;
  template: string;
  precision: Precision;
}

/** A model and the rows that it is to learn from. */
export interface TrainingInput<Kind extends LearnedKind> {
  opened: OpenedModel;
  encoder: Encoder;
  dataset: Dataset;
  train: RecordsOf<Kind>[];
  heldOut: RecordsOf<Kind>[];
}

/**
 * Loads and checks the data first, since a mistake there should not cost the time to read a model.
 */
export async function openInput<Kind extends LearnedKind>(
  config: InputConfig,
  kind: Kind,
  { reporter, signal, standIns, templateTime }: CommandContext,
): Promise<TrainingInput<Kind>> {
  readTemplate(config.template);
  const dataset = await loadTrainingData(config, kind, { context: { reporter, signal } });
  for (const { id, message } of labelWarnings(dataset.records, kind)) reporter.warn(id, message);
  const divided = divideRows(recordsFor(kind, dataset), config, dataName(config.data));
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
