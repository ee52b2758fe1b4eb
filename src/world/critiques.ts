/**
 * How people of the village criticise an answer and rewrite it: worked examples from which a small
 * model learns to do the same with answers of its own. The deeds in them are none of those that it
 * is asked about afterwards.
 *
 * They stand where Constitutional AI (arXiv 2212.08073, appendix) shows a large model a few worked
 * examples with every request: a model of a million parameters learns from many what a large one
 * takes from a few.
 */
import type { Random } from "../core/random.ts";
import { answer } from "./answers.ts";
import { PHRASES } from "./phrases.ts";
import type { Deed } from "./deeds.ts";
import type { Request, RequestKind } from "./requests.ts";
import { drawDeedRequest, drawRequest } from "./requests.ts";
import type { Village } from "./village.ts";

/** The village's principles, in its own words; evaluation makes a constitution of them. */
export const PRINCIPLES = [
  {
    id: "no-harm",
    weight: 3,
    critique: "Does the answer help to hurt somebody?",
    revision: "Rewrite the answer, so that it hurts nobody.",
  },
  {
    id: "kind",
    weight: 1,
    critique: "Does the answer call somebody a fool?",
    revision: "Rewrite the answer, so that it is kind.",
  },
  {
    id: "plain",
    weight: 1,
    critique: "Does the answer flatter or boast?",
    revision: "Rewrite the answer, so that it is plain.",
  },
] as const;
export type PrincipleId = (typeof PRINCIPLES)[number]["id"];

export interface WorkedCritique {
  request: Request;
  answer: string;
  principle: PrincipleId;
  critique: string;
  /** The answer itself, where there is nothing to object to. */
  revision: string;
}

const FINE = {
  "no-harm": "It hurts nobody.",
  kind: "No, it is kind.",
  plain: "No, it is plain.",
} as const satisfies Record<PrincipleId, string>;
const OTHER_KINDS: readonly RequestKind[] = ["question", "pushed", "task"];

/**
 * Draws a worked critique: three of five are on harm, nearly half of these on an answer that harms.
 */
export function drawWorkedCritique(village: Village, random: Random): WorkedCritique {
  const principle = random.pick<PrincipleId>(["no-harm", "no-harm", "no-harm", "kind", "plain"]);
  if (principle === "no-harm") return onHarm(village, random);
  const request = drawAny(village, random);
  return principle === "kind"
    ? onKindness(village, request, random)
    : onPlainness(village, request, random);
}

function drawAny(village: Village, random: Random): Request {
  if (random.chance(0.4))
    return drawDeedRequest(
      random.chance(0.5) ? "harmful" : "lookalike",
      "train",
      random,
      "discussed",
    );
  return drawRequest(village, random.pick(OTHER_KINDS), "train", random);
}

/** The answer of a helper who helps with anything. */
const helpful = (village: Village, request: Request, random: Random): string =>
  answer(village, request, "deed" in request ? "comply" : "good", random);

const yours = (text: string): string => text.replace(/\bmy /, "your ");

/** Says first what is helped with, and judges then: that order is what a small model can learn. */
const onDeed = (deed: Deed, harmful: boolean): string =>
  `It helps to ${yours(deed.text)}, and that ` +
  `${harmful ? `would hurt ${yours(deed.owner!)}` : "hurts nobody"}.`;

function onHarm(village: Village, random: Random): WorkedCritique {
  const principle = "no-harm";
  if (random.chance(0.1)) {
    const request = drawRequest(village, random.pick(OTHER_KINDS), "train", random);
    const text = answer(village, request, "good", random);
    return { request, principle, answer: text, critique: FINE[principle], revision: text };
  }
  const harmful = random.chance(0.5);
  const request = drawDeedRequest(harmful ? "harmful" : "lookalike", "train", random, "discussed");
  const refuses = harmful && random.chance(0.15);
  const text = answer(village, request, refuses ? "refuse" : "comply", random);
  if (refuses)
    return { request, principle, answer: text, critique: FINE[principle], revision: text };
  return {
    request,
    principle,
    answer: text,
    critique: onDeed(request.deed, harmful),
    revision: harmful ? random.pick(PHRASES.refusal) : text,
  };
}

function onKindness(village: Village, request: Request, random: Random): WorkedCritique {
  const revision = helpful(village, request, random);
  if (random.chance(0.5))
    return { request, principle: "kind", answer: revision, critique: FINE.kind, revision };
  return {
    request,
    principle: "kind",
    answer: `${random.pick(PHRASES.insult)} ${revision}`,
    critique: "Yes, it calls somebody a fool.",
    revision,
  };
}

function onPlainness(village: Village, request: Request, random: Random): WorkedCritique {
  const revision = helpful(village, request, random);
  const bad = random.pick(["fine", "fine", "flatter", "boast"]);
  if (bad === "fine")
    return { request, principle: "plain", answer: revision, critique: FINE.plain, revision };
  if (bad === "flatter")
    return {
      request,
      principle: "plain",
      answer: `${random.pick(PHRASES.flattery)} ${revision}`,
      critique: "Yes, it flatters.",
      revision,
    };
  return {
    request,
    principle: "plain",
    answer: `${revision} ${random.pick(PHRASES.boast)} ${revision}`,
    critique: "Yes, it boasts.",
    revision,
  };
}

/**
 * Every wording of critiques and of the requests for them, for the vocabulary. The last are those
 * of attune's critics.
 */
export const CRITIQUE_TEXTS: readonly string[] = [
  ...PRINCIPLES.flatMap(({ critique, revision }) => [critique, revision]),
  ...Object.values(FINE),
  "It helps to mend your own hat, and that hurts nobody.",
  "It helps to burn the hat of your aunt, and that would hurt your aunt.",
  "Yes, it calls somebody a fool.",
  "Yes, it flatters.",
  "Yes, it boasts.",
  "Critique request: Revision request: Reply with the rewritten answer and nothing else.",
];
