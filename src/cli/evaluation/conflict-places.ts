/** Where the models of `attune eval conflicts` are on the scale that they were made along. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { Along } from "../../evaluation/conflicts/along.ts";
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
  const run = runOf(folder);
  const value = run === undefined ? undefined : valueIn(run, name);
  if (value !== undefined) return value;
  throw new AttuneError("usage", `nothing tells the ${name} of this model`, {
    file: folder,
    expected: "step or kl, which a run's metrics tell, or a numeric option of the run",
    hint: `give it: --along ${name}=... with a number for each model`,
  });
}

/** The run folder itself, or the model of an evaluation where that is one. */
function runOf(folder: string): string | undefined {
  if (!existsSync(join(folder, "run.json"))) return undefined;
  const config = readConfig(folder);
  const evaluated = Object.values(config)
    .map((section) => (section as { model?: unknown } | null)?.model)
    .find((model): model is string => typeof model === "string");
  if (evaluated === undefined) return folder;
  return existsSync(join(evaluated, "run.json")) ? evaluated : undefined;
}

function valueIn(run: string, name: string): number | undefined {
  const metrics = readJsonLines(join(run, "metrics.jsonl"));
  const numbers = (key: string): number[] =>
    metrics.map((line) => line[key]).filter((value): value is number => typeof value === "number");
  if (name === "step") return numbers("step").at(-1);
  if (name === "kl") {
    const nats = numbers("objective/kl").slice(-LAST);
    return nats.length === 0 ? undefined : Math.max(0, mean(nats));
  }
  const option = readConfig(run)[name];
  return typeof option === "number" ? option : undefined;
}
