/** Prompts with the answers of several models, and what a reader must know of how they were found. */
import { formatPlace, preview } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import type { SetAnswer } from "./answer-set.ts";

/** One prompt, or one of several samples of it, with every model's answer. */
export interface MatchedPrompt {
  prompt: Prompt;
  /** Unique among the matched. */
  key: string;
  /** Prompts of one cluster may depend on each other; undefined where each is by itself. */
  cluster?: string;
  /** Category, where the rows name one. */
  group?: string;
  answers: PromptAnswers;
}

/** One for each set, in their order; undefined where a model did not answer. */
export type PromptAnswers = readonly (SetAnswer | undefined)[];

/** What a reader must know of how the sets were put together. */
export interface MatchNote {
  kind:
    | "missing"
    | "unequal"
    | "line ends"
    | "repeated"
    | "unpaired"
    | "empty"
    | "groups"
    | "gaps"
    | "unmet";
  /** The set that it is about; undefined for all. */
  set?: string;
  count: number;
  /** A sentence with the count and an example. */
  text: string;
}

export interface MatchedAnswers {
  names: readonly string[];
  prompts: readonly MatchedPrompt[];
  notes: readonly MatchNote[];
  /** Some prompts were answered by some of the models only. */
  gaps?: true;
  /** The column that groups are read from. */
  groupColumn?: string;
}

/** A model's answers by what was asked. */
export type PromptIndex = ReadonlyMap<string, readonly SetAnswer[]>;

/** Prompts that can be compared, before their groups are read. */
export interface FoundPrompts {
  prompts: MatchedPrompt[];
  notes: MatchNote[];
}

export const shortPrompt = (prompt: Prompt): string => preview(promptText(prompt), 60);

export const placed = ({ place, prompt }: SetAnswer): string => {
  const at = place ? formatPlace(place) : "";
  return at ? `${shortPrompt(prompt)} (${at})` : shortPrompt(prompt);
};

export const hasReturns = ({ prompt }: SetAnswer): boolean => promptText(prompt).includes("\r");

/** A prompt by its text, which is one of `samples` that depend on each other where it has several. */
export function promptOf(
  text: string,
  answers: PromptAnswers,
  { sample, samples }: { sample: number; samples: number },
): MatchedPrompt {
  const given = answers.filter((each) => each !== undefined);
  const [first] = given as [SetAnswer];
  const named = first.key ?? text;
  const cluster = given.find((answer) => answer.cluster !== undefined)?.cluster;
  return {
    prompt: first.prompt,
    key: samples > 1 ? `${named} #${sample + 1}` : named,
    ...(cluster !== undefined
      ? { cluster: String(cluster) }
      : samples > 1
        ? { cluster: `prompt ${text}` }
        : {}),
    answers,
  };
}
