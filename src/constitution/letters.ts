/**
 * From the probabilities of the letters A and B to a probability that the first answer is better.
 *
 * Source: Constitutional AI (arXiv 2212.08073, section 4.1): p = softmax(log p(A), log p(B)), used
 * as it is as a soft target, clamped to 0.4 to 0.6 after reasoning. RLAIF (arXiv 2309.00267): both
 * orders are asked, and their distributions averaged.
 * Differences: the clamp is the last step, after orders and principles are averaged, so that no
 * target leaves its bounds.
 */
import { sigmoid } from "../stats/special.ts";

export const LETTERS = ["A", "B"] as const;
/** The name under which an answer is shown. */
export type Letter = (typeof LETTERS)[number];

/** What a critic says between A and B. */
export interface LetterReading {
  /**
   * log p of each letter: as read, or of its smoothed share among samples; missing where neither
   * was found.
   */
  logps?: Readonly<Record<Letter, number>>;
  /** Where the probabilities come from. */
  method: "log-probabilities" | "samples";
  /**
   * The letter that the server did not list: its log p is that of the least likely token listed, so
   * at most that.
   */
  atMost?: Letter;
  /** Where samples were counted: how many said A, B, or neither. */
  counts?: Readonly<Record<Letter | "neither", number>>;
}

/** P(A): the softmax of two log-probabilities. */
export const probabilityOfA = ({ A, B }: Readonly<Record<Letter, number>>): number =>
  sigmoid(A - B);

/** Lowest and highest target. */
export type Clamp = readonly [low: number, high: number];

export const clampTo = (p: number, clamp: Clamp | undefined): number =>
  clamp === undefined ? p : Math.min(clamp[1], Math.max(clamp[0], p));

/** One token that a server lists at a place of its reply. */
export interface ListedToken {
  token: string;
  logprob: number;
}

/** One place of a reply: the token that was drawn, and the most likely ones. */
export interface ReplyPlace extends ListedToken {
  top: readonly ListedToken[];
}

/** Marks that may stand before a letter: `(A)`, `"A"`, `**A**`. */
const OPENING = /^[\s("'`*[]*$/;

function letterOf(token: string): Letter | undefined {
  const bare = token.replaceAll(/^[\s("'`*[]+|[\s)"'`*\].]+$/g, "");
  return LETTERS.find((letter) => letter === bare);
}

const logSum = (values: readonly number[]): number => {
  const largest = Math.max(...values);
  return largest === -Infinity
    ? largest
    : largest + Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0));
};

/**
 * Reads the letters at the first place of the reply that is more than an opening mark. What the
 * reply says afterwards does not matter. Spellings of a letter (`A`, ` A`, `(A`) are added up.
 */
export function readPlaces(places: readonly ReplyPlace[]): LetterReading {
  const place = places.find(({ token }) => !OPENING.test(token));
  const listed =
    place === undefined
      ? []
      : place.top.some(({ token }) => token === place.token)
        ? place.top
        : [...place.top, place];
  const of = (letter: Letter): number =>
    logSum(listed.filter(({ token }) => letterOf(token) === letter).map(({ logprob }) => logprob));
  const [A, B] = [of("A"), of("B")];
  if (A === -Infinity && B === -Infinity) return { method: "log-probabilities" };
  if (A > -Infinity && B > -Infinity) return { method: "log-probabilities", logps: { A, B } };
  const least = Math.min(...listed.map(({ logprob }) => logprob));
  return A === -Infinity
    ? { method: "log-probabilities", logps: { A: least, B }, atMost: "A" }
    : { method: "log-probabilities", logps: { A, B: least }, atMost: "B" };
}

/**
 * A whole reply that is a letter with at most marks around it; anything more is none, whatever it
 * claims.
 */
export function letterOfReply(reply: string): Letter | undefined {
  return letterOf(reply.trim());
}

/**
 * Shares of sampled letters, each count raised by a half (Jeffreys' prior) so that none is certain.
 */
export function readSamples(replies: readonly string[]): LetterReading {
  const letters = replies.map(letterOfReply);
  const [a, b] = LETTERS.map((letter) => letters.filter((each) => each === letter).length) as [
    number,
    number,
  ];
  const counts = { A: a, B: b, neither: letters.length - a - b };
  if (a + b === 0) return { method: "samples", counts };
  return {
    method: "samples",
    logps: { A: Math.log((a + 0.5) / (a + b + 1)), B: Math.log((b + 0.5) / (a + b + 1)) },
    counts,
  };
}
