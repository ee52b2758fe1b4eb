/** A critic as a judge of single pairs: for win rates in evaluation, and for labels while a policy is trained (online DPO). */
import { createHash } from "node:crypto";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Prompt } from "../text/messages.ts";
import { promptText } from "../text/messages.ts";
import type { ComparisonOptions } from "./compare.ts";
import { readOrder } from "./compare.ts";
import type { Constitution } from "./constitution.ts";
import { drawPrinciples, isComparisonPrinciple, principlesFor } from "./constitution.ts";
import type { Critic } from "./critic.ts";

/** P(the answer shown first is better). Both orders are the caller's to ask, as evaluation does. */
export type OrderJudge = (prompt: Prompt, first: string, second: string) => Promise<number>;

export type JudgeOptions = Partial<Pick<ComparisonOptions, "tags" | "reasoning" | "maxNewTokens" | "temperature" | "topP" | "seed">>;

/**
 * A judge by the constitution. The principle is drawn by the prompt, so that both orders, and every candidate's answers to
 * one prompt, are judged by the same one.
 * Throws AttuneError `data` where the critic names neither letter, as a judge without an opinion would count as a tie.
 */
export function constitutionJudge(critic: Critic, constitution: Constitution, { tags = [], reasoning = false, maxNewTokens = 256, temperature = 1, topP = 1, seed = 0 }: JudgeOptions = {}): OrderJudge {
  const principles = principlesFor(constitution, isComparisonPrinciple, tags);
  return async (prompt, first, second) => {
    const name = createHash("sha256").update(promptText(prompt)).digest("hex").slice(0, 16);
    const [principle] = drawPrinciples(principles, 1, Random.for(seed, "judge", name));
    const { pA, refused } = await readOrder({ critic, constitution, prompt, answers: [first, second], principle: principle!, stream: ["judge", name] }, { reasoning, maxNewTokens, temperature, topP, seed });
    if (pA !== undefined) return pA;
    throw new AttuneError("data", "the critic gives no judgement", { got: refused ?? "a reply that is neither A nor B", hint: "another critic, or examples of comparisons in the constitution" });
  };
}

/** A judge without a place that it prefers: both orders, averaged. What online DPO takes. */
export function inBothOrders(judge: OrderJudge): { compare: OrderJudge } {
  return { compare: async (prompt, first, second) => ((await judge(prompt, first, second)) + 1 - (await judge(prompt, second, first))) / 2 };
}
