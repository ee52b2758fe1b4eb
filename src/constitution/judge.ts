/**
 * A critic as a judge of single pairs: for win rates in evaluation, and for labels while a policy
 * is trained (online DPO).
 */
import { createHash } from "node:crypto";
import { Random } from "../core/random.ts";
import { mean } from "../stats/intervals.ts";
import { promptText } from "../text/messages.ts";
import type { Judge } from "../training/rollout/judge.ts";
import type { ComparisonOptions } from "./compare.ts";
import { readOrder } from "./compare.ts";
import type { Constitution } from "./constitution.ts";
import { drawPrinciples, isComparisonPrinciple, principlesFor } from "./constitution.ts";
import type { Critic } from "./critic.ts";

/**
 * As {@link ComparisonOptions}. Default: one principle a prompt, no reasoning, no clamp, seed 0.
 */
export type JudgeOptions = Partial<ComparisonOptions>;

/**
 * A judge by the constitution, of one order at a time: who asks asks both. Principles are drawn by
 * the prompt, so that both orders, and every candidate's answers to one prompt, are judged by the
 * same ones; their probabilities are averaged. A critic that names neither letter by one of them
 * has no judgement, as it would else count as a tie.
 * @throws AttuneError `config` where no principle fits
 */
export function constitutionJudge(
  critic: Critic,
  constitution: Constitution,
  {
    principles: number = 1,
    tags = [],
    reasoning = false,
    maxNewTokens = 256,
    temperature = 1,
    topP = 1,
    clamp,
    seed = 0,
  }: JudgeOptions = {},
): Judge {
  const principles = principlesFor(constitution, isComparisonPrinciple, tags);
  const options = { reasoning, maxNewTokens, temperature, topP, seed };
  return {
    name: critic.name,
    concurrency: reasoning ? critic.concurrency : critic.letterConcurrency,
    // requests have time-outs and retries of their own
    timeout: Infinity,
    clamp,
    async compare(prompt, first, second, signal) {
      const name = createHash("sha256").update(promptText(prompt)).digest("hex").slice(0, 16);
      const chances: number[] = [];
      for (const principle of drawPrinciples(principles, number, Random.for(seed, "judge", name))) {
        const { pA, refused } = await readOrder(
          {
            critic,
            constitution,
            prompt,
            answers: [first, second],
            principle,
            stream: ["judge", name],
          },
          options,
          signal,
        );
        if (pA === undefined) return { refused: refused ?? "a reply that is neither A nor B" };
        chances.push(pA);
      }
      return mean(chances);
    },
  };
}
