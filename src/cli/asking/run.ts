/** `attune ask`: reads labels and pool, trains the ensemble, and writes the order and the curve. */
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import { stringifyJson } from "../../core/json.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { AskConfig, askConfig } from "../../labelling/asking/ask.config.ts";
import type { AskResult } from "../../labelling/asking/ask.ts";
import { askNext, divideLabels, workOf } from "../../labelling/asking/ask.ts";
import { CURVE_FILE, ORDER_FILE, curveFile, orderLines } from "../../labelling/asking/files.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Run } from "../../runs/run.ts";
import type { CommandContext } from "../command.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import { findModel } from "../inputs/find-model.ts";
import { readModelOf } from "../inputs/read-model.ts";
import type { TrainingCall } from "../training/training-command.ts";
import { askText } from "./text.ts";

export async function runAsk(
  { config, effective, dryRun, out, openRun }: TrainingCall<typeof askConfig>,
  context: CommandContext,
): Promise<void> {
  const { reporter, signal } = context;
  const labels = await read(config.labels, config, context);
  const pool = await read(config.pool, config, context);
  const divided = divideLabels(pairsOf(labels), config);
  const { total } = workOf(divided, config);
  const given =
    `${countOf(divided.train.length, "label")} to learn from, ` +
    `${divided.heldOut.length} held out; ${countOf(pool.records.length, "pair")} to order`;
  if (divided.noCurve !== undefined) reporter.warn("no-curve", `no curve: ${divided.noCurve}`);
  if (dryRun)
    return reporter.result(
      { command: "ask", out, config: effective, trainings: total },
      `${given}\nnothing was written; the run would be in ${out}`,
    );
  const opened = await readModelOf(config.model, await findModel(config.model, context), {
    merge: true,
    precision: config.precision,
    context: config.maxLength,
    reporter,
  });
  reporter.note(given);
  const run = await openRun({
    seed: config.seed,
    dataHash: jointHash(labels.hash, pool.hash),
    modelFingerprint: opened.fingerprint,
  });
  const progress = reporter.progress({ title: "asking", total, unit: "parts", even: false });
  try {
    const result = await askNext(opened, { divided, pool: pairsOf(pool) }, config, {
      signal,
      folder: run.folder,
      onWork(part, what) {
        progress.update(part, what);
        run.event("work", { done: part, total, what });
      },
    });
    progress.update(total);
    progress.end();
    write(run, result);
    reporter.result({ run: run.folder, ...summaryOf(result) }, askText(result, run.folder, config));
    run.finish("completed");
  } catch (error) {
    progress.end();
    // models that are done are not trained again
    run.fail(error);
    throw error;
  }
}

const pairsOf = (dataset: Dataset): PreferenceRecord[] => recordsAs(dataset, "preference");

async function read(source: string, config: AskConfig, context: CommandContext): Promise<Dataset> {
  const dataset = await loadDataset(source, {
    ...loadOptions(config, context),
    keepColumns: true,
    needs: "preference",
  });
  reportDataset(dataset, context.reporter);
  return dataset;
}

function write(run: Run, result: AskResult): void {
  writeFileAtomic(join(run.folder, ORDER_FILE), orderLines(result.order));
  writeFileAtomic(join(run.folder, CURVE_FILE), `${stringifyJson(curveFile(result))}\n`);
}

function summaryOf(result: AskResult): Record<string, unknown> {
  const chosenBy: Record<string, number> = {};
  for (const { chosenBy: by } of result.order) chosenBy[by] = (chosenBy[by] ?? 0) + 1;
  const { learned, heldOut, nearDuplicates, cut, curve, noCurve } = result;
  return {
    pairs: result.order.length,
    chosenBy,
    learned,
    heldOut,
    nearDuplicates,
    cut,
    curve,
    noCurve,
  };
}
