/** `attune ppo`: proximal policy optimisation from reward models or reward functions. */
import { AttuneError, formatPlace } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { ppoConfig } from "../../training/ppo.config.ts";
import type { PpoConfig } from "../../training/ppo.ts";
import { ppo } from "../../training/ppo.ts";
import { encodePrompts } from "../../training/rollout.ts";
import { totalSteps } from "../../training/loop.ts";
import type { CommandContext } from "../command.ts";
import { drive } from "../drive.ts";
import { reportPlan } from "../dry-run.ts";
import { trainingCommand } from "../training-command.ts";
import { describeRoles, openRoles } from "./reward-input.ts";
import { loadOptions } from "./training-input.ts";

export const command = trainingCommand({
  config: ppoConfig,
  examples: [
    "attune ppo --model runs/sft --reward runs/reward --data prompts.jsonl --out runs/ppo",
    "attune ppo --model runs/sft --reward runs/reward --held-out-reward runs/reward-2 --guard stop --data pairs.jsonl",
    "attune ppo --model models/base --reward ./reward.ts --data tasks.jsonl --kl-coef 0.02",
  ],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const { reporter, signal } = context;
    const dataset = await load(config.data, config, context);
    const prompts = recordsAs(dataset, "prompt");
    const demonstrations = config.ptx.coef > 0 ? recordsAs(await load(config.ptx.data, config, context), "demonstration") : [];
    const roles = await openRoles(config, context);
    const { policy, encoder, rewards, heldOutReward } = roles;
    try {
      checkDecodable(policy.model);
      reporter.note(describeRoles(roles, config.adapter));
      const { prompts: usable } = encodePrompts(prompts, encoder, config);
      if (dryRun) {
        reportPlan(reporter, { command: "ppo", examples: usable.length, steps: totalSteps(usable.length, { ...config, batchSize: config.batchSize / config.samples }), out, config: effective });
        return;
      }
      const run = await openRun({ seed: config.seed, dataHash: dataset.hash, modelFingerprint: roles.fingerprint });
      await drive(ppo({ model: policy.model, encoder, prompts, rewards, heldOutReward, demonstrations }, config, { run, signal }), reporter, run.folder);
    } finally {
      for (const reward of rewards) if ("close" in reward) await reward.close();
    }
  },
});

async function load(source: string, config: PpoConfig, { reporter, signal }: CommandContext): Promise<Dataset> {
  const options = loadOptions(config, { reporter, signal });
  const dataset = await loadDataset(source, options);
  for (const [reason, count] of Object.entries(dataset.dropped)) {
    reporter.warn("left-out-rows", `${count} of ${count + dataset.records.length} rows left out: ${reason} (the first at ${formatPlace(dataset.firstDropped ?? {})})`);
  }
  if (dataset.records.length === 0) throw new AttuneError("data", "the data set is empty", { file: source });
  return dataset;
}
