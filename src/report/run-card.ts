/** The card of a run's model. Paths of this machine are no part of it. */
import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parse } from "yaml";
import type { RewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { tokenizerOf } from "../models/open.ts";
import { isHubId } from "../models/weights/hub.ts";
import type { RunDetails } from "../runs/compare.ts";
import { readWholeFile } from "../runs/files.ts";
import { trainerEntry } from "../training/trainers.ts";
import { metricDefinition } from "../runs/metrics.ts";
import { flatten } from "../runs/recorded.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import type { CardFacts } from "./model-card.ts";
import { modelCard } from "./model-card.ts";

/**
 * The card of a finished run, from its options, metrics and hashes.
 * @param about.base what the trained model is called on the hub; undefined where that is not known
 */
export async function runCard(
  run: RunDetails,
  { id, base, isAdapter, license }: Pick<CardFacts, "id" | "base" | "isAdapter" | "license">,
): Promise<string> {
  const model = join(run.folder, "model");
  const isRewardModel = trainerEntry(run.info.command)?.makes === "reward";
  const facts: CardFacts = {
    id,
    isAdapter,
    isRewardModel,
    base,
    method: run.info.command,
    datasets: [run.config["data"]]
      .flat()
      .filter(
        (name): name is string =>
          typeof name === "string" &&
          isHubId(name) &&
          name.includes("/") &&
          !existsSync(resolve(run.info.workingFolder, name)),
      ),
    license,
    options: givenOptions(run),
    seed: run.info.seed,
    steps: run.step,
    versions: run.info.versions,
    dataHash: run.info.dataHash,
    metrics: metricsOf(run),
    quality: qualityOf(model),
    hasTemplate: (await tokenizerOf(run.folder)).chatTemplate !== undefined,
  };
  return modelCard(facts);
}

/** What was given, without where it lies on this machine: of a path the last part. */
function givenOptions(run: RunDetails): [string, string][] {
  const file = join(run.folder, "config.given.yaml");
  const given = existsSync(file) ? (parse(readWholeFile(file)) as object | null) : null;
  return flatten(given ?? {}).map(([name, value]) => [
    name,
    String(value)
      .split(", ")
      .map((part) => withoutPath(part, run.info.workingFolder))
      .join(", "),
  ]);
}

function withoutPath(text: string, folder: string): string {
  const isPath =
    /^(?:[~.]{0,2}[\\/]|[A-Za-z]:[\\/])/.test(text) ||
    (/[\\/]/.test(text) &&
      (!isHubId(text) || statSync(resolve(folder, text), { throwIfNoEntry: false }) !== undefined));
  return isPath ? basename(text.replaceAll("\\", "/")) : text;
}

/** Metrics that the card leaves out: they only tell how the run went by. */
const ASIDE = new Set(["epoch", "num_tokens", "learning_rate", "grad_norm"]);

function metricsOf({ last }: RunDetails): CardFacts["metrics"] {
  const names = Object.keys(last)
    .filter((name) => !ASIDE.has(name.replace(/^eval_/, "")))
    .toSorted((a, b) => Number(b.startsWith("eval_")) - Number(a.startsWith("eval_")));
  return names.map((name) => ({
    name,
    value: last[name]!,
    meaning: metricDefinition(name)?.formula ?? "",
    unit: metricDefinition(name)?.unit ?? "",
  }));
}

function qualityOf(model: string): RewardModelQuality | undefined {
  const pairs = readHeldOut(model);
  return pairs.some(({ p = 1 }) => p !== 0.5) ? rewardModelQuality(pairs) : undefined;
}
