/**
 * The exact scorer of the built-in world as a judge: it knows what is true in the village. Prompts
 * are found by their text among the world's requests.
 */
import { AttuneError } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { promptText } from "../../text/messages.ts";
import { goldScore } from "../../world/gold.ts";
import type { World } from "../../world/index.ts";
import { createWorld, DEFAULT_SIZES } from "../../world/index.ts";
import type { Request } from "../../world/requests.ts";
import { requestTopic } from "../../world/requests.ts";
import { placeOf, userTurn } from "../../world/turns.ts";
import type { Prompt } from "../../text/messages.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { promptIdentity } from "../compare/match.ts";
import { scoredJudge } from "./scored-judge.ts";

/** What `--data world:1` begins with. */
export const WORLD_PREFIX = "world:";

/** A world's requests, without the corpus that models are trained on. */
export const requestsWorld = (seed: number): World =>
  createWorld({
    seed,
    sizes: {
      ...DEFAULT_SIZES,
      corpus: 0,
      demonstrations: 0,
      preferences: 0,
      auditedPreferences: 0,
      heldOutPreferences: 0,
      critiques: 0,
      helpfulDemonstrations: 0,
    },
  });

/** The world's evaluation requests as prompts; requests about one thing belong together. */
export const worldPrompts = ({ evaluation }: World): PromptRecord[] =>
  evaluation.map((request, index) => ({
    kind: "prompt",
    prompt: [userTurn(request.text)],
    cluster: requestTopic(request),
    extra: { category: request.kind },
    place: placeOf(index),
  }));

/**
 * The seed of `gold:1` or `world:1`.
 * @throws AttuneError `usage`
 */
export function readSeed(option: string, fallback: number): number {
  const [, text] = option.split(":");
  if (text === undefined || text === "") return fallback;
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new AttuneError("usage", `${option} names no seed of the built-in world`, {
    expected: "a whole number, such as gold:1 or world:1",
  });
}

export function goldJudge(world: World, name: string): ComparisonJudge {
  const requests = new Map<string, Request>();
  for (const request of [
    ...world.evaluation,
    ...world.tuning,
    ...world.redTeam,
    ...world.helpfulPrompts,
  ])
    requests.set(request.text, request);
  const find = (prompt: Prompt): Request | undefined => requests.get(requestText(prompt));
  return {
    kind: "gold",
    name,
    symmetric: true,
    judge: scoredJudge({
      name,
      score: (answers) =>
        Promise.resolve(
          answers.map(({ prompt, text }) => {
            const request = find(prompt);
            return request === undefined
              ? { refused: "the prompt is no request of this built-in world" }
              : goldScore(world.village, request, text).total;
          }),
        ),
    }),
  };
}

/** The request alone, without a system message. */
function requestText(prompt: Prompt): string {
  if (typeof prompt === "string") return prompt.trim();
  const turns = prompt.filter(({ role }) => role !== "system");
  return turns.length === 1 ? promptIdentity(turns) : promptText(prompt);
}
