/** Greedy answers to requests of the built-in world, and what the gold scorer says of them. */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import { GREEDY, generate } from "../sampling/generate.ts";
import type { Encoder } from "../text/encoder.ts";
import { goldScore } from "../world/gold.ts";
import type { World } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { requestTopic } from "../world/requests.ts";
import type { ScoredModel } from "../evaluation/gold-table.ts";

const MAX_ANSWER = 40;

export async function answerRequests(
  model: Model,
  encoder: Encoder,
  requests: readonly Request[],
  signal?: AbortSignal,
): Promise<string[]> {
  const prompts = requests.map(({ text }) =>
    encoder.encodePrompt([{ role: "user", content: text }]),
  );
  const found = await generate(
    model,
    encoder,
    prompts,
    { ...GREEDY, maxNewTokens: MAX_ANSWER, batchSize: 64 },
    signal ? { signal } : {},
  );
  // What was interrupted has answered some of them only, which nobody must take for all.
  if (found.length < requests.length)
    throw new AttuneError("interrupted", "stopped before all requests were answered", {
      got: `${found.length} of ${countOf(requests.length, "answer")}`,
    });
  return found.map(({ text }) => text);
}

/** Gold scores of answers, requests about one thing counted as one. */
export function scoreAnswers(
  name: string,
  { village }: World,
  requests: readonly Request[],
  answers: readonly string[],
): ScoredModel {
  return {
    name,
    clusters: requests.map(requestTopic),
    scores: requests.map((request, index) => goldScore(village, request, answers[index]!)),
  };
}
