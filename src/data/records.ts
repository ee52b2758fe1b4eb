/**
 * What data is inside attune, whatever format it came in. Columns are TRL's; a preference carries a
 * probability and where it came from, so that ties, margins and soft labels survive until an export
 * says that it drops them.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { stringifyExactly } from "../core/json.ts";
import type { Completion, Message, Prompt, TemplateInputs } from "../text/messages.ts";

export const SPLITS = ["train", "validation", "test"] as const;
export type Split = (typeof SPLITS)[number];

interface Provenance extends TemplateInputs {
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

export interface PreferenceRecord extends Provenance {
  kind: "preference";
  prompt: Prompt;
  chosen: Completion;
  rejected: Completion;
  /** Probability that chosen is preferred: 1 for a plain label, 0.5 for a tie. */
  p: number;
  /** How much better chosen is, in units of reward. */
  margin?: number;
  annotator?: string;
  /** Place in which the annotator saw the chosen answer. */
  side?: Side;
  /** Names of the models that wrote the completions. */
  models?: { chosen: string; rejected: string };
  /** The two sides differed before their last turn; what they share is the prompt. */
  contextsDiffer?: true;
}
export type Side = "first" | "second";

/** An answer to imitate. */
export interface DemonstrationRecord extends Provenance {
  kind: "demonstration";
  prompt: Prompt;
  completion: Completion;
}

export interface ConversationRecord extends Provenance {
  kind: "conversation";
  messages: readonly Message[];
}

export interface TextRecord extends Provenance {
  kind: "text";
  text: string;
}

export interface UnpairedRecord extends Provenance {
  kind: "unpaired";
  prompt: Prompt;
  completion: Completion;
  /** Whether the completion is desirable. */
  label: boolean;
  annotator?: string;
}

/**
 * Several answers to one prompt. Order comes from comparisons where given, else from ranks (1 is
 * best), else from scores.
 */
export interface RankedRecord extends Provenance {
  kind: "ranked";
  prompt: Prompt;
  completions: readonly RankedCompletion[];
  /** Judgements of pairs; indices into completions. */
  comparisons?: readonly Comparison[];
  annotator?: string;
}

export interface RankedCompletion {
  completion: Completion;
  rank?: number;
  score?: number;
  model?: string;
}

export interface Comparison {
  first: number;
  second: number;
  /** Probability that the first is preferred. */
  p: number;
}

export interface PromptRecord extends Provenance {
  kind: "prompt";
  prompt: Prompt;
}

export type DataRecord =
  | PreferenceRecord
  | DemonstrationRecord
  | ConversationRecord
  | TextRecord
  | UnpairedRecord
  | RankedRecord
  | PromptRecord;
export type RecordKind = DataRecord["kind"];
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
