/** Trainings over the model's own answers: PPO, its relatives without a critic, and best-of-n. */
import type { ConfigDefinition, ConfigOf } from "../config/config.ts";
import { AttuneError } from "../core/errors.ts";
import { recordsAs } from "../data/dataset.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { createEncoder } from "../text/encoder.ts";
import type { TrainedModel, TrainingContext } from "../training/loop.ts";
import { bestOfNConfig } from "../training/online/best-of-n.config.ts";
import type { BestOfNResult } from "../training/online/best-of-n.ts";
import { bestOfN as drawBestOfN } from "../training/online/best-of-n.ts";
import { grpoConfig } from "../training/online/grpo.config.ts";
import { grpo as trainGrpo } from "../training/online/grpo.ts";
import type { Judge } from "../training/online/judge.ts";
import { onlineDpoConfig } from "../training/online/online-dpo.config.ts";
import { onlineDpo as trainOnlineDpo } from "../training/online/online-dpo.ts";
import { ppoConfig } from "../training/online/ppo.config.ts";
import { ppo as trainPpo } from "../training/online/ppo.ts";
import { reinforcePlusPlusConfig } from "../training/online/reinforce-plus-plus.config.ts";
import { reinforcePlusPlus as trainReinforce } from "../training/online/reinforce-plus-plus.ts";
import { rejectionSamplingConfig } from "../training/online/rejection-sampling.config.ts";
import { rejectionSampling as trainRejection } from "../training/online/rejection-sampling.ts";
import { rlooConfig } from "../training/online/rloo.config.ts";
import { rloo as trainRloo } from "../training/online/rloo.ts";
import type { PolicyInput, PolicyReward } from "../training/rollout/policy.ts";
import type { RewardFunction, RewardSource } from "../training/rollout/rewards.ts";
import type { Records } from "./from-data.ts";
import { datasetOf, hashOf, openEncoder, tellOfData } from "./from-data.ts";
import type { LanguageModel, Trained } from "./models.ts";
import { precisionOf, saveNew, trainedFrom } from "./models.ts";
import type { OptionsOf } from "./options.ts";
import { resolveOptions } from "./options.ts";
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
  maxLength: number;
  template: string;
  trustText: boolean;
}

/** The parts of an input that a method reads besides the policy's. */
interface Extra {
  /** As the command would have been told. */
  told?: Readonly<Record<string, unknown>>;
  input?: object;
  data?: readonly Records[];
}

type AnyInput = AnswersInput | (Omit<AnswersInput, "rewards"> & { rewards?: undefined });

const isModel = (reward: Reward): reward is LanguageModel => "tokenizer" in reward;

/** Names by which messages and run folders call rewards. */
function nameOf(reward: Reward, index: number): string {
  if (isModel(reward)) return reward.model.source ?? `reward model ${index + 1}`;
  return reward.name === "" ? `reward ${index + 1}` : reward.name;
}

async function* trainOver<D extends ConfigDefinition, Result>(
  definition: D,
  train: (
    input: PolicyInput,
    config: ConfigOf<D>,
    context: TrainingContext,
  ) => AsyncGenerator<TrainingEvent, Result>,
  {
    input,
    extra = {},
    options,
    run: runOptions,
  }: { input: AnyInput; extra?: Extra; options: object; run: RunOptions },
) {
  const { model, heldOutReward } = input;
  const rewards: readonly Reward[] = [input.rewards ?? []].flat();
  const names = rewards.map(nameOf);
  const parsed = resolveOptions(definition, options, {
    model: model.model.source ?? "a model of the program",
    data: datasetOf(input.prompts).source ?? "prompts of the program",
    ...precisionOf(model.model),
    ...(names.length > 0 ? { reward: names } : {}),
    ...(heldOutReward ? { heldOutReward: nameOf(heldOutReward, rewards.length) } : {}),
    ...extra.told,
  });
  const config = parsed.resolved as ConfigOf<D> & AnswersOptions;
  const dataset = datasetOf(input.prompts);
  const prompts = recordsAs(dataset, "prompt");
  const facts = {
    config: parsed,
    command: definition.name,
    seed: config.seed,
    dataHash: [input.prompts, ...(extra.data ?? [])].map(hashOf).join(" "),
    model,
    others: [...rewards, ...(heldOutReward ? [heldOutReward] : [])].filter(isModel),
  };
  return yield* inRun(facts, runOptions, async function* (begun) {
    const { context, templateTime } = begun;
    const maxLength = Math.min(config.maxLength, model.model.config.maxPositions);
    const limited = { ...config, maxLength };
    const encoder = yield* openEncoder(model, limited, { ...begun, rows: prompts });
    yield* tellOfData(dataset, [], context);
    const open = (reward: Reward, index: number): PolicyReward =>
      openReward(reward, nameOf(reward, index), { ...config, templateTime });
    const policyInput: PolicyInput = {
      model: model.model,
      encoder,
      prompts,
      rewards: rewards.map(open),
      ...(heldOutReward ? { heldOutReward: open(heldOutReward, rewards.length) } : {}),
      ...extra.input,
    };
    const result = yield* train(policyInput, config, context);
    return { ...result, tokenizer: encoder.tokenizer };
  });
}

