/** What data is inside attune, whatever format it came in. */
import type { ErrorPlace } from "../core/errors.ts";
import type { Completion, Message, Prompt } from "../text/messages.ts";

interface Provenance {
  /** File and row it was read from. */
  place: ErrorPlace;
  /** Columns that the format does not use but that are known metadata. */
  extra?: Readonly<Record<string, unknown>>;
}

export interface PreferenceRecord extends Provenance {
  kind: "preference";
  prompt: Prompt;
  chosen: Completion;
  rejected: Completion;
  /** Probability that chosen is preferred: 1 for a plain label, 0.5 for a tie. */
  p: number;
  margin?: number;
  /** Pairs of one prompt that belong together. */
  cluster?: string;
}

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
}

export interface PromptRecord extends Provenance {
  kind: "prompt";
  prompt: Prompt;
}

export type DataRecord = PreferenceRecord | DemonstrationRecord | ConversationRecord | TextRecord | UnpairedRecord | PromptRecord;
export type RecordKind = DataRecord["kind"];
export type RecordOf<K extends RecordKind> = Extract<DataRecord, { kind: K }>;
