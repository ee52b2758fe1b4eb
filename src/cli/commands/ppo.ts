/** `attune ppo`: proximal policy optimisation from reward models or reward functions. */
import { recordsAs } from "../../data/dataset.ts";
import { ppoConfig } from "../../training/online/ppo.config.ts";
import { checkCriticWarmup } from "../../training/online/ppo-run.ts";
import { ppo } from "../../training/online/ppo.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: ppoConfig,
  examples: [
    "attune ppo --model runs/sft --reward runs/reward --data prompts.jsonl --out runs/ppo",
    "attune ppo --model runs/sft --reward runs/reward --held-out-reward runs/reward-2 --guard " +
      "stop --data pairs.jsonl",
    "attune ppo --model models/base --reward ./reward.ts --data tasks.jsonl --kl-coef 0.02",
  ],
  train: ppo,
  checkSteps: checkCriticWarmup,
  async openExtraInput({ ptx }, { load }) {
    if (ptx.coef === 0) return undefined;
    const demonstrations = recordsAs(await load(ptx.data), "demonstration");
    return { begin: async () => ({ demonstrations }) };
  },
});
