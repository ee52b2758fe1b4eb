/** The library: what the command line does, as functions over plain values. */
export { AttuneError } from "./core/errors.ts";
export type { ErrorCode, ErrorDetails } from "./core/errors.ts";
export { loadDataset, recordsAs, splitRecords } from "./data/dataset.ts";
export type { DataRecord, PreferenceRecord, RankedRecord, UnpairedRecord } from "./data/records.ts";
export { openModel as loadModel } from "./models/open.ts";
export type { OpenedModel } from "./models/open.ts";
export { saveAdapter, saveMerged } from "./models/save.ts";
export type { TrainingEvent } from "./runs/events.ts";
export { GREEDY, generate } from "./sampling/generate.ts";
export type { Answer, GenerateOptions } from "./sampling/generate.ts";
export { createEncoder } from "./text/encoder.ts";
export type { Encoder } from "./text/encoder.ts";
export type { Message } from "./text/messages.ts";
export { resolveConfig } from "./training/configs.ts";
export { dpo } from "./training/dpo.ts";
export { kto } from "./training/kto.ts";
export { rewardModel } from "./training/reward.ts";
export { sft } from "./training/sft.ts";
