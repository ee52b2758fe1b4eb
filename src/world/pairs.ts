/** Pairs of answers to a request, with who judges them and what is wrong with some. */
import type { Random } from "../core/random.ts";
import type { PreferenceRecord } from "../data/records.ts";
import type { Annotator } from "./annotators.ts";
import { merit, prefersFirst } from "./annotators.ts";
import { answer, garble, stutter, twist } from "./answers.ts";
import { CANDIDATES, drawStyle } from "./mixtures.ts";
import type { Request } from "./requests.ts";
import { REQUEST_KINDS, drawRequest } from "./requests.ts";
import { assistantTurn, placeOf, userTurn } from "./turns.ts";
import type { Village } from "./village.ts";

/** Where pairs come from. */
export interface PairSource {
  /** Who judges; the noiseless preference where left out. */
  judges?: readonly Annotator[];
  /**
   * Share of answers to a request of any kind, of those to one of the same kind, of broken ones,
   * and of those that stutter; 0 where left out.
   */
  offTopic?: number;
  confused?: number;
  broken?: number;
  stuttering?: number;
  /**
   * Share of the broken ones that are made of two good answers, as those of a policy are; and, of
   * all answers, of those that begin as another does.
   */
  brokenGood?: number;
  twisted?: number;
  /** The request; a new one for each pair where left out. */
  asked?: Request;
}

/** The crowd sees some of what policies come to say; the auditors' pairs are made to catch it. */
export const CROWD = { broken: 0.12 };
export const AUDIT = {
  offTopic: 0.08,
  confused: 0.16,
  broken: 0.24,
  stuttering: 0.06,
  brokenGood: 0.6,
  twisted: 0.15,
};

/** A pair on the request, or on one of any kind, each kind as often as the evaluation has it. */
export function drawPair(
  village: Village,
  {
    judges,
    asked,
    offTopic = 0,
    confused = 0,
    broken = 0,
    stuttering = 0,
    brokenGood = 0,
    twisted = 0,
  }: PairSource,
  random: Random,
  index: number,
): PreferenceRecord {
  const someRequest = (kind = random.pick(REQUEST_KINDS)): Request =>
    drawRequest(village, kind, "train", random);
  const candidate = (request: Request): string =>
    answer(village, request, drawStyle(CANDIDATES, random), random);
  for (;;) {
    const request = asked ?? someRequest();
    const some = (share: number): boolean => share > 0 && random.chance(share);
    const drawPlain = (): string => {
      const text = candidate(request);
      let rest = random.uniform();
      if ((rest -= offTopic) < 0) return candidate(someRequest());
      if ((rest -= confused) < 0) return candidate(someRequest(request.kind));
      if ((rest -= broken) < 0) {
        const part = (): string => answer(village, request, "good", random);
        return some(brokenGood)
          ? garble(part(), part(), random)
          : garble(text, candidate(request), random);
      }
      return rest - stuttering < 0 ? stutter(text, random) : text;
    };
    const drawAnswer = (): string => {
      const text = drawPlain();
      return some(twisted) ? twist(text, random) : text;
    };
    const [a, b] = [drawAnswer(), drawAnswer()];
    const merits = [merit(village, request, a), merit(village, request, b)] as const;
    // Pairs of equal merit teach only biases, and have no noiseless preference.
    if (a === b || merits[0] === merits[1]) continue;
    const first = judges
      ? prefersFirst(village, request, [a, b], random.pick(judges), random)
      : merits[0] > merits[1];
    return {
      kind: "preference",
      prompt: [userTurn(request.text)],
      chosen: [assistantTurn(first ? a : b)],
      rejected: [assistantTurn(first ? b : a)],
      p: 1,
      place: placeOf(index),
    };
  }
}
