/** `attune sft`: supervised fine-tuning. */
import { AttuneError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { recordsAs } from "../../data/dataset.ts";
import { sftConfig } from "../../training/sft.config.ts";
import type { SftRecord } from "../../training/sft.ts";
import { sft } from "../../training/sft.ts";
import { trainingCommand } from "../training-command.ts";
import { openInput, runTraining } from "./training-input.ts";

/** Conversations and texts as they are; pairs by their chosen answer. */
function demonstrations(dataset: Dataset): SftRecord[] {
  const kind = dataset.records[0]!.kind;
  if (kind === "prompt") throw new AttuneError("data", "prompts alone cannot be imitated", { ...dataset.records[0]!.place, expected: "completions, conversations, texts or pairs" });
  return recordsAs(dataset, kind === "preference" || kind === "ranked" || kind === "unpaired" ? "demonstration" : kind) as SftRecord[];
}

export const command = trainingCommand({
  config: sftConfig,
  examples: ["attune sft --model models/base --data demonstrations.jsonl --out runs/sft"],
  async run({ config, effective, dryRun, out, openRun }, context) {
    const input = await openInput(config, demonstrations, context);
    const { opened, encoder, train, heldOut } = input;
    await runTraining({ command: "sft", config, effective, input, dryRun, out, openRun, train: (loop) => sft({ model: opened.model, encoder, train, heldOut }, config, loop) }, context);
  },
});
