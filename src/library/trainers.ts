/**
 * A function for every trainer, from data and over the model's own answers. What each needs and
 * makes stands in its entry in training/trainers.ts.
 */
import type { TrainingEvent } from "../runs/events.ts";
import type { BestOfNResult } from "../training/online/best-of-n.ts";
import { TRAINERS } from "../training/trainers.ts";
import type { AnswersInput, OnlineDpoInput, PpoInput } from "./from-answers.ts";
import { resultOver, trainOverAnswers } from "./from-answers.ts";
import type { DataInput } from "./from-data.ts";
import { trainOnData } from "./from-data.ts";
import type { Trained } from "./models.ts";
import { saveNew } from "./models.ts";
import { namingOptions } from "./option-names.ts";
import type { OptionsOf } from "./options.ts";
import type { RunOptions } from "./run.ts";
import { Training } from "./training.ts";

/** Options of {@link sft}, all with a default. Units, ranges and sources: docs/options.md. */
export type SftOptions = OptionsOf<"sft">;
/** Options of {@link rewardModel}, all with a default. Units, ranges and sources: docs/options.md. */
export type RewardModelOptions = OptionsOf<"reward">;
/** Options of {@link dpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type DpoOptions = OptionsOf<"dpo">;
/** Options of {@link kto}, all with a default. Units, ranges and sources: docs/options.md. */
export type KtoOptions = OptionsOf<"kto">;

/**
 * Supervised fine-tuning: learns the answers of demonstrations and conversations, or texts; of
 * pairs and rankings the best answers. Loss: mean negative log-likelihood of a token, nats.
 * @throws AttuneError `data`, `config`, `model`, `run` or `numeric`, from the first event on
 */
export const sft = (
  input: DataInput,
  options: SftOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOnData(TRAINERS.sft, { input, options, run });

/**
 * A Bradley-Terry reward model: a scalar head at the last token of an answer, from pairs or
 * rankings. Loss: -log sigmoid of the difference of two scores, nats a pair.
 *
 * Source: Ouyang et al. 2022 (arXiv 2203.02155), section 3.5; TRL's reward_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export const rewardModel = (
  input: DataInput,
  options: RewardModelOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOnData(TRAINERS.reward, { input, options, run });

/**
 * Direct preference optimisation and its relatives (option `loss`), from pairs. The reference is
 * the model that was given. Loss: nats a pair, ln 2 at the start for `sigmoid`.
 *
 * Source: Rafailov et al. 2023 (arXiv 2305.18290); TRL's dpo_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export const dpo = (
  input: DataInput,
  options: DpoOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOnData(TRAINERS.dpo, { input, options, run });

/**
 * KTO: answers that are desirable or not, without pairs; pairs become two answers each. Loss: 0 to
 * 1 an answer, 0.5 at the start.
 *
 * Source: Ethayarajh et al. 2024 (arXiv 2402.01306), equation 8; TRL's kto_trainer.py.
 * @throws AttuneError as {@link sft}
 */
export const kto = (
  input: DataInput,
  options: KtoOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOnData(TRAINERS.kto, { input, options, run });

/** Options of {@link ppo}, all with a default. Units, ranges and sources: docs/options.md. */
export type PpoOptions = Omit<OptionsOf<"ppo">, "ptx"> & {
  /** Weight and batch of the SFT loss on `demonstrations`. */
  ptx?: Omit<NonNullable<OptionsOf<"ppo">["ptx"]>, "data">;
};
/** Options of {@link rloo}, all with a default. Units, ranges and sources: docs/options.md. */
export type RlooOptions = OptionsOf<"rloo">;
/** Options of {@link grpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type GrpoOptions = OptionsOf<"grpo">;
/** Options of {@link reinforcePlusPlus}, all with a default. Units, ranges and sources: docs/options.md. */
export type ReinforcePlusPlusOptions = OptionsOf<"reinforce++">;
/** Options of {@link onlineDpo}, all with a default. Units, ranges and sources: docs/options.md. */
export type OnlineDpoOptions = OptionsOf<"online-dpo">;
/** Options of {@link rejectionSampling}, all with a default. Units, ranges and sources: docs/options.md. */
export type RejectionSamplingOptions = OptionsOf<"rejection-sampling">;
/** Options of {@link bestOfN}, all with a default. Units, ranges and sources: docs/options.md. */
export type BestOfNOptions = OptionsOf<"best-of-n">;

/**
 * Proximal policy optimisation with four roles: policy, reference, reward and critic, over one base
 * in memory where they come from the same model. Reward: score at the stop token, less beta times
 * the KL from the reference, nats a token.
 *
 * Source: Schulman et al. 2017 (arXiv 1707.06347); Ouyang et al. 2022 (arXiv 2203.02155); TRL 0.24's
 * ppo_trainer.py.
 * @throws AttuneError `data`, `config`, `model`, `run` or `numeric`, from the first event on
 */
export const ppo = (
  input: PpoInput,
  options: PpoOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOverAnswers(TRAINERS.ppo, { input, options, run });

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
): Training<Trained> => trainOverAnswers(TRAINERS.rloo, { input, options, run });

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
): Training<Trained> => trainOverAnswers(TRAINERS.grpo, { input, options, run });

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
): Training<Trained> => trainOverAnswers(TRAINERS["reinforce++"], { input, options, run });

/**
 * Online DPO: of the policy's own answers, the better and the worse one by a reward or a judge are
 * a pair.
 *
 * Source: Guo et al. 2024 (arXiv 2402.04792); TRL's online_dpo_trainer.py.
 * @throws AttuneError as {@link ppo}
 */
export const onlineDpo = (
  input: OnlineDpoInput,
  options: OnlineDpoOptions = {},
  run: RunOptions = {},
): Training<Trained> => trainOverAnswers(TRAINERS["online-dpo"], { input, options, run });

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
): Training<Trained> => trainOverAnswers(TRAINERS["rejection-sampling"], { input, options, run });

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
    const { result } = yield* resultOver(TRAINERS["best-of-n"], { input, options, run });
    const { tokenizer: _, save, ...best } = result;
    return { ...best, save: (folder) => saveNew(folder, (draft) => save(draft)) };
  }
  return new Training(namingOptions(TRAINERS["best-of-n"], events()));
}
