/** What `attune ask` says at the end. */
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import type { AskConfig } from "../../labelling/asking/ask.config.ts";
import type { AskResult } from "../../labelling/asking/ask.ts";
import { CURVE_FILE, ORDER_FILE } from "../../labelling/asking/files.ts";
import type { Interval } from "../../stats/intervals.ts";

const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
const within = ({ estimate, low, high }: Interval): string =>
  `${percent(estimate)} [${percent(low)}, ${percent(high)}]`;

export function askText(result: AskResult, folder: string, { confidence }: AskConfig): string {
  const { order, curve, learned, heldOut, nearDuplicates, cut } = result;
  const byChance = order.filter(({ chosenBy }) => chosenBy === "random").length;
  const lines = [
    `${countOf(order.length, "pair")} in order, ${byChance} of them in places that chance chose`,
    ...(nearDuplicates > 0
      ? [`${countOf(nearDuplicates, "pair")} that say nearly what another says stand apart from it`]
      : []),
    ...(cut > 0
      ? [`${countOf(cut, "answer")} did not fit and were scored where they were cut`]
      : []),
  ];
  const now = curve?.points.at(-1);
  if (now)
    lines.push(
      `with ${countOf(learned, "label")}: ${within(now.accuracy)} of ${heldOut} held-out labels ` +
        `are met (${percent(confidence)} interval)`,
    );
  const gain = curve?.gains[0];
  if (gain)
    lines.push(
      `a further hundred would buy ${within(gain.gain)}` +
        (curve?.noClaim === undefined ? "" : `: ${curve.noClaim}`),
    );
  else if (curve?.noClaim !== undefined) lines.push(`what more would buy: ${curve.noClaim}`);
  lines.push(`${join(folder, ORDER_FILE)}, ${join(folder, CURVE_FILE)}`);
  return lines.join("\n");
}
