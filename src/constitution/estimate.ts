/**
 * What a run will take, before it begins. Tokens are counted at four characters each, a rule of
 * thumb for English; written tokens are those that the limits allow, so the sum is what it costs at
 * most as far as the rule holds.
 */
import { mean } from "../stats/intervals.ts";
import type { Message, Prompt } from "../text/messages.ts";
import type { AnswerPair, ComparisonOptions } from "./compare.ts";
import type { Constitution } from "./constitution.ts";
import { isComparisonPrinciple, isCritiquePrinciple, principlesFor } from "./constitution.ts";
import {
  comparisonMessages,
  critiqueMessages,
  decisionMessages,
  revisionMessages,
  turnsOf,
} from "./prompts.ts";
import type { RevisionOptions } from "./revise.ts";

/** Of a token, as a rule of thumb. */
export const CHARACTERS = 4;

export interface Estimate {
  requests: number;
  inputTokens: number;
  /** Tokens that are written, at most. */
  outputTokens: number;
}

/** Prices in the user's currency for a million tokens. */
export interface Prices {
  input: number;
  output: number;
}

export const costOf = (
  { inputTokens, outputTokens }: Pick<Estimate, "inputTokens" | "outputTokens">,
  { input, output }: Prices,
): number => (inputTokens * input + outputTokens * output) / 1e6;

const tokens = (messages: readonly Message[]): number =>
  Math.ceil(messages.reduce((total, { content }) => total + content.length, 0) / CHARACTERS);

export const sumEstimates = (estimates: readonly Estimate[]): Estimate =>
  estimates.reduce(
    (a, b) => ({
      requests: a.requests + b.requests,
      inputTokens: a.inputTokens + b.inputTokens,
      outputTokens: a.outputTokens + b.outputTokens,
    }),
    { requests: 0, inputTokens: 0, outputTokens: 0 },
  );

/** Of so many times as much. */
export const timesEstimate = (estimate: Estimate, times: number): Estimate => ({
  requests: Math.round(times * estimate.requests),
  inputTokens: Math.round(times * estimate.inputTokens),
  outputTokens: Math.round(times * estimate.outputTokens),
});

/** First answers, or samples for the mixture. */
export function estimateAnswers(
  prompts: readonly Prompt[],
  samples: number,
  { maxNewTokens }: Pick<RevisionOptions, "maxNewTokens">,
): Estimate {
  const requests = prompts.length * samples;
  return {
    requests,
    inputTokens: samples * prompts.reduce((total, prompt) => total + tokens(turnsOf(prompt)), 0),
    outputTokens: requests * maxNewTokens,
  };
}

/** Critiques and revisions, every answer as long as it may be. */
export function estimateRevisions(
  prompts: readonly Prompt[],
  constitution: Constitution,
  { revisions, maxNewTokens, tags }: RevisionOptions,
): Estimate {
  const longest = "x".repeat(CHARACTERS * maxNewTokens);
  const principles = principlesFor(constitution, isCritiquePrinciple, tags);
  const inputs = prompts.map((prompt) =>
    mean(
      principles.map((principle) => {
        const asked = critiqueMessages({ constitution, prompt, answer: longest, principle });
        return tokens(asked) + tokens(revisionMessages(asked, longest, principle));
      }),
    ),
  );
  const requests = 2 * revisions * prompts.length;
  return {
    requests,
    inputTokens: Math.round(revisions * inputs.reduce((a, b) => a + b, 0)),
    outputTokens: requests * maxNewTokens,
  };
}

/**
 * Comparisons in both orders.
 * @param letterRequests requests for one letter: 1, or the number of samples
 */
export function estimateComparisons(
  pairs: readonly AnswerPair[],
  constitution: Constitution,
  options: Pick<ComparisonOptions, "principles" | "reasoning" | "maxNewTokens" | "tags">,
  letterRequests = 1,
): Estimate {
  const principles = principlesFor(constitution, isComparisonPrinciple, options.tags);
  const longest = "x".repeat(CHARACTERS * options.maxNewTokens);
  const orders = 2 * Math.min(options.principles, principles.length);
  const inputs = pairs.map(({ prompt, first, second }) =>
    mean(
      principles.map((principle) => {
        const asked = comparisonMessages({
          constitution,
          prompt,
          answers: [first, second],
          principle,
          reasoning: options.reasoning,
        });
        return options.reasoning
          ? tokens(asked) + letterRequests * tokens(decisionMessages(asked, longest))
          : letterRequests * tokens(asked);
      }),
    ),
  );
  const each = letterRequests + (options.reasoning ? 1 : 0);
  const written = letterRequests * 5 + (options.reasoning ? options.maxNewTokens : 0);
  return {
    requests: orders * each * pairs.length,
    inputTokens: Math.round(orders * inputs.reduce((a, b) => a + b, 0)),
    outputTokens: orders * written * pairs.length,
  };
}
