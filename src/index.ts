/** The library: what the command line does, as functions over plain values. */
export { AnswerCache } from "./constitution/answer-cache.ts";
export { checkConstitution } from "./constitution/check.ts";
export { compare, preferenceOf } from "./constitution/compare.ts";
export type { AiComparison, AnswerPair, ComparisonOptions } from "./constitution/compare.ts";
export { parseConstitution } from "./constitution/constitution.ts";
export type { Constitution, Principle } from "./constitution/constitution.ts";
export type { Critic } from "./constitution/critic.ts";
export { defaultConstitution } from "./constitution/default-constitution.ts";
export { constitutionJudge } from "./constitution/judge.ts";
export { LocalCritic } from "./constitution/local-critic.ts";
export { demonstrationsOf, revise, revisionPair } from "./constitution/revise.ts";
export type { RevisionChain, RevisionOptions } from "./constitution/revise.ts";
export { ServerCritic } from "./constitution/server-critic.ts";
export { readServerSettings } from "./constitution/server-settings.ts";
export { AttuneError } from "./core/errors.ts";
export type { ErrorCode, ErrorDetails } from "./core/errors.ts";
export { loadDataset, recordsAs, splitRecords } from "./data/dataset.ts";
export type { DataRecord, PreferenceRecord, RankedRecord, UnpairedRecord } from "./data/records.ts";
export {
  compareAnswers,
  contest,
  lengthControlledWinRate,
  winRate,
} from "./evaluation/pairwise.ts";
export type {
  ComparisonInput,
  ContestEntry,
  JudgedComparison,
  Judgement,
  WinRate,
} from "./evaluation/pairwise.ts";
export { openModel as loadModel } from "./models/open.ts";
export type { OpenedModel } from "./models/open.ts";
export { saveAdapter } from "./models/peft/write.ts";
export { saveMerged } from "./models/save.ts";
export type { TrainingEvent } from "./runs/events.ts";
export { BatchingEngine } from "./sampling/engine.ts";
export type { EngineOptions, Generation } from "./sampling/engine.ts";
export type { GenerationRequest, Sampled } from "./sampling/request.ts";
export { GREEDY, generate, streamGenerate } from "./sampling/generate.ts";
export type { Answer, GenerateOptions } from "./sampling/generate.ts";
export { createEncoder } from "./text/encoder.ts";
export { NAMED_TEMPLATES } from "./text/templates.ts";
export type { TemplateChoice } from "./text/templates.ts";
export type { Encoder } from "./text/encoder.ts";
export type { Message } from "./text/messages.ts";
export type { Judge, NoJudgement } from "./training/online/judge.ts";
export type { RewardCall, RewardFunction, RewardSource } from "./training/rollout/rewards.ts";
export { openRewardFile } from "./training/rollout/reward-file.ts";
export { ask, score } from "./library/ask.ts";
export type { AnsweredPrompt, AskOptions } from "./library/ask.ts";
export {
  bestOfN,
  grpo,
  onlineDpo,
  ppo,
  reinforcePlusPlus,
  rejectionSampling,
  rloo,
} from "./library/from-answers.ts";
export type {
  AnswersInput,
  BestOfN,
  BestOfNOptions,
  GrpoOptions,
  OnlineDpoInput,
  OnlineDpoOptions,
  PpoInput,
  PpoOptions,
  ReinforcePlusPlusOptions,
  RejectionSamplingOptions,
  Reward,
  RlooOptions,
} from "./library/from-answers.ts";
export { dpo, kto, rewardModel, sft } from "./library/from-data.ts";
export type {
  DataInput,
  DpoOptions,
  KtoOptions,
  Records,
  RewardModelOptions,
  SftOptions,
} from "./library/from-data.ts";
export type { LanguageModel, Trained } from "./library/models.ts";
export type { RunOptions } from "./library/run.ts";
export type { Training } from "./library/training.ts";
