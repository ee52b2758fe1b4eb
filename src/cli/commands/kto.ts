/** `attune kto`: learning from answers that are desirable or not. */
import { recordsAs } from "../../data/dataset.ts";
import { ktoConfig } from "../../training/offline/kto.config.ts";
import { encodeKto } from "../../training/offline/kto-rows.ts";
import { kto } from "../../training/offline/kto.ts";
import { trainingCommand } from "../training/training-command.ts";
import { openInput, runTraining } from "../training/training-input.ts";

export const command = trainingCommand({
  config: ktoConfig,
  examples: [
    "attune kto --model models/sft --data judged.jsonl --out runs/kto",
    "attune kto --model models/sft --data pairs.jsonl --undesirable-weight 1.33",
  ],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(
      config,
      { needs: "unpaired", convert: (dataset) => recordsAs(dataset, "unpaired") },
      context,
    );
    const { opened, encoder, train, heldOut } = input;
    const encode = () => {
      const { answers, held, report } = encodeKto({ encoder, train, heldOut }, config);
      return { examples: answers.length, heldOut: held.length, report };
    };
    await runTraining(
      {
        command: "kto",
        config,
        effective,
        input,
        dryRun,
        out,
        openRun,
        encode,
        train: (loop) => kto({ model: opened.model, encoder, train, heldOut }, config, loop),
      },
      context,
    );
  },
});
