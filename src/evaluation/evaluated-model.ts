/** Answers of a model to the prompts of an evaluation, with what is said of them. */
import type { Prompt } from "../text/messages.ts";

/** Name of the model that a pipeline begins with, which nothing has trained. */
export const BASE_MODEL = "base";

/** One answer, with everything that is said of it later. */
export interface EvaluatedAnswer {
  prompt: Prompt;
  text: string;
  tokens: number;
  stopped: boolean;
  /** Score of the reward model that judges; undefined where none does. */
  score?: number;
  /** log pi - log pi_baseline of the answer, nats; 0 for the baseline itself. */
  logRatio: number;
}

export interface EvaluatedModel {
  name: string;
  answers: EvaluatedAnswer[];
}
