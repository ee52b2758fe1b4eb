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
export { resolveConfig } from "./training/configs.ts";
export { dpo } from "./training/offline/dpo.ts";
export { kto } from "./training/offline/kto.ts";
export { bestOfN } from "./training/online/best-of-n.ts";
export type { BestOfNInput, BestOfNResult } from "./training/online/best-of-n.ts";
export { grpo } from "./training/online/grpo.ts";
export type { PolicyInput, PolicyReward } from "./training/rollout/policy.ts";
export { onlineDpo } from "./training/online/online-dpo.ts";
export type { Judge, NoJudgement } from "./training/online/judge.ts";
export type { OnlineDpoInput } from "./training/online/online-dpo.ts";
export { ppo } from "./training/online/ppo.ts";
export type { PpoInput } from "./training/online/ppo.ts";
export { reinforcePlusPlus } from "./training/online/reinforce-plus-plus.ts";
export { rloo } from "./training/online/rloo.ts";
export { rejectionSampling } from "./training/online/rejection-sampling.ts";
export { rewardModel } from "./training/offline/reward.ts";
export type { RewardCall, RewardFunction, RewardSource } from "./training/rollout/rewards.ts";
export { openRewardFile } from "./training/rollout/reward-file.ts";
export { sft } from "./training/offline/sft.ts";
