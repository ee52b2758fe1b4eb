/** What reward models think of answers that models gave, beside what gold says of them. */
import type { Model } from "../models/model.ts";
import { meanAndDeviation } from "../stats/intervals.ts";
import type { Encoder } from "../text/encoder.ts";
import { RewardModelSource } from "../training/rollout/rewards.ts";
import type { Request } from "../world/requests.ts";
import { MAX_LENGTH } from "./recipe.ts";

/** By model name: a score for each request of the evaluation. */
export type Opinions = Readonly<Record<string, readonly number[]>>;

const MICRO_BATCH_TOKENS = 4096;
/** Scores have no scale of their own: 0 is the mean of this model's answers, 1 their deviation. */
const SCALE_OF = "SFT";

export async function opinionsOf(
  rewardModel: { name: string; model: Model; encoder: Encoder },
  requests: readonly Request[],
  answers: Readonly<Record<string, readonly string[]>>,
): Promise<Opinions> {
  const { name, model, encoder } = rewardModel;
  const source = new RewardModelSource({ model, encoder }, encoder, {
    name,
    microBatchTokens: MICRO_BATCH_TOKENS,
    maxLength: MAX_LENGTH,
    plan: "auto",
    recompute: "all",
  });
  try {
    const raw: Record<string, number[]> = {};
    for (const [who, said] of Object.entries(answers))
      raw[who] = await source.score(
        requests.map((request, index) => ({
          // without ids the text is read as the reward model's data were
          prompt: {
            record: {
              kind: "prompt",
              prompt: [{ role: "user", content: request.text }],
              place: { file: "the built-in world", row: index + 1 },
            },
            ids: new Int32Array(0),
          },
          ids: new Int32Array(0),
          stopped: true,
          text: said[index]!,
        })),
      );
    const { mean, deviation } = meanAndDeviation(raw[SCALE_OF]!);
    const scale = deviation > 0 ? deviation : 1;
    return Object.fromEntries(
      Object.entries(raw).map(([who, scores]) => [
        who,
        scores.map((score) => (score - mean) / scale),
      ]),
    );
  } finally {
    await source.close();
  }
}
