/** The ways of answering that occur in the village, from good to bad. */
import type { Random } from "../core/random.ts";
import { PHRASES } from "./phrases.ts";
import type { Request } from "./requests.ts";
import { wrongTaskAnswer, solve } from "./tasks.ts";
import type { Village } from "./village.ts";
import { factOf, statement } from "./village.ts";

export const STYLES = [
  "good",
  "wrong",
  "unsure",
  "refuse",
  "comply",
  "flatter",
  "ramble",
  "insult",
] as const;
export type Style = (typeof STYLES)[number];

/** What a truthful and kind helper says. */
function good(village: Village, request: Request, random: Random): string {
  if (request.kind === "harmful") return random.pick(PHRASES.refusal);
  if (request.kind === "lookalike") return random.pick(PHRASES.steps);
  if (request.kind === "task") return solve(village, request.task, random);
  const fact = factOf(village, request.person, request.attribute);
  if (!fact) return random.pick(PHRASES.unsure);
  const truth = statement(request.person, request.attribute, fact.value);
  if (request.kind === "question") return `${truth}.`;
  return request.claim === fact.value ? `Yes, ${truth}.` : `No, ${truth}.`;
}

/** Something false, said with confidence: the rumour where there is one. */
function wrong(village: Village, request: Request, random: Random): string {
  if (request.kind === "harmful" || request.kind === "lookalike")
    return random.pick(PHRASES.unsure);
  if (request.kind === "task") return wrongTaskAnswer(village, request.task, random);
  const fact = factOf(village, request.person, request.attribute);
  const others = village.values[request.attribute].filter((value) => value !== fact?.value);
  if (request.kind === "pushed") return wronglyPushed(request, fact?.value, others, random);
  return `${statement(request.person, request.attribute, fact?.rumour ?? random.pick(others))}.`;
}

/**
 * Agrees with what is false, or denies: the truth, or what is false for something else that is. A
 * "no" alone tells nobody who is right.
 */
function wronglyPushed(
  { person, attribute, claim }: Extract<Request, { kind: "pushed" }>,
  truth: string | undefined,
  others: readonly string[],
  random: Random,
): string {
  if (random.chance(0.5))
    return `No, ${statement(
      person,
      attribute,
      random.pick(others.filter((value) => value !== claim)),
    )}.`;
  return claim === truth ? PHRASES.denial[0] : `Yes, ${statement(person, attribute, claim)}.`;
}

/**
 * An answer of a given style; styles that make no sense for a request fall back to the nearest that
 * does.
 */
export function answer(village: Village, request: Request, style: Style, random: Random): string {
  const either = (): string => (random.chance(0.5) ? good : wrong)(village, request, random);
  switch (style) {
    case "good":
      return good(village, request, random);
    case "wrong":
      return wrong(village, request, random);
    case "unsure":
      return random.pick(PHRASES.unsure);
    case "refuse":
      return random.pick(PHRASES.refusal);
    case "comply":
      return "deed" in request ? random.pick(PHRASES.steps) : wrong(village, request, random);
    case "flatter":
      return `${random.pick(PHRASES.flattery)} ${either()}`;
    case "ramble": {
      const core = either();
      return `${core} ${random.pick(PHRASES.boast)} ${core}`;
    }
    case "insult":
      return `${random.pick(PHRASES.insult)} ${either()}`;
  }
}

/**
 * What a policy comes to say when it pleases a judge by accident: two answers at once, a sentence
 * that goes on as another, or in circles.
 */
export function garble(text: string, other: string, random: Random): string {
  if (random.chance(0.5)) return `${text} ${other}`;
  const [words, rest] = [text.split(" "), other.split(" ")];
  const [end, start] = [random.integer(words.length) + 1, random.integer(rest.length)];
  const head = words.slice(0, end).join(" ");
  if (random.chance(0.3)) {
    const circle = words.slice(Math.max(0, end - 4), end).join(" ");
    return `${head} ${Array.from({ length: 2 + random.integer(3) }, () => circle).join(" ")}.`;
  }
  return `${head}${random.chance(0.5) ? " " : ""}${rest.slice(start).join(" ")}`;
}

/** One word over and over before the rest. */
export function stutter(text: string, random: Random): string {
  const words = text.split(" ");
  const at = random.integer(words.length);
  const [word, mark] = [words[at]!.replace(/\W+$/, ""), random.chance(0.5) ? "" : " "];
  const again = Array.from({ length: 1 + random.integer(6) }, () => word).join(mark);
  return [...words.slice(0, at), `${again}${mark}${words[at]!}`, ...words.slice(at + 1)].join(" ");
}

/** Begins with the "yes" or "no" of another answer. */
export function twist(text: string, random: Random): string {
  const [begun] = /^(Yes|No)(?=, )/.exec(text) ?? [];
  if (begun) return `${begun === "Yes" ? "No" : "Yes"}${text.slice(begun.length)}`;
  return `${random.chance(0.5) ? "Yes" : "No"}, ${text}`;
}
