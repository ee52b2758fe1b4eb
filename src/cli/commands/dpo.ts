/** `attune dpo`: direct preference optimisation and its relatives. */
import { recordsAs } from "../../data/dataset.ts";
import { wilson } from "../../stats/intervals.ts";
import { dpoConfig } from "../../training/dpo.config.ts";
import { dpo, longestWins } from "../../training/dpo.ts";
import { trainingCommand } from "../training-command.ts";
import { completionText } from "../../text/messages.ts";
import { openInput, runTraining } from "./training-input.ts";

export const command = trainingCommand({
  config: dpoConfig,
  examples: ["attune dpo --model model.gguf --data preferences.jsonl --out runs/dpo", "attune dpo --model models/base --data pairs.jsonl --loss ipo --beta 0.05"],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(config, (dataset) => recordsAs(dataset, "preference"), context);
    const { opened, encoder, train, heldOut } = input;
    await runTraining({ command: "dpo", config, effective, input, dryRun, out, openRun, train: (loop) => dpo({ model: opened.model, encoder, train, heldOut }, config, loop) }, context);
    if (heldOut.length > 0 && !dryRun) {
      const share = longestWins(heldOut.map(({ chosen, rejected }) => [encoder.tokenizer.encodePlain(completionText(chosen)).length, encoder.tokenizer.encodePlain(completionText(rejected)).length]));
      const { low, high } = wilson(share * heldOut.length, heldOut.length);
      context.reporter.note(`baselines on ${heldOut.length} held-out pairs: longest wins ${percent(share)} [${percent(low)}, ${percent(high)}], shortest wins ${percent(1 - share)} [${percent(1 - high)}, ${percent(1 - low)}]`);
    }
  },
});

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
