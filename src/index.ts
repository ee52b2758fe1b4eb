/**
 * The library: what the command line does, as functions over plain values.
 *
 *   load and ask, train, run folders, data, evaluation, constitution, low level
 */

// Load and ask: models by path, answers to prompts, scores of answers.
export { openModel as loadModel } from "./models/open.ts";
export type { OpenedModel, OpenModelOptions } from "./models/open.ts";
export type { ReadModelOptions } from "./models/load.ts";
export type { Precision } from "./models/precision.ts";
export { ask, score } from "./library/ask.ts";
export type { AnsweredPrompt, AskOptions, ScoreOptions } from "./library/ask.ts";
export { compareModels } from "./library/compare.ts";
export type {
  ComparedPair,
  CompareModelsOptions,
  ModelComparison,
  ModelsInput,
  PairFunction,
} from "./library/compare.ts";
export type { Conclusion } from "./evaluation/conclusion.ts";
export type { LanguageModel, Trained } from "./library/models.ts";

// Train: from data, and over the model's own answers, judged by rewards or by a judge.
export * from "./library/trainers.ts";
export type { DataInput } from "./library/from-data.ts";
export type { AnswersInput, OnlineDpoInput, PpoInput, Reward } from "./library/from-answers.ts";
export type { Records } from "./library/records.ts";
export type { BestOfNChoice, BestOfNResult, ScoredAnswer } from "./training/online/best-of-n.ts";
export type { Judge, NoJudgement } from "./training/rollout/judge.ts";
export { openRewardFile } from "./training/rollout/reward-file.ts";
export type {
  RewardCall,
  RewardFunction,
  RewardSource,
  RewardWarning,
} from "./training/rollout/rewards.ts";
export type { Rollout, RolloutPrompt } from "./training/rollout/rollout.ts";

// Run folders: how a training is run, what it says meanwhile, and what fails.
export type { RunOptions } from "./library/run.ts";
export type { Training } from "./library/training.ts";
export type {
  CheckpointEvent,
  EndEvent,
  EvaluationEvent,
  Metrics,
  SampleEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
  WarningEvent,
} from "./runs/events.ts";
export type { MetricName } from "./runs/metrics.ts";
export { AttuneError } from "./core/errors.ts";
export type { ErrorCode, ErrorDetails, ErrorPlace } from "./core/errors.ts";

// Data: files and data sets as records, records of another kind, parts.
export { loadDataset, recordsAs, splitRecords } from "./data/dataset.ts";
export type { DataFile, Dataset, DataSource, LoadOptions, OnBad } from "./data/dataset.ts";
export type { RemoteData, ResolveRemote } from "./data/files.ts";
export type { ReadLimits } from "./data/readers/row.ts";
export type {
  Comparison,
  ConversationRecord,
  DataRecord,
  DemonstrationRecord,
  PreferenceRecord,
  PromptRecord,
  Provenance,
  RankedCompletion,
  RankedRecord,
  RecordKind,
  RecordOf,
  Side,
  Split,
  TextRecord,
  UnpairedRecord,
} from "./data/records.ts";
export type { SplitRecords } from "./data/split.ts";
export type { Note, ReadOptions } from "./data/stream.ts";
export type {
  Completion,
  Message,
  Prompt,
  Role,
  TemplateInputs,
  ToolCall,
} from "./text/messages.ts";

// Evaluation: how often a judge prefers one model's answers to another's, with intervals.
export {
  compareAnswers,
  contest,
  lengthControlledWinRate,
  winRate,
} from "./evaluation/pairwise.ts";
export type {
  ComparisonInput,
  ContestEntry,
  ContestInput,
  JudgedComparison,
  Judgement,
  LengthControlled,
  WinRate,
} from "./evaluation/pairwise.ts";
export type { Interval } from "./stats/intervals.ts";
export type { BestOfNPoint } from "./stats/over-optimisation.ts";

// Constitution: principles, critics, critique and revision, AI labels.
export { checkConstitution } from "./constitution/check.ts";
export type { CheckedConstitution } from "./constitution/check.ts";
export { parseConstitution } from "./constitution/constitution.ts";
export type { Constitution, ConstitutionRemark, Principle } from "./constitution/constitution.ts";
export { defaultConstitution } from "./constitution/default-constitution.ts";
export { AnswerCache } from "./constitution/answer-cache.ts";
export type { KeptAnswer } from "./constitution/answer-cache.ts";
export type {
  Answered,
  Critic,
  LetterRequest,
  Refusal,
  Usage,
  WritingRequest,
  WrittenText,
} from "./constitution/critic.ts";
export type { Clamp, Letter, LetterReading } from "./constitution/letters.ts";
export { LocalCritic } from "./constitution/local-critic.ts";
export type { LocalCriticOptions } from "./constitution/local-critic.ts";
export { ServerCritic } from "./constitution/server-critic.ts";
export type { ServerCriticOptions } from "./constitution/server-critic.ts";
export type { RetryOptions } from "./constitution/retry.ts";
export { readServerSettings } from "./constitution/server-settings.ts";
export type { ServerSettings } from "./constitution/server-settings.ts";
export { demonstrationsOf, revise, revisionPair } from "./constitution/revise.ts";
export type {
  RevisionChain,
  RevisionInput,
  RevisionOptions,
  RevisionStep,
  WorkHooks,
} from "./constitution/revise.ts";
export { compare, preferenceOf } from "./constitution/compare.ts";
export type {
  AiComparison,
  AnswerPair,
  ComparisonOptions,
  OrderReading,
} from "./constitution/compare.ts";
export { constitutionJudge } from "./constitution/judge.ts";
export type { JudgeOptions } from "./constitution/judge.ts";

// Low level: weights into files, texts to token ids, token ids drawn.
export type { Model } from "./models/model.ts";
export { saveAdapter } from "./models/peft/write.ts";
export { saveMerged } from "./models/save.ts";
export type { SaveOptions } from "./models/save.ts";
export type { WeightDType } from "./models/weights/dtypes.ts";
export type { ArrayOf, DType, HostTensor } from "./core/tensor.ts";
export type { Tokenizer } from "./text/tokenizer.ts";
export type { NamedToken } from "./text/tokenizer-json.ts";
export type { TextPart } from "./text/text-parts.ts";
export { createEncoder } from "./text/encoder.ts";
export type {
  Cut,
  Encoded,
  EncodedAnswers,
  EncodedExample,
  EncodedPair,
  Encoder,
  EncoderOptions,
  EncodingRow,
  LossOption,
} from "./text/encoder.ts";
export type { TemplateTime } from "./text/chat-template.ts";
export { NAMED_TEMPLATES } from "./text/templates.ts";
export type { TemplateChoice, TemplateName } from "./text/templates.ts";
export { GREEDY, generate, streamGenerate } from "./sampling/generate.ts";
export type { Answer, GenerateHooks, GenerateOptions, StreamOptions } from "./sampling/generate.ts";
export { BatchingEngine } from "./sampling/engine.ts";
export type { EngineOptions, Generation } from "./sampling/engine.ts";
export type { GenerationHooks, GenerationRequest, Sampled } from "./sampling/request.ts";
export type { AnswerOptions, Decode, DrawnAnswer, Finish } from "./sampling/answer.ts";
export type { ChosenToken, SamplingOptions } from "./sampling/choose.ts";
export type { PromptScores } from "./sampling/prompt-reading.ts";
export type { LogitShapingOptions, TokenConstraint } from "./sampling/shaping.ts";
