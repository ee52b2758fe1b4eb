/** Where the models of `attune eval conflicts` are on the scale that they were made along. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { Along } from "../../evaluation/conflicts/along.ts";
import { runOfCheckpoint } from "../../models/checkpoint.ts";
import { Checkpoints } from "../../runs/checkpoints.ts";
import { readJsonLines } from "../../runs/json-lines.ts";
import { readConfig } from "../../runs/recorded.ts";
import { mean } from "../../stats/intervals.ts";

/** Roll-outs at the end whose mean is a run's KL: one has few answers. */
const LAST = 7;
const LIST = /^([^=]+)=(.*)$/;

export interface PlacedModels {
  /** In the order of the scale. */
  models: readonly string[];
  along: Along | undefined;
}

/**
 * @param text `kl=0,2.1,8.4`, a value for each model; or `step`, `kl` or a numeric option, which the
 * runs' records tell; empty for the order in which they were given
 * @throws AttuneError `usage` where a model has no place, or two have the same
 */
export function placeModels(models: readonly string[], text: string): PlacedModels {
  if (text === "") return { models, along: undefined };
  const listed = LIST.exec(text);
  const name = listed ? listed[1]!.trim() : text.trim();
  const values = listed ? parseList(listed[2]!, models) : models.map((run) => recorded(run, name));
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const twice = order.find((each, i) => i > 0 && values[order[i - 1]!] === values[each]);
  if (twice !== undefined)
    throw new AttuneError("usage", `two models have the same ${name}`, {
      got: models.map((model, i) => `${model}: ${values[i]!}`).join(", "),
      expected: "a place of its own for each model, so that there are neighbours to compare",
    });
  return {
    models: order.map((i) => models[i]!),
    along: { name, values: order.map((i) => values[i]!) },
  };
}

function parseList(text: string, models: readonly string[]): number[] {
  const parts = text.split(",").map((part) => part.trim());
  const values = parts.map((part) => (part === "" ? NaN : Number(part)));
  if (values.length !== models.length || !values.every(Number.isFinite))
    throw new AttuneError("usage", "--along needs a number for each model", {
      got: `${parts.join(", ")} for ${models.join(", ")}`,
      expected: "as in --along kl=0,2.1,8.4, in the order of --models",
    });
  return values;
}

/** What the record of a model's run tells; that of the model which an evaluation was of. */
function recorded(folder: string, name: string): number {
  const place = placeOf(folder);
  const value = place === undefined ? undefined : valueIn(place, name);
  if (value !== undefined) return value;
  throw new AttuneError("usage", `nothing tells the ${name} of this model`, {
    file: folder,
    expected: "step or kl, which a run's metrics tell, or a numeric option of the run",
    hint: `give it: --along ${name}=... with a number for each model`,
  });
}

/** A run, and the step of it where the model is not its last. */
interface RecordedPlace {
  run: string;
  step?: number;
}

/** The run folder itself, the run of a checkpoint, or that of the model which was evaluated. */
function placeOf(folder: string): RecordedPlace | undefined {
  const trained = trainedPlace(folder);
  if (trained?.step !== undefined) return trained;
  if (trained === undefined) return undefined;
  const config = readConfig(folder);
  const evaluated = Object.values(config)
    .map((section) => (section as { model?: unknown } | null)?.model)
    .find((model): model is string => typeof model === "string");
  return evaluated === undefined ? trained : trainedPlace(evaluated);
}

function trainedPlace(folder: string): RecordedPlace | undefined {
  const run = runOfCheckpoint(folder);
  if (run !== undefined) {
    const kept = new Checkpoints(dirname(folder), 0).list();
    const step = kept.find((each) => resolve(each.folder) === resolve(folder))?.step;
    return { run, ...(step === undefined ? {} : { step }) };
  }
  return existsSync(join(folder, "run.json")) ? { run: folder } : undefined;
}

function valueIn({ run, step }: RecordedPlace, name: string): number | undefined {
  const metrics = readJsonLines(join(run, "metrics.jsonl"));
  const numbers = (key: string): number[] =>
    metrics.map((line) => line[key]).filter((value): value is number => typeof value === "number");
  if (name === "step") return step ?? numbers("step").at(-1);
  if (name === "kl") {
    const nats = nearStep(numbers("objective/kl"), step);
    return nats.length === 0 ? undefined : Math.max(0, mean(nats));
  }
  const option = readConfig(run)[name];
  return typeof option === "number" ? option : undefined;
}

/**
 * @param values of every step, from 1
 * @returns those of the last few, or around a step: its policy makes the roll-out of the next one
 */
function nearStep(values: readonly number[], step: number | undefined): number[] {
  if (step === undefined) return values.slice(-LAST);
  const at = Math.min(step, values.length - 1);
  const reach = Math.min((LAST - 1) / 2, at, values.length - 1 - at);
  return values.slice(at - reach, at + reach + 1);
}
