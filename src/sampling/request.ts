/** What an engine is asked for and what it gives. */
import type { AnswerOptions, DrawnAnswer } from "./answer.ts";
import type { PromptScores } from "./prompt-reading.ts";

/** A prompt with how its answers are drawn. */
export interface GenerationRequest extends AnswerOptions {
  /** Ids, at least one. */
  prompt: ArrayLike<number>;
  /** Answers; default 1. */
  samples?: number;
  /** The same seed, stream and prompt give the same answers. */
  seed: number;
  /**
   * Names the request among those of one seed: sample s draws from (seed, ...stream, s). Default
   * none.
   */
  stream?: readonly (string | number)[];
  /** Requests that count as one where slots are shared fairly; default its own. */
  group?: object;
  /** Who asks: clients take turns. Default: all are one. */
  client?: string;
  /**
   * Tells what the model thinks of the prompt itself, with so many of the most likely tokens at
   * each place. Default: nothing.
   */
  promptAlternatives?: number;
}

/** An answer to a request, by its number among the request's samples. */
export interface Sampled extends DrawnAnswer {
  /** Number among the request's answers, from 0. */
  sample: number;
  /** Scores of the prompt's own tokens, where they were asked for. */
  promptScores?: PromptScores;
}

/** Called while a request is answered. */
export interface GenerationHooks {
  /** After every token; the answer is the engine's own and goes on changing. */
  onToken?: (answer: Sampled) => void;
  /** As `onToken`, for callers that do not read the text while it grows. */
  onDraw?: (answer: Sampled) => void;
  /** When an answer is finished. */
  onAnswer?: (answer: Sampled) => void;
}
