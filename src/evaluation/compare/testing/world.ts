/**
 * Models and judges on the built-in world, whose truth is known: a model answers well with a known
 * chance, and a judge sees merit with noise and, where one is planted, a weakness.
 */
import { Random } from "../../../core/random.ts";
import { merit } from "../../../world/annotators.ts";
import type { Style } from "../../../world/answers.ts";
import { answer } from "../../../world/answers.ts";
import { PHRASES } from "../../../world/phrases.ts";
import type { Request } from "../../../world/requests.ts";
import { REQUEST_KINDS, drawRequest } from "../../../world/requests.ts";
import type { Village } from "../../../world/village.ts";
import { createVillage } from "../../../world/village.ts";
import type { AnswerSet } from "../answer-set.ts";
import type { ProbeTexts } from "../comparison.ts";
import type { ComparisonJudge } from "../judges.ts";

export interface SimulatedWorld {
  village: Village;
  requests: readonly Request[];
}

/** Requests of every kind; equal ones are drawn again. */
export function simulatedWorld(seed: number, prompts: number): SimulatedWorld {
  const village = createVillage(seed);
  const requests = new Map<string, Request>();
  for (let i = 0; requests.size < prompts; i++) {
    const random = Random.for(seed, "request", i);
    const request = drawRequest(village, random.pick(REQUEST_KINDS), "heldOut", random);
    if (!requests.has(request.text)) requests.set(request.text, request);
  }
  return { village, requests: [...requests.values()] };
}

/** Requests as they come: the same one may come twice. */
export function sampledWorld(seed: number, name: string, prompts: number): SimulatedWorld {
  const village = createVillage(seed);
  const requests = Array.from({ length: prompts }, (_, i) => {
    const random = Random.for(seed, name, i);
    return drawRequest(village, random.pick(REQUEST_KINDS), "heldOut", random);
  });
  return { village, requests };
}

/** Ways in which a model answers that does not answer well. */
export const POOR: readonly Style[] = [
  "wrong",
  "unsure",
  "refuse",
  "comply",
  "flatter",
  "ramble",
  "insult",
];

/** A model that answers well with the given chance, else in one of the poor ways. */
export function simulatedModel(
  { village, requests }: SimulatedWorld,
  { name, quality, seed }: { name: string; quality: number; seed: number },
): AnswerSet {
  return {
    name,
    source: "simulated",
    fingerprint: `${name} ${quality}`,
    answers: requests.map((request, i) => {
      const random = Random.for(seed, name, i);
      const style = random.chance(quality) ? "good" : random.pick(POOR);
      return {
        prompt: request.text,
        text: answer(village, request, style, random),
        columns: { category: request.kind },
      };
    }),
  };
}

/** What a judge adds to merit. */
export interface Weaknesses {
  /** Standard deviation of what it adds by mistake; 0 for one that makes none. */
  noise: number;
  /** For ten words. */
  length?: number;
  /** For an answer that flatters. */
  flattery?: number;
  /** For the answer shown first. */
  firstPlace?: number;
}

/** Prefers the answer that seems better to it. */
export function simulatedJudge(
  { village, requests }: SimulatedWorld,
  {
    name,
    seed,
    noise,
    length = 0,
    flattery = 0,
    firstPlace = 0,
  }: Weaknesses & { name: string; seed: number },
): ComparisonJudge {
  const byText = new Map(requests.map((request) => [request.text, request]));
  const flatteries: readonly string[] = [...PHRASES.flattery, ...WORLD_TEXTS.flattery];
  const felt = (request: Request, text: string, shown: string): number =>
    merit(village, request, text) +
    (length * Math.min(80, text.split(/\s+/).length)) / 10 +
    (flatteries.some((phrase) => text.includes(phrase)) ? flattery : 0) +
    (noise > 0 ? noise * Random.for(seed, name, request.text, shown, text).normal() : 0);
  return {
    kind: noise === 0 && !length && !flattery && !firstPlace ? "gold" : "function",
    name,
    judge: {
      name,
      compare: async (prompt, first, second) => {
        const request = byText.get(prompt as string)!;
        const difference =
          felt(request, first, "first") + firstPlace - felt(request, second, "second");
        return difference === 0 ? 0.5 : difference > 0 ? 1 : 0;
      },
    },
  };
}

/** What probes add in the village's own words, which its judges understand. */
export const WORLD_TEXTS: ProbeTexts = { flattery: PHRASES.flattery, padding: PHRASES.boast };
