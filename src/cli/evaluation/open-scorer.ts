/** Opens what scores answers for an evaluation: a reward model, or a function's file. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { AnswerScorer } from "../../evaluation/answer-scorer.ts";
import { functionScorer, modelScorer } from "../../evaluation/answer-scorer.ts";
import { moduleFingerprint } from "../../evaluation/judges/module-fingerprint.ts";
import type { Precision } from "../../models/precision.ts";
import { rewardEncoder } from "../../training/open-encoder.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { openRewardFile } from "../../training/rollout/reward-file.ts";
import { checkRewardModel } from "../../training/rollout/rewards.ts";
import type { CommandContext } from "../command.ts";
import { findModel } from "../inputs/find-model.ts";
import { tellNotFollowed } from "../inputs/followed-files.ts";
import { readModelOf } from "../inputs/read-model.ts";

export interface ScoringConfig {
  readonly precision: Precision;
  readonly maxLength: number;
  readonly microBatchTokens: number;
  readonly rewardTimeout: number;
}

/** Whoever opens it closes it. @throws AttuneError `model` or `data` where there is none */
export async function openScorer(
  name: string,
  { precision, maxLength, microBatchTokens, rewardTimeout }: ScoringConfig,
  context: CommandContext,
): Promise<AnswerScorer> {
  if (isRewardFile(name)) {
    const source = await openRewardFile(name, rewardTimeout);
    const { hash, notFollowed } = moduleFingerprint(name);
    tellNotFollowed(`reward ${basename(name)}`, notFollowed, context);
    return functionScorer(source, hash);
  }
  const opened = await readModelOf(name, await findModel(name, context), {
    precision,
    context: maxLength,
    merge: false,
    reporter: context.reporter,
  });
  checkRewardModel(opened.model, name);
  const { templateTime } = context;
  const encoder = rewardEncoder(opened, { maxLength, trustText: false, templateTime });
  return modelScorer(
    { model: opened.model, encoder },
    {
      name,
      fingerprint: createHash("sha256")
        .update(`${opened.fingerprint} ${precision} ${encoder.fingerprint}`)
        .digest("hex"),
      microBatchTokens,
      plan: "auto",
      recompute: "all",
      maxLength,
    },
  );
}