/** A reward model reads with the template that it was trained with. */
function openReward(
  reward: Reward,
  name: string,
  { maxLength, trustText, templateTime }: AnswersOptions & { templateTime: string },
): PolicyReward {
  if (typeof reward === "function") return { name, reward };
  if (!isModel(reward)) return reward;
  const { model, tokenizer } = reward;
  const longest = Math.min(maxLength, model.config.maxPositions);
  const encoder = createEncoder(tokenizer, { maxLength: longest, trustText, templateTime });
  return { name, model, encoder };
}

/** A training of a policy, as {@link Training}. */
const policyTraining = <D extends ConfigDefinition>(
  definition: D,
  train: Parameters<typeof trainOver<D, TrainedModel>>[1],
  given: Parameters<typeof trainOver<D, TrainedModel>>[2],
): Training<Trained> => {
  async function* events(): AsyncGenerator<TrainingEvent, Trained> {
    const { result, ...end } = yield* trainOver(definition, train, given);
    return trainedFrom(result, end);
  }
  return new Training(events());
};

/** Options of {@link ppo}, all with a default. Units, ranges and sources: docs/options.md. */
export type PpoOptions = OptionsOf<typeof ppoConfig>;
/** Options of {@link rloo}, all with a default. Units, ranges and sources: docs/options.md. */
export type RlooOptions = OptionsOf<typeof rlooConfig>;
/** Options of {@link grpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type GrpoOptions = OptionsOf<typeof grpoConfig>;
/** Options of {@link reinforcePlusPlus}, all with a default. Units, ranges and sources: docs/options.md. */
export type ReinforcePlusPlusOptions = OptionsOf<typeof reinforcePlusPlusConfig>;
/** Options of {@link onlineDpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type OnlineDpoOptions = OptionsOf<typeof onlineDpoConfig>;
/** Options of {@link rejectionSampling}, all with a default. Units, ranges and sources: docs/options.md. */
export type RejectionSamplingOptions = OptionsOf<typeof rejectionSamplingConfig>;
/** Options of {@link bestOfN}, all with a default. Units, ranges and sources: docs/options.md. */
export type BestOfNOptions = OptionsOf<typeof bestOfNConfig>;

/**
 * Proximal policy optimisation with four roles: policy, reference, reward and critic, over one base
 * in memory where they come from the same model. Reward: score at the stop token, less beta times
 * the KL from the reference, nats a token.
 *
 * Source: Schulman et al. 2017 (arXiv 1707.06347); Ouyang et al. 2022 (arXiv 2203.02155); TRL 0.24's
 * ppo_trainer.py.
 * @throws AttuneError `data`, `config`, `model`, `run` or `numeric`, from the first event on
 */
export function ppo(
  input: PpoInput,
  options: PpoOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const { demonstrations } = input;
  if (!demonstrations) return policyTraining(ppoConfig, trainPpo, { input, options, run });
  const records = recordsAs(datasetOf(demonstrations), "demonstration");
  const extra = { input: { demonstrations: records }, data: [demonstrations] };
  const data = datasetOf(demonstrations).source ?? "demonstrations of the program";
  const withData = { ...options, ptx: { ...options.ptx, data } };
  return policyTraining(ppoConfig, trainPpo, { input, extra, options: withData, run });
}

