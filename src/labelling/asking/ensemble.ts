/** Reward models that learned the same labels in their own way, and what each thinks of a pair. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { promptKey } from "../../data/split.ts";
import type { ScoreOptions } from "../../library/ask.ts";
import { score } from "../../library/ask.ts";
import type { LanguageModel } from "../../library/models.ts";
import type { RewardModelOptions } from "../../library/trainers.ts";
import { rewardModel } from "../../library/trainers.ts";
import { openModel } from "../../models/open.ts";
import type { TrainingEvent } from "../../runs/events.ts";

export interface MemberOptions {
  /** Of the reward model, its seed but for the member's own. */
  options: RewardModelOptions & { seed: number };
  /** Learns a draw with replacement; else everything. */
  bootstrap: boolean;
  /** Tells members of one seed apart. */
  name: string;
  member: number;
  /** Folder of the run; none where nothing is kept. */
  run?: string;
  signal?: AbortSignal | undefined;
  onEvent?: (event: TrainingEvent) => void;
}

/**
 * Labels drawn with replacement, prompt by prompt. One that comes twice has a cluster of its own:
 * otherwise its prompt would count once, however often it was drawn.
 */
export function bootstrapOf(
  labels: readonly PreferenceRecord[],
  random: Random,
): PreferenceRecord[] {
  const prompts = new Map<string, PreferenceRecord[]>();
  for (const label of labels) {
    const key = promptKey(label);
    const known = prompts.get(key);
    if (known) known.push(label);
    else prompts.set(key, [label]);
  }
  const groups = [...prompts.values()];
  return groups.flatMap((_, draw) =>
    random.pick(groups).map((label) => ({
      ...label,
      cluster: `${label.cluster ?? promptKey(label)} ${draw}`,
    })),
  );
}

/** Trains a member, or opens the one that an interrupted run had finished. */
export async function trainMember(
  model: LanguageModel,
  labels: readonly PreferenceRecord[],
  { options, bootstrap, name, member, run, signal, onEvent }: MemberOptions,
): Promise<LanguageModel> {
  if (run !== undefined && existsSync(join(run, "model"))) return openModel(run);
  const train = bootstrap
    ? bootstrapOf(labels, Random.for(options.seed, "bootstrap", name, member))
    : labels;
  const seed = Random.for(options.seed, "member", name, member).integer(2 ** 31);
  const training = rewardModel(
    { model, train, heldOut: [] },
    { ...options, seed },
    { ...(run === undefined ? {} : { run }), ...(signal ? { signal } : {}) },
  );
  for await (const event of training) onEvent?.(event);
  return training;
}

/** Reward of the one answer less that of the other, for each pair; answers are scored once. */
export async function marginsOf(
  model: LanguageModel,
  pairs: readonly PreferenceRecord[],
  options: Omit<ScoreOptions, "tooLong">,
): Promise<number[]> {
  const scores = await score(
    model,
    pairs.flatMap(({ prompt, chosen, rejected }) => [
      { prompt, completion: chosen },
      { prompt, completion: rejected },
    ]),
    { ...options, tooLong: "cut" },
  );
  return pairs.map((_, index) => scores[2 * index]! - scores[2 * index + 1]!);
}
