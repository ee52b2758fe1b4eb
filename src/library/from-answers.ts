/** How a program trains over the model's own answers. */
import type { ConfigDefinition, ConfigOf } from "../config/config.ts";
import type { OnBad } from "../data/dataset.ts";
import { recordsAs } from "../data/dataset.ts";
import { AttuneError } from "../core/errors.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { TrainedModel } from "../training/loop.ts";
import type { Judge } from "../training/rollout/judge.ts";
import { rewardEncoder } from "../training/open-encoder.ts";
import type { Besides, PolicyInput, PolicyReward } from "../training/rollout/policy.ts";
import type { RewardFunction, RewardSource } from "../training/rollout/rewards.ts";
import type { AnswersTrainerEntry } from "../training/trainer.ts";
import { refuseUnknown } from "./fields.ts";
import type { LanguageModel, Trained } from "./models.ts";
import { precisionOf, trainedFrom } from "./models.ts";
import { namingOptions } from "./option-names.ts";
import { resolveOptions } from "./options.ts";
import type { Records } from "./records.ts";
import { datasetOf, hashOf, openEncoder, tellOfData, usableOf } from "./records.ts";
import type { RunOptions } from "./run.ts";
import { inRun } from "./run.ts";
import { Training } from "./training.ts";

/**
 * What judges answers: a reward model, a function that gives each answer a finite number (higher is
 * better), or a source of a program's own.
 */
export type Reward = LanguageModel | RewardFunction | RewardSource;

/** What a training over answers starts from. */
export interface AnswersInput {
  /** The policy as it starts, which is also the reference; it stays as it was. */
  model: LanguageModel;
  /** Prompts; of other records their prompts alone are read. */
  prompts: Records;
  /** One, or several that are combined as the options say. */
  rewards: Reward | readonly Reward[];
  /** Judges every roll-out, and is never optimised: the guard compares the two. */
  heldOutReward?: Reward;
}

/** What PPO starts from. */
export interface PpoInput extends AnswersInput {
  /** Demonstrations for the SFT loss that `ptx.coef` mixes in. */
  demonstrations?: Records;
}

/** What online DPO starts from: rewards, or a judge in their place. */
export type OnlineDpoInput =
  | AnswersInput
  | (Omit<AnswersInput, "rewards"> & {
      /** Compares the policy's own answers, both orders of each pair. */
      judge: Judge;
      /** A judge stands in their place. */
      rewards?: undefined;
    });

/** Options that every such training has. */
interface AnswersOptions {
  seed: number;
  onBad: OnBad;
  maxLength: number;
  template: string;
  trustText: boolean;
}

/** What trainers read besides policy, prompts and rewards, as a program hands it over. */
interface AnyInput extends Omit<AnswersInput, "rewards"> {
  rewards?: AnswersInput["rewards"] | undefined;
  demonstrations?: Records | undefined;
  judge?: Judge | undefined;
}

const isModel = (reward: Reward): reward is LanguageModel => "tokenizer" in reward;

/** Names by which messages and run folders call rewards. */
function nameOf(reward: Reward, index: number): string {
  if (isModel(reward)) return reward.model.source ?? `reward model ${index + 1}`;
  return reward.name === "" ? `reward ${index + 1}` : reward.name;
}

/** What a training over answers is given. */
interface Given {
  input: AnyInput;
  options: object;
  run: RunOptions;
}

