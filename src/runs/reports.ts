/** The reports that a run writes beside its own files, by their names. */
import { readConfig } from "./recorded.ts";
import type { MetricLine, Report } from "./report.ts";
import type { RunInfo } from "./run-info.ts";
import { TensorBoardWriter } from "./tensorboard.ts";
import { WandbWriter } from "./wandb.ts";

/**
 * Opens them one after the other.
 * @param run.lines what metrics.jsonl holds already
 * @throws AttuneError `disk`
 */
export function* openReports(
  targets: readonly string[],
  { folder, info, lines }: { folder: string; info: RunInfo; lines: readonly MetricLine[] },
): Generator<Report, void> {
  if (targets.includes("tensorboard"))
    yield new TensorBoardWriter(folder, { created: info.created, lines });
  if (targets.includes("wandb"))
    yield new WandbWriter(folder, {
      info,
      config: readConfig(folder),
      lines,
      project: process.env["WANDB_PROJECT"],
    });
}
