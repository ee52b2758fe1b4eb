/** `attune sft`: supervised fine-tuning. */
import { sftConfig } from "../../training/offline/sft.config.ts";
import { encodeSft, sft } from "../../training/offline/sft.ts";
import { demonstrations } from "../../training/offline/demonstrations.ts";
import { trainingCommand } from "../training/training-command.ts";
import { openInput, runTraining } from "../training/training-input.ts";

export const command = trainingCommand({
  config: sftConfig,
  examples: ["attune sft --model models/base --data demonstrations.jsonl --out runs/sft"],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(
      config,
      { needs: "demonstration", convert: demonstrations },
      context,
    );
    const { opened, encoder, train, heldOut } = input;
    const encode = () => {
      const { examples, held, report } = encodeSft({ encoder, train, heldOut }, config);
      return { examples: examples.length, heldOut: held.length, report };
    };
    await runTraining(
      {
        command: "sft",
        loss: config.loss,
        config,
        effective,
        input,
        dryRun,
        out,
        openRun,
        encode,
        train: (loop) => sft({ model: opened.model, encoder, train, heldOut }, config, loop),
      },
      context,
    );
  },
});
