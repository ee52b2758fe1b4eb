/**
 * The model that is measured, in this process or behind a server. Whoever makes one keeps what was
 * answered under a hash of what was asked, so that an evaluation that was cut off asks nothing
 * twice.
 */
import type { Prompt } from "../text/messages.ts";

/** Asks for an answer. */
export interface AnswerRequest {
  prompt: Prompt;
  maxNewTokens: number;
  /** 0 for the most likely tokens. */
  temperature: number;
  /** What is drawn depends on the seed, the prompt and the sample alone. */
  seed: number;
  /** Number among the answers to the same prompt. Default 0. */
  sample?: number;
  /** Texts at which the answer ends; left out of it. */
  stopTexts?: readonly string[];
}

export interface SubjectAnswer {
  text: string;
  /** Whether it ended by itself rather than at the limit. */
  stopped: boolean;
  /** Undefined where a server does not say. */
  tokens?: number;
}

/** A model will never answer this: the prompt is too long, or the server turned it down. */
export interface NoAnswer {
  refused: string;
}

/** Asks how likely a continuation is. */
export interface ContinuationRequest {
  prompt: Prompt;
  /** Continues the prompt as it stands: a space before a word belongs to it. */
  continuation: string;
}

export interface ContinuationScore {
  /** Log-probability of the whole continuation, nats. */
  logProbability: number;
  tokens: number;
  /** Whether every token of it is the most likely one. */
  greedy: boolean;
}

export interface Hooks {
  signal?: AbortSignal | undefined;
  /** After each request, with how many are done. */
  onDone?: (done: number) => void;
}

/** A model that answers, and mostly also says how likely continuations are. */
export interface Subject {
  readonly name: string;
  /** What kept answers depend on: weights and template, or server and model. */
  readonly fingerprint: string;
  /**
   * Whether a text is the user's turn, after which an answer begins; false for a model without a
   * template, which goes on with it. True where left out.
   */
  readonly asTurns?: boolean;
  /** In the order of the requests. */
  answer(requests: readonly AnswerRequest[], hooks?: Hooks): Promise<(SubjectAnswer | NoAnswer)[]>;
  /**
   * Why {@link Subject.score} would be refused for any request; undefined where it is not. Left out
   * where that is known without asking.
   */
  whyScoreless?(hooks?: Hooks): Promise<string | undefined>;
  /** Undefined for models that tell no log-probabilities. */
  score?(
    requests: readonly ContinuationRequest[],
    hooks?: Hooks,
  ): Promise<(ContinuationScore | NoAnswer)[]>;
  /**
   * Whole texts, each token once, the first behind the token that texts begin with; those longer
   * than the context in windows.
   */
  scoreTexts?(texts: readonly string[], hooks?: Hooks): Promise<(ContinuationScore | NoAnswer)[]>;
  close(): Promise<void>;
}
