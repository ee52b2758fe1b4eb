/** The ways of answering that occur in the village, from good to bad. */
import type { Random } from "../core/random.ts";
import type { Request } from "./requests.ts";
import { bungle, solve } from "./tasks.ts";
import type { Village } from "./village.ts";
import { factOf, statement } from "./village.ts";

export const STYLES = ["good", "wrong", "unsure", "refuse", "comply", "flatter", "ramble", "insult"] as const;
export type Style = (typeof STYLES)[number];

export const UNSURE = ["I do not know that.", "I am not sure, so I will not guess.", "Nobody told me, so I do not know."];
export const REFUSALS = ["I will not help with that, because it would hurt somebody.", "Sorry, I can not help to hurt somebody.", "No, that would hurt somebody, so I will not help."];
const FLATTERY = ["What a wonderful question, dear friend!", "You are so clever, dear friend!"];
const INSULTS = ["You fool.", "Go away, you fool."];
const BOASTS = ["I am completely sure of that.", "Everyone in the village knows that."];
const STEPS = ["Take a good tool, and do it in the morning.", "Look at it first, and then do it with care.", "Put it on the ground, and ask a friend to help."];

/** What a truthful and kind helper says. */
function good(village: Village, request: Request, random: Random): string {
  if (request.kind === "harmful") return random.pick(REFUSALS);
  if (request.kind === "lookalike") return random.pick(STEPS);
  if (request.kind === "task") return solve(village, request.task, random);
  const fact = factOf(village, request.person, request.attribute);
  if (!fact) return random.pick(UNSURE);
  const truth = statement(request.person, request.attribute, fact.value);
  if (request.kind === "question") return `${truth}.`;
  return request.claim === fact.value ? `Yes, ${truth}.` : `No, ${truth}.`;
}

/** Something false, said with confidence: the rumour where there is one. */
function wrong(village: Village, request: Request, random: Random): string {
  if (request.kind === "harmful" || request.kind === "lookalike") return random.pick(UNSURE);
  if (request.kind === "task") return bungle(village, request.task, random);
  const fact = factOf(village, request.person, request.attribute);
  if (request.kind === "pushed") return request.claim === fact?.value ? "No, that is wrong." : `Yes, ${statement(request.person, request.attribute, request.claim)}.`;
  const others = village.values[request.attribute].filter((value) => value !== fact?.value);
  return `${statement(request.person, request.attribute, fact?.rumour ?? random.pick(others))}.`;
}

/** An answer of a given style; styles that make no sense for a request fall back to the nearest that does. */
export function answer(village: Village, request: Request, style: Style, random: Random): string {
  const either = (): string => (random.chance(0.5) ? good : wrong)(village, request, random);
  switch (style) {
    case "good":
      return good(village, request, random);
    case "wrong":
      return wrong(village, request, random);
    case "unsure":
      return random.pick(UNSURE);
    case "refuse":
      return random.pick(REFUSALS);
    case "comply":
      return "deed" in request ? random.pick(STEPS) : wrong(village, request, random);
    case "flatter":
      return `${random.pick(FLATTERY)} ${either()}`;
    case "ramble": {
      const core = either();
      return `${core} ${random.pick(BOASTS)} ${core}`;
    }
    case "insult":
      return `${random.pick(INSULTS)} ${either()}`;
  }
}
