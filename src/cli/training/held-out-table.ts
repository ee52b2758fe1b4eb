/**
 * The table that `dpo` and `reward` end with: accuracy on held-out pairs, with intervals, beside
 * what length alone would tell.
 */
import { countOf } from "../../core/counts.ts";
import { rewardModelQuality, rewardModelTable } from "../../evaluation/reward-model-quality.ts";
import { formatTable } from "../../evaluation/table.ts";
import type { Interval } from "../../stats/intervals.ts";
import { readHeldOut } from "../../training/offline/held-out.ts";
import type { AccuracyMetric } from "../../training/trainer.ts";
import type { Reporter } from "../display/reporter.ts";

/**
 * @param folder of the run's result
 * @param accuracy metric by which the accuracy is known
 */
export function reportHeldOut(folder: string, accuracy: AccuracyMetric, reporter: Reporter): void {
  const pairs = readHeldOut(folder);
  if (pairs.length === 0) return;
  const quality = rewardModelQuality(pairs);
  const interval = ({ estimate, low, high, noClaim }: Interval) => ({
    estimate,
    low,
    high,
    ...(noClaim === undefined ? {} : { noClaim }),
  });
  const [longest, shortest] = quality.baselines;
  const data = {
    heldOut: quality.pairs,
    [accuracy]: interval(quality.accuracy),
    longestWins: interval(longest.accuracy),
    shortestWins: interval(shortest.accuracy),
  };
  const table = rewardModelTable(quality);
  const rows = table.rows.map(([name, ...rest]) => [
    name === "right order" ? `right order (${accuracy})` : name!,
    ...rest,
  ]);
  reporter.result(
    data,
    formatTable({ ...table, caption: countOf(quality.decided, "held-out pair"), rows }),
  );
}