/**
 * REINFORCE leave-one-out: no critic; an answer's baseline is the mean of the others to its prompt.
 *
 * Source: Ahmadian et al. 2024 (arXiv 2402.14740); TRL's rloo_trainer.py.
 * @throws AttuneError as {@link ppo}
 */
export const rloo = (
  input: AnswersInput,
  options: RlooOptions = {},
  run: RunOptions = {},
): Training<Trained> => policyTraining(rlooConfig, trainRloo, { input, options, run });

/**
 * Group relative policy optimisation (GRPO, DAPO, Dr. GRPO): advantages within the answers to one
 * prompt.
 *
 * Source: Shao et al. 2024 (arXiv 2402.03300); Yu et al. 2025 (DAPO); Liu et al. 2025 (Dr. GRPO);
 * TRL's grpo_trainer.py.
 * @throws AttuneError as {@link ppo}
 */
export const grpo = (
  input: AnswersInput,
  options: GrpoOptions = {},
  run: RunOptions = {},
): Training<Trained> => policyTraining(grpoConfig, trainGrpo, { input, options, run });

/**
 * REINFORCE++: PPO's surrogate without a critic, advantages normalised over the roll-out.
 *
 * Source: Hu et al. 2025 (arXiv 2501.03262); OpenRLHF's advantage estimators.
 * @throws AttuneError as {@link ppo}
 */
export const reinforcePlusPlus = (
  input: AnswersInput,
  options: ReinforcePlusPlusOptions = {},
  run: RunOptions = {},
): Training<Trained> =>
  policyTraining(reinforcePlusPlusConfig, trainReinforce, { input, options, run });

/**
 * Online DPO: of the policy's own answers, the better and the worse one by a reward or a judge are
 * a pair.
 *
 * Source: Guo et al. 2024 (arXiv 2402.04792); TRL's online_dpo_trainer.py.
 * @throws AttuneError as {@link ppo}
 */
export function onlineDpo(
  input: OnlineDpoInput,
  options: OnlineDpoOptions = {},
  run: RunOptions = {},
): Training<Trained> {
  const judge = "judge" in input ? input.judge : undefined;
  if (judge && input.rewards !== undefined)
    throw new AttuneError("config", "a judge stands in place of rewards", {
      expected: "one of judge and rewards",
    });
  const extra = judge ? { told: { judge: "a judge of the program" }, input: { judge } } : {};
  return policyTraining(onlineDpoConfig, trainOnlineDpo, { input, extra, options, run });
}

/**
 * Rejection-sampling fine-tuning (RAFT): imitates the policy's own best answers. What was chosen is
 * saved beside the model, in `answers/chosen.jsonl`.
 *
 * Source: Dong et al. 2023 (arXiv 2304.06767).
 * @throws AttuneError as {@link ppo}
 */
export const rejectionSampling = (
  input: AnswersInput,
  options: RejectionSamplingOptions = {},
  run: RunOptions = {},
): Training<Trained> =>
  policyTraining(rejectionSamplingConfig, trainRejection, { input, options, run });

/** The best of n answers to each prompt, and what every best of k would have been worth. */
export interface BestOfN extends BestOfNResult {
  /**
   * Writes `best.jsonl`, `ranked.jsonl` and `curve.json`.
   * @param folder new or empty
   * @returns its path
   * @throws AttuneError `usage` where it holds something, `disk` where it cannot be written
   */
  save(folder: string): Promise<string>;
}

/**
 * Draws n answers (option `samples`) to each prompt and keeps the one that the reward likes most.
 * Trains nothing.
 *
 * Source: Nakano et al. 2021 (arXiv 2112.09332), appendix I, for every k up to n from one draw.
 * @throws AttuneError as {@link ppo}
 */
export function bestOfN(
  input: AnswersInput,
  options: BestOfNOptions = {},
  run: RunOptions = {},
): Training<BestOfN> {
  async function* events(): AsyncGenerator<TrainingEvent, BestOfN> {
    const { result } = yield* trainOver(bestOfNConfig, drawBestOfN, { input, options, run });
    const { tokenizer: _, save, ...best } = result;
    return { ...best, save: (folder) => saveNew(folder, (draft) => save(draft)) };
  }
  return new Training(events());
}
