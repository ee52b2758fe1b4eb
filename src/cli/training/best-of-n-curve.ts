/** The table that `best-of-n` ends with: what other numbers of answers would have been worth. */
import type { Table } from "../../evaluation/table.ts";
import { formatMean, formatNumber, formatTable } from "../../evaluation/table.ts";
import type { BestOfNPoint } from "../../stats/over-optimisation.ts";
import type { Reporter } from "../display/reporter.ts";

/** @param output folder of the answers */
export function reportCurve(
  curve: readonly BestOfNPoint[],
  output: string,
  reporter: Reporter,
): void {
  reporter.result(
    { curve },
    `${formatTable(curveTable(curve))}\n\nbest.jsonl, ranked.jsonl and curve.json -> ${output}`,
  );
}

/** k = 1, 2, 4, ... and n. */
function curveTable(curve: readonly BestOfNPoint[]): Table {
  const judged = curve[0]?.heldOutScore !== undefined;
  const right = "right" as const;
  return {
    caption: "Best of k, mean [95%]",
    columns: [
      { name: "k", align: right },
      { name: "KL at most, nats", align: right },
      { name: "reward", align: right },
      ...(judged ? [{ name: "held-out reward", align: right }] : []),
    ],
    rows: curve
      .filter(({ k }) => Number.isInteger(Math.log2(k)) || k === curve.length)
      .map(({ k, kl, score, heldOutScore }) => [
        String(k),
        formatNumber(kl),
        formatMean(score),
        ...(heldOutScore ? [formatMean(heldOutScore)] : []),
      ]),
    note: `Every k is estimated from the same answers to ${curve[0]?.score.n} prompts, without bias.`,
  };
}