/** Trains by a trainer's entry, and gives what it made, with the tokenizer that it was made with. */
export async function* resultOver<D extends ConfigDefinition, Result>(
  entry: AnswersTrainerEntry<D, PolicyInput, Result>,
  { input, options, run: runOptions }: Given,
) {
  const [definition, trainer] = await Promise.all([entry.config(), entry.load()]);
  const rewards: readonly Reward[] = [input.rewards ?? []].flat();
  const { besides: also } = trainer;
  refuseUnknown(input, ["model", "prompts", "rewards", "heldOutReward", ...(also ? [also] : [])]);
  checkInput(input, rewards, also);
  const { model, heldOutReward, demonstrations, judge } = input;
  const parsed = resolveOptions(definition, options, toldOf(input, rewards));
  const config = parsed.resolved as ConfigOf<D> & AnswersOptions;
  const asked = usableOf(input.prompts, config.onBad);
  const shown = demonstrations && usableOf(demonstrations, config.onBad);
  const prompts = recordsAs(asked, "prompt");
  const besides: Besides = {
    ...(shown ? { demonstrations: recordsAs(shown, "demonstration") } : {}),
    ...(judge ? { judge } : {}),
  };
  const facts = {
    config: parsed,
    command: definition.name,
    seed: config.seed,
    dataHash: [input.prompts, ...(demonstrations ? [demonstrations] : [])].map(hashOf).join(" "),
    model,
    others: [...rewards, ...(heldOutReward ? [heldOutReward] : [])].filter(isModel),
  };
  return yield* inRun(facts, runOptions, async function* (begun) {
    const { context, templateTime } = begun;
    const maxLength = Math.min(config.maxLength, model.model.config.maxPositions);
    const limited = { ...config, maxLength };
    const encoder = yield* openEncoder(model, limited, { ...begun, rows: prompts });
    yield* tellOfData([asked, ...(shown ? [shown] : [])], [], context);
    const open = (reward: Reward, index: number): PolicyReward =>
      openReward(reward, nameOf(reward, index), { ...config, templateTime });
    const policyInput: PolicyInput & Besides = {
      model: model.model,
      encoder,
      prompts,
      rewards: rewards.map(open),
      ...(heldOutReward ? { heldOutReward: open(heldOutReward, rewards.length) } : {}),
      ...besides,
    };
    const result = yield* trainer.train(policyInput, config, context);
    return { ...result, tokenizer: encoder.tokenizer };
  });
}

/** What the command would have been told. */
function toldOf(
  { model: { model }, prompts, heldOutReward, demonstrations, judge }: AnyInput,
  rewards: readonly Reward[],
): Readonly<Record<string, unknown>> {
  const names = rewards.map(nameOf);
  return {
    model: model.source ?? "a model of the program",
    data: datasetOf(prompts).source ?? "prompts of the program",
    ...precisionOf(model),
    ...(names.length > 0 ? { reward: names } : {}),
    ...(heldOutReward ? { heldOutReward: nameOf(heldOutReward, rewards.length) } : {}),
    ...(judge ? { judge: "a judge of the program" } : {}),
    ...(demonstrations
      ? { "ptx.data": datasetOf(demonstrations).source ?? "demonstrations of the program" }
      : {}),
  };
}

/** @throws AttuneError `config` where nothing judges the answers, or two things do */
function checkInput(
  { judge }: AnyInput,
  rewards: readonly Reward[],
  besides: keyof Besides | undefined,
): void {
  if (rewards.length > 0 !== (judge !== undefined)) return;
  const expected =
    besides === "judge"
      ? "rewards or a judge"
      : "rewards: a reward model or a function, or several";
  throw new AttuneError(
    "config",
    judge ? "a judge stands in place of rewards" : "nothing says which answers are good",
    { expected: judge ? "one of rewards and judge" : expected },
  );
}

function openReward(
  reward: Reward,
  name: string,
  options: AnswersOptions & { templateTime: string },
): PolicyReward {
  if (typeof reward === "function") return { name, reward };
  if (!isModel(reward)) return reward;
  return { name, model: reward.model, encoder: rewardEncoder(reward, options) };
}

/** A training by the entry of a trainer of policies. */
export const trainOverAnswers = <D extends ConfigDefinition>(
  entry: AnswersTrainerEntry<D, PolicyInput, TrainedModel>,
  given: Given,
): Training<Trained> => new Training(namingOptions(entry, events(entry, given)));

async function* events<D extends ConfigDefinition>(
  entry: AnswersTrainerEntry<D, PolicyInput, TrainedModel>,
  given: Given,
): AsyncGenerator<TrainingEvent, Trained> {
  const { result, ...end } = yield* resultOver(entry, given);
  return trainedFrom(result, end);
}
