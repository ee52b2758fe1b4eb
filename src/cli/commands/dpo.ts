/** `attune dpo`: direct preference optimisation and its relatives. */
import { recordsAs } from "../../data/dataset.ts";
import { dpoConfig } from "../../training/offline/dpo.config.ts";
import { encodeDpo, dpo } from "../../training/offline/dpo.ts";
import { trainingCommand } from "../training/training-command.ts";
import { reportHeldOut } from "../training/held-out-table.ts";
import { openInput, runTraining } from "../training/training-input.ts";

export const command = trainingCommand({
  config: dpoConfig,
  examples: [
    "attune dpo --model model.gguf --data preferences.jsonl --out runs/dpo",
    "attune dpo --model models/base --data pairs.jsonl --loss ipo --beta 0.05",
  ],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(
      config,
      { needs: "preference", convert: (dataset) => recordsAs(dataset, "preference") },
      context,
    );
    const { opened, encoder, train, heldOut } = input;
    const encode = () => {
      const { pairs, held, report } = encodeDpo({ encoder, train, heldOut }, config);
      return { examples: pairs.length, heldOut: held.length, report };
    };
    const end = await runTraining(
      {
        command: "dpo",
        config,
        effective,
        input,
        dryRun,
        out,
        openRun,
        encode,
        train: (loop) => dpo({ model: opened.model, encoder, train, heldOut }, config, loop),
      },
      context,
    );
    reportHeldOut(end, "rewards/accuracies", context.reporter);
  },
});
