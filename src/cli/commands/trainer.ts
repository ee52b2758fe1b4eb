/** The command of a trainer, made from its entry in training/trainers.ts. */
import { recordsAs } from "../../data/dataset.ts";
import type { ConfigDefinition } from "../../config/config.ts";
import type { OnlineDpoConfig } from "../../training/online/online-dpo.ts";
import type { PpoConfig } from "../../training/online/ppo-run.ts";
import type { AnswersTrainer, TrainerEntry } from "../../training/trainer.ts";
import type { CommandModule } from "../command.ts";
import { openJudge } from "../constitution/judge-input.ts";
import type { OpenExtraInput } from "../inputs/extra-input.ts";
import { answersCommand } from "../training/answers-command.ts";
import { dataCommand } from "../training/data-command.ts";

type Besides = NonNullable<AnswersTrainer<ConfigDefinition>["besides"]>;

/** How commands open what trainers read besides policy, prompts and rewards. */
const OPENERS: Readonly<Record<Besides, OpenExtraInput>> = {
  async demonstrations(config, { load }) {
    const { ptx } = config as PpoConfig;
    if (ptx.coef === 0) return undefined;
    const demonstrations = recordsAs(await load(ptx.data), "demonstration");
    return { begin: async () => ({ demonstrations }) };
  },
  judge: (config, { context }) => openJudge(config as OnlineDpoConfig, context),
};

export async function trainerCommand(entry: TrainerEntry): Promise<CommandModule> {
  const config = await entry.config();
  if (entry.learnsFrom !== "answers") return dataCommand(config, entry, await entry.load());
  const trainer = await entry.load();
  const openExtra = trainer.besides && OPENERS[trainer.besides];
  return answersCommand(config, { trainer, openExtra });
}
