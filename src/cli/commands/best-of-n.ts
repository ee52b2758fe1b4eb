/** `attune best-of-n`: draw n answers to each prompt, and keep the one that a reward likes most. */
import type { Table } from "../../evaluation/table.ts";
import { formatMean, formatNumber, formatTable } from "../../evaluation/table.ts";
import { bestOfNConfig } from "../../training/online/best-of-n.config.ts";
import type { BestOfNPoint } from "../../training/online/best-of-n.ts";
import { bestOfN, readCurve } from "../../training/online/best-of-n.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: bestOfNConfig,
  examples: [
    "attune best-of-n --model runs/sft --reward runs/reward --data prompts.jsonl --samples 64 " +
      "--out runs/best",
    "attune sft --model runs/sft --data runs/best/answers/best.jsonl --out runs/best-sft",
  ],
  train: bestOfN,
  steps: (prompts, { prompts: wanted, promptsPerStep }) =>
    Math.ceil((wanted > 0 ? Math.min(wanted, prompts) : prompts) / promptsPerStep),
  report({ output }, { reporter }) {
    if (output === undefined) return;
    const curve = readCurve(output);
    reporter.result(
      { curve },
      `${formatTable(curveTable(curve))}\n\nbest.jsonl, ranked.jsonl and curve.json -> ${output}`,
    );
  },
});

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
