/** How a program trains on data. */
import type { ConfigDefinition, ConfigOf } from "../config/config.ts";
import type { OnBad } from "../data/dataset.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { divideRows, labelWarnings } from "../training/offline/divide-rows.ts";
import type { Warning } from "../training/step.ts";
import type { DataTrainerEntry, LearnedKind } from "../training/trainer.ts";
import { recordsFor } from "../training/trainer.ts";
import type { DataRecord } from "../data/records.ts";
import { refuseUnknown } from "./fields.ts";
import type { LanguageModel, Trained } from "./models.ts";
import { precisionOf, trainedFrom } from "./models.ts";
import { namingOptions } from "./option-names.ts";
import { resolveOptions } from "./options.ts";
import type { Records } from "./records.ts";
import { datasetOf, hashOf, openEncoder, tellOfData, usableOf } from "./records.ts";
import type { RunOptions } from "./run.ts";
import { inRun } from "./run.ts";
import { Training } from "./training.ts";

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
  onBad: OnBad;
  heldOut: number;
  maxLength: number;
  template: string;
  trustText: boolean;
}

/** What a training from data is given. */
interface Given {
  input: DataInput;
  options: object;
  run: RunOptions;
}

/** A training by a trainer's entry, from its data to what came out. */
export const trainOnData = <D extends ConfigDefinition, Kind extends LearnedKind>(
  entry: DataTrainerEntry<D, Kind>,
  given: Given,
): Training<Trained> => new Training(namingOptions(entry, events(entry, given)));

async function* events<D extends ConfigDefinition, Kind extends LearnedKind>(
  entry: DataTrainerEntry<D, Kind>,
  { input, options, run: runOptions }: Given,
): AsyncGenerator<TrainingEvent, Trained> {
  refuseUnknown(input, ["model", "train", "heldOut"]);
  const { learnsFrom } = entry;
  const [definition, { train }] = await Promise.all([entry.config(), entry.load()]);
  const parsed = resolveOptions(definition, options, {
    model: input.model.model.source ?? "a model of the program",
    data: datasetOf(input.train).source ?? "records of the program",
    ...precisionOf(input.model.model),
    ...(input.heldOut ? { heldOut: 0 } : {}),
  });
  const config = parsed.resolved as ConfigOf<D> & DataOptions;
  const { onBad } = config;
  const dataset = usableOf(input.train, onBad);
  const given = input.heldOut && datasetOf(input.heldOut);
  // none held out is a choice
  const held = given && given.records.length > 0 ? usableOf(input.heldOut!, onBad) : given;
  const rows = divide(
    recordsFor(learnsFrom, dataset),
    held && recordsFor(learnsFrom, held),
    config,
  );
  const facts = {
    config: parsed,
    command: definition.name,
    seed: config.seed,
    dataHash: [input.train, ...(input.heldOut ? [input.heldOut] : [])].map(hashOf).join(" "),
    model: input.model,
  };
  const told = [...labelWarnings(dataset.records, learnsFrom), ...rows.warnings];
  const { result, ...end } = yield* inRun(facts, runOptions, async function* (begun) {
    const { context } = begun;
    const encoder = yield* openEncoder(input.model, config, { ...begun, rows: rows.train });
    yield* tellOfData([dataset, ...(held ? [held] : [])], told, context);
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
