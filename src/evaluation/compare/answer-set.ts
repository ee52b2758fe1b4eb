/** Answers of one model to a list of prompts, wherever they come from. */
import type { ErrorPlace } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";

/** One answer, with what its row says besides. */
export interface SetAnswer {
  prompt: Prompt;
  text: string;
  /** Stable name of the prompt in its file; the prompt's own text where left out. */
  key?: string;
  /** Prompts with one label may depend on each other: a document, a person, a session. */
  cluster?: string | number;
  tokens?: number;
  /** Whether it ended by itself rather than at the limit, where known. */
  stopped?: boolean;
  /** The row's other columns, such as a category. */
  columns?: Readonly<Record<string, unknown>>;
  place?: ErrorPlace;
}

/** A model's answers. */
export interface AnswerSet {
  /** Unique among those that are compared. */
  name: string;
  /** Where they come from, as a reader would say it: a file, a run folder, a server with a model. */
  source: string;
  /** Hash of what they depend on. */
  fingerprint: string;
  answers: readonly SetAnswer[];
}
