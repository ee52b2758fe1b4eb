/**
 * What data is inside attune, whatever format it came in. Columns are TRL's; a preference carries a
 * probability and where it came from, so that ties, margins and soft labels survive until an export
 * says that it drops them.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { stringifyExactly } from "../core/json.ts";
import type { Completion, Message, Prompt, TemplateInputs } from "../text/messages.ts";

export const SPLITS = ["train", "validation", "test"] as const;
/** Part of a data set. */
export type Split = (typeof SPLITS)[number];

/** What every record says of where it comes from. */
export interface Provenance extends TemplateInputs {
  /** Its texts are parts of one plain text that was split, and no turns of anybody. */
  plain?: true;
  /** File and row it was read from. */
  place: ErrorPlace;
  /** Part of the data set, told by the file's name. */
  split?: Split;
  /** Records that belong together (one prompt's pairs, one session): never parted by a split. */
  cluster?: string;
  /** Data set or collection that it stems from. */
  source?: string;
  /** Columns that no trainer reads, such as ids and categories. */
  extra?: Readonly<Record<string, unknown>>;
}

/** Two answers to one prompt, of which one is preferred. */
export interface PreferenceRecord extends Provenance {
  kind: "preference";
  /** What was asked. */
  prompt: Prompt;
  /** The preferred answer. */
  chosen: Completion;
  /** The other one. */
  rejected: Completion;
  /** Probability that chosen is preferred: 1 for a plain label, 0.5 for a tie. */
  p: number;
  /** How much better chosen is, in units of reward. */
  margin?: number;
  /** Who judged. */
  annotator?: string;
  /** Place in which the annotator saw the chosen answer. */
  side?: Side;
  /** Names of the models that wrote the completions. */
  models?: {
    /** Who wrote the preferred answer. */
    chosen: string;
    /** Who wrote the other one. */
    rejected: string;
  };
  /** The two sides differed before their last turn; what they share is the prompt. */
  contextsDiffer?: true;
}
/** A place in which an answer is shown. */
export type Side = "first" | "second";

/** An answer to imitate. */
export interface DemonstrationRecord extends Provenance {
  kind: "demonstration";
  /** What was asked. */
  prompt: Prompt;
  /** The answer. */
  completion: Completion;
}

/** A conversation whose assistant's turns are learned. */
export interface ConversationRecord extends Provenance {
  kind: "conversation";
  /** All turns, in order. */
  messages: readonly Message[];
}

/** A plain text, learned whole. */
export interface TextRecord extends Provenance {
  kind: "text";
  /** Written out as it is, without a chat template. */
  text: string;
}

/** One answer, judged by itself. */
export interface UnpairedRecord extends Provenance {
  kind: "unpaired";
  /** What was asked. */
  prompt: Prompt;
  /** The answer. */
  completion: Completion;
  /** Whether the completion is desirable. */
  label: boolean;
  /** Who judged. */
  annotator?: string;
}

/**
 * Several answers to one prompt. Order comes from comparisons where given, else from ranks (1 is
 * best), else from scores.
 */
export interface RankedRecord extends Provenance {
  kind: "ranked";
  /** What was asked. */
  prompt: Prompt;
  /** The answers, in no meaningful order. */
  completions: readonly RankedCompletion[];
  /** Judgements of pairs; indices into completions. */
  comparisons?: readonly Comparison[];
  /** Who judged. */
  annotator?: string;
}

/** One of several answers to a prompt. */
export interface RankedCompletion {
  /** The answer. */
  completion: Completion;
  /** 1 is best. */
  rank?: number;
  /** Higher is better; in any unit. */
  score?: number;
  /** Name of the model that wrote it. */
  model?: string;
}

/** A judgement of two of several answers. */
export interface Comparison {
  /** Index into completions, from 0. */
  first: number;
  /** Index into completions, from 0. */
  second: number;
  /** Probability that the first is preferred. */
  p: number;
}

/** A prompt alone, for the model's own answers. */
export interface PromptRecord extends Provenance {
  kind: "prompt";
  /** What is asked. */
  prompt: Prompt;
}

/** A row, whatever format it was written in; `kind` tells records apart. */
export type DataRecord =
  | PreferenceRecord
  | DemonstrationRecord
  | ConversationRecord
  | TextRecord
  | UnpairedRecord
  | RankedRecord
  | PromptRecord;
/** Names of the kinds of records. */
export type RecordKind = DataRecord["kind"];
/** The record of a kind. */
export type RecordOf<K extends RecordKind> = Extract<DataRecord, { kind: K }>;
export const RECORD_KINDS = [
  "preference",
  "demonstration",
  "conversation",
  "text",
  "unpaired",
  "ranked",
  "prompt",
] as const satisfies readonly RecordKind[];

/** The object without its undefined properties. */
export function compact<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Calls and thought as a text to compare by; empty where there are none. */
export function callsAndThought({ tool_calls, tool_call_id, reasoning_content }: Message): string {
  const rest = compact({ tool_calls, tool_call_id, reasoning_content });
  return Object.keys(rest).length === 0 ? "" : stringifyExactly(rest);
}
