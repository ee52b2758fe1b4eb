/**
 * A reward function from a user's file, `--reward ./reward.ts`, in a thread of its own
 * (user-function.ts).
 */
import { basename } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { REWARD_FORM } from "./reward-template.ts";
import type { RewardSource } from "./rewards.ts";
import { finiteScores, rewardCall, rewardFailed, rewardTimeout } from "./rewards.ts";
import { openFunction } from "./user-function.ts";

/**
 * Opens a reward function from a file, as `--reward ./reward.ts` does: the default export or
 * `reward` of a JavaScript or TypeScript module, run in a thread of its own, so that one that hangs
 * can be ended. Whoever opens it closes it.
 * @param timeout seconds for judging one roll-out
 * @throws AttuneError `data` where the file is missing, cannot be loaded, or exports no function
 */
export async function openRewardFile(path: string, timeout: number): Promise<RewardSource> {
  const name = basename(path);
  const reward = await openFunction(path, timeout, {
    kind: "reward function",
    names: ["default", "reward"],
    form: REWARD_FORM,
    hints: {
      missing: "check the path after --reward, or `--reward --init` for a file to start from",
      empty: "`--reward --init` writes a commented file to start from",
    },
    errors: {
      late: (seconds) => rewardTimeout(name, seconds),
      failed: (cause) => rewardFailed(name, cause),
    },
  });
  return {
    name,
    kind: "function",
    score: async (rollouts) =>
      (await reward.call(rollouts.map((rollout) => [rewardCall(rollout)]))) as number[],
    async release() {
      reward.check();
    },
    close: () => reward.close(),
  };
}

/** Judged before any model is read: a mistake in the function should cost a second. */
const TRIAL = "A trial answer, written by nobody.";

/**
 * Tries a reward on one row of the data.
 * @throws AttuneError `data` or `numeric` with what the function did instead of giving a finite
 * number, and its form
 */
export async function tryReward(source: RewardSource, record: PromptRecord): Promise<void> {
  try {
    await finiteScores(source, [
      {
        prompt: { record, ids: new Int32Array() },
        ids: new Int32Array(),
        stopped: true,
        text: TRIAL,
      },
    ]);
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    // there is no checkpoint yet
    const [otherwise = ""] = (error.details.hint ?? "").split(/(?:; )?the last checkpoint is kept/);
    const hint =
      "mend the function, which was given the answer " +
      `${JSON.stringify(TRIAL)}${otherwise === "" ? "" : `; or: ${otherwise}`}`;
    throw new AttuneError(
      "data",
      `${error.what}, on the first row of the data, before any model was read`,
      { ...error.details, expected: REWARD_FORM, hint, cause: error },
    );
  }
}
