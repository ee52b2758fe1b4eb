/** What is kept of a subject: answers and scores, and how a kept one is told from something else. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { answerKey } from "../../constitution/answer-cache.ts";
import type { Prompt } from "../../text/messages.ts";
import type {
  AnswerRequest,
  ContinuationRequest,
  ContinuationScore,
  SubjectAnswer,
} from "../subject.ts";

const answer = z.object({
  text: z.string(),
  stopped: z.boolean(),
  tokens: z.number().optional(),
});
const score = z.object({
  logProbability: z.number(),
  tokens: z.number(),
  greedy: z.boolean(),
});

export const isKeptAnswer = (kept: unknown): kept is SubjectAnswer =>
  answer.safeParse(kept).success;
export const isKeptScore = (kept: unknown): kept is ContinuationScore =>
  score.safeParse(kept).success;

/** The limit is the one that applies: a longer context than was needed changes nothing. */
export const keyOfAnswer = (
  fingerprint: string,
  { prompt, maxNewTokens, temperature, seed, sample = 0, stopTexts = [] }: AnswerRequest,
): string =>
  answerKey("subject", fingerprint, "answer", {
    prompt: plain(prompt),
    maxNewTokens,
    temperature,
    // the most likely tokens are the same for every seed
    drawn: temperature === 0 ? null : [seed, sample],
    stopTexts,
  });

export const keyOfScore = (
  fingerprint: string,
  { prompt, continuation }: ContinuationRequest,
): string => answerKey("subject", fingerprint, "score", plain(prompt), continuation);

const plain = (prompt: Prompt): unknown =>
  typeof prompt === "string"
    ? prompt
    : prompt.map((message) => Object.entries(message).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Names a prompt among the draws of a seed. */
export const streamOf = (prompt: Prompt, sample = 0): readonly (string | number)[] => [
  "subject",
  createHash("sha256")
    .update(JSON.stringify(plain(prompt)))
    .digest("hex")
    .slice(0, 16),
  sample,
];
