/**
 * Both stages over a few prompts with a critic behind a server: what a test compares between a calm
 * run and one that was killed.
 */
import { AnswerCache } from "../answer-cache.ts";
import { compare } from "../compare.ts";
import { revise } from "../revise.ts";
import { ServerCritic } from "../server-critic.ts";
import { TEST_CONSTITUTION } from "./critic.ts";

const PROMPTS = Array.from({ length: 12 }, (_, index) => `prompt ${index}`);

/** @param folder for the answers; in memory where left out */
export async function wholeRun(
  baseUrl: string,
  apiKey: string,
  folder?: string,
): Promise<{ steps: number[]; labels: unknown[]; texts: string[] }> {
  const critic = await ServerCritic.create({
    settings: { baseUrl, apiKey },
    model: "m",
    cache: folder === undefined ? AnswerCache.inMemory() : AnswerCache.open(folder),
    concurrency: 4,
    timeout: 2000,
    letters: "auto",
    letterSamples: 4,
    retry: { retries: 60, firstWait: 1, longestWait: 5 },
  });
  const chains = await revise(
    { prompts: PROMPTS, answerer: critic, critic, constitution: TEST_CONSTITUTION },
    { revisions: 2, tags: [], temperature: 1, topP: 1, maxNewTokens: 20, seed: 3 },
  );
  const pairs = chains.map(({ prompt, answer, steps }) => ({
    prompt,
    first: answer,
    second: steps[0]!.revision,
  }));
  const compared = await compare(
    { pairs, critic, constitution: TEST_CONSTITUTION },
    {
      principles: 2,
      tags: [],
      reasoning: false,
      maxNewTokens: 20,
      temperature: 1,
      topP: 1,
      clamp: undefined,
      seed: 3,
    },
  );
  return {
    steps: chains.map(({ steps }) => steps.length),
    texts: chains.flatMap(({ answer, steps }) => [
      answer,
      ...steps.flatMap(({ critique, revision }) => [critique, revision]),
    ]),
    labels: compared.map(({ p, readings }) => ({
      p,
      readings: readings.map(({ principle, shownFirst, logps, method }) => ({
        principle,
        shownFirst,
        logps,
        method,
      })),
    })),
  };
}
