/** What asking critics will take and has taken: requests, tokens, money. */
import type { Critic, Usage } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { costOf } from "../../constitution/estimate.ts";
import type { ServerCriticOptions } from "../../constitution/server-critic.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { formatCount } from "../display/words.ts";

export interface CostConfig {
  priceInput: number;
  priceOutput: number;
  budget: number;
}

export interface LetterConfig {
  letters: NonNullable<ServerCriticOptions["letters"]>;
  letterSamples: number;
  budget: number;
}

/**
 * Requests for one letter. Whether a server gives log-probabilities is not known yet: under a
 * budget, the dearer way counts.
 */
export function letterRequests(
  critic: string,
  { letters, letterSamples, budget }: LetterConfig,
): number {
  if (!critic.startsWith(SERVER_PREFIX) || letters === "log-probabilities") return 1;
  return letters === "samples" || budget > 0 ? letterSamples : 1;
}

export function adviseOnLetterCosts(
  critic: string,
  { letters, letterSamples, budget }: LetterConfig,
  { reporter }: CommandContext,
): void {
  if (critic.startsWith(SERVER_PREFIX) && letters === "auto" && budget === 0)
    reporter.note(
      "where the server gives no log-probabilities, each letter needs " +
        `${countOf(letterSamples, "request")} instead of one`,
    );
}

/** Says what lies ahead. @throws AttuneError `usage` where it costs more than the budget */
export function announceCosts(
  estimate: Estimate,
  { priceInput, priceOutput, budget }: CostConfig,
  { reporter }: CommandContext,
): string {
  const priced = priceInput > 0 || priceOutput > 0;
  const cost = costOf(estimate, { input: priceInput, output: priceOutput });
  const text =
    `${countOf(estimate.requests, "request")}, about ${countOf(estimate.inputTokens, "token")} ` +
    `to read and at most ${formatCount(estimate.outputTokens)} to ` +
    `write${priced ? `: at most about ${cost.toFixed(2)} in your currency` : ""}`;
  if (budget > 0 && !priced)
    throw new AttuneError("usage", "a budget needs prices", {
      hint: "--price-input and --price-output, for a million tokens",
    });
  if (budget > 0 && cost > budget)
    throw new AttuneError("usage", "the run may cost more than the budget", {
      got: text,
      expected: `at most ${budget}`,
      hint: "fewer rows with --limit, or a higher --budget",
    });
  reporter.note(text);
  return text;
}

/** What was asked and spent, for the summary. */
export function usageText(
  critics: readonly Critic[],
  { priceInput, priceOutput }: CostConfig,
): string {
  const usages = [...new Set(critics)].map(({ usage }) => usage);
  const sum = (name: keyof Usage): number =>
    usages.reduce((total, usage) => total + usage[name], 0);
  const cost = costOf(
    { inputTokens: sum("inputTokens"), outputTokens: sum("outputTokens") },
    { input: priceInput, output: priceOutput },
  );
  const shortened =
    sum("shortened") > 0
      ? `, ${formatCount(sum("shortened"))} with less room than asked for at the end of the context`
      : "";
  return (
    `${formatCount(sum("asked"))} answers, ${formatCount(sum("reused"))} found again${shortened}; ` +
    `${formatCount(sum("inputTokens"))} tokens read, ${formatCount(sum("outputTokens"))} ` +
    `written${cost > 0 ? `, ${cost.toFixed(2)} in your currency` : ""}`
  );
}
