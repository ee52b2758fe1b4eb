/** `attune reward`: a Bradley-Terry reward model. */
import { recordsAs } from "../../data/dataset.ts";
import { rewardConfig } from "../../training/offline/reward.config.ts";
import { encodeReward } from "../../training/offline/reward-groups.ts";
import { rewardModel } from "../../training/offline/reward.ts";
import { trainingCommand } from "../training/training-command.ts";
import { reportHeldOut } from "../training/held-out-table.ts";
import { openInput, runTraining } from "../training/training-input.ts";

export const command = trainingCommand({
  config: rewardConfig,
  examples: ["attune reward --model models/sft --data preferences.jsonl --out runs/reward"],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(
      config,
      { needs: "preference", convert: (dataset) => recordsAs(dataset, "preference") },
      context,
    );
    const { opened, encoder, train, heldOut } = input;
    const encode = () => {
      const { groups, held, report } = encodeReward({ encoder, train, heldOut }, config);
      return { examples: groups.length, heldOut: held.length, report };
    };
    const end = await runTraining(
      {
        command: "reward",
        loss: "score",
        config,
        effective,
        input,
        dryRun,
        out,
        openRun,
        encode,
        train: (loop) =>
          rewardModel({ model: opened.model, encoder, train, heldOut }, config, loop),
      },
      context,
    );
    reportHeldOut(end, "accuracy", context.reporter);
  },
});
