/** Data as programs hold it, and what is told of it before a training. */
import { createHash } from "node:crypto";
import type { Dataset, OnBad } from "../data/dataset.ts";
import type { DataRecord } from "../data/records.ts";
import { usableRecords } from "../data/usable-records.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { Encoder } from "../text/encoder.ts";
import type { TrainingContext } from "../training/loop.ts";
import { warn } from "../training/loop.ts";
import { encoderByTemplate, holdConversations } from "../training/open-encoder.ts";
import type { Warning } from "../training/step.ts";
import type { LanguageModel } from "./models.ts";
import type { BegunRun } from "./run.ts";

/** Rows: what `loadDataset` gives, or records of a program's own. */
export type Records = Dataset | readonly DataRecord[];

/** What a data set says of itself, as far as it is known. */
type KnownDataset = Pick<Dataset, "records"> & Partial<Dataset>;

/** As they were given. */
export const datasetOf = (data: Records): KnownDataset =>
  "records" in data ? data : { records: data };

/**
 * With the records that can be used: those of a program's own are looked at as rows of a file were.
 * @throws AttuneError `data` for what `onBad` does not let go
 */
export const usableOf = (data: Records, onBad: OnBad): KnownDataset =>
  "records" in data ? data : usableRecords(data, onBad);

/** Over the records, in order. */
export const hashOf = (data: Records): string => {
  const { hash, records } = datasetOf(data);
  return hash ?? createHash("sha256").update(JSON.stringify(records)).digest("hex");
};

/** What was met while data was read, and what is worth telling of it. */
export function* tellOfData(
  datasets: readonly KnownDataset[],
  more: readonly Warning[],
  context: TrainingContext,
): Generator<TrainingEvent> {
  for (const { warnings = [] } of datasets)
    for (const message of warnings) yield warn({ id: "data", message }, context);
  for (const warning of more) yield warn(warning, context);
}

/** The encoder of a model by the options of a training. A template that nobody chose is told. */
export function* openEncoder(
  { tokenizer }: LanguageModel,
  { maxLength, template, trustText }: { maxLength: number; template: string; trustText: boolean },
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
