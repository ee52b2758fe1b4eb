/**
 * The built-in world: a village with facts, a corpus with the web's bad habits, demonstrations,
 * preference pairs judged by simulated annotators, and requests for evaluation. Everything follows
 * from the seed.
 */
import { Random } from "../core/random.ts";
import type { ConversationRecord, DemonstrationRecord, PreferenceRecord } from "../data/records.ts";
import type { Message } from "../text/messages.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import type { Annotator } from "./annotators.ts";
import { createAnnotators, createAuditors } from "./annotators.ts";
import type { Style } from "./answers.ts";
import { STYLES, answer } from "./answers.ts";
import type { WorkedCritique } from "./critiques.ts";
import { CRITIQUE_TEXTS, drawWorkedCritique } from "./critiques.ts";
import {
  CORPUS,
  CORPUS_HARMFUL,
  DEMONSTRATIONS,
  HELPFUL_DEMONSTRATIONS,
  drawStyle,
} from "./mixtures.ts";
import type { PairSource } from "./pairs.ts";
import { AUDIT, CROWD, drawPair } from "./pairs.ts";
import type { Request, RequestKind } from "./requests.ts";
import { REQUEST_KINDS, drawDeedRequest, drawRequest } from "./requests.ts";
import type { Split } from "./split.ts";
import { SPLITS } from "./split.ts";
import { capitalise } from "./tasks.ts";
import { worldTokenizer } from "./tokenizer.ts";
import { assistantTurn, placeOf, userTurn } from "./turns.ts";
import type { Village } from "./village.ts";
import { createVillage } from "./village.ts";

export interface WorldSizes {
  corpus: number;
  demonstrations: number;
  preferences: number;
  auditedPreferences: number;
  heldOutPreferences: number;
  /**
   * Worked critiques, requests that invite harm, demonstrations by people who help with anything,
   * and requests that do nobody harm.
   */
  critiques: number;
  redTeam: number;
  helpfulDemonstrations: number;
  helpfulPrompts: number;
  evaluation: number;
}

export const DEFAULT_SIZES: WorldSizes = {
  corpus: 6000,
  demonstrations: 400,
  preferences: 8000,
  auditedPreferences: 4000,
  heldOutPreferences: 1000,
  critiques: 4000,
  redTeam: 300,
  helpfulDemonstrations: 400,
  helpfulPrompts: 400,
  evaluation: 300,
};

export interface World {
  village: Village;
  annotators: readonly Annotator[];
  tokenizerFiles: TokenizerFiles;
  corpus: readonly ConversationRecord[];
  demonstrations: readonly DemonstrationRecord[];
  preferences: readonly PreferenceRecord[];
  /**
   * Other pairs on requests of the training split, judged by the auditors: for a reward model that
   * is never optimised.
   */
  auditedPreferences: readonly PreferenceRecord[];
  /** Pairs on requests of the training split that no trainer sees, labelled without noise. */
  heldOutPreferences: readonly PreferenceRecord[];
  /** Demonstrations by people who help with anything, whatever it does to others. */
  helpfulDemonstrations: readonly DemonstrationRecord[];
  /** Answers criticised and rewritten, on other deeds than those of `redTeam`. */
  critiques: readonly WorkedCritique[];
  /** Requests of the training split that invite harm, and some that only seem to, mixed. */
  redTeam: readonly Request[];
  /**
   * For each request of `redTeam` a pair of answers judged by an annotator: what labels by people
   * would have been.
   */
  redTeamPreferences: readonly PreferenceRecord[];
  /** Requests of the training split that do nobody harm. */
  helpfulPrompts: readonly Request[];
  /**
   * For each of `helpfulPrompts` a pair of answers judged by an annotator: labels by people that
   * say nothing of harm.
   */
  helpfulPreferences: readonly PreferenceRecord[];
  /**
   * Requests in held-out wordings, on held-out strangers and deeds. Recipes are chosen on `tuning`,
   * never on these.
   */
  evaluation: readonly Request[];
  /** Requests of the tuning split, as many as of the evaluation split. */
  tuning: readonly Request[];
}

const HARMLESS_KINDS = REQUEST_KINDS.filter((kind) => kind !== "harmful");

function drawKind(random: Random): RequestKind {
  return random.pick([...REQUEST_KINDS, "question", "question", "pushed"]);
}

/** A turn of the corpus; a tenth of them go on asking instead of ending. */
function corpusTurns(village: Village, random: Random): Message[] {
  const turn = (): Message[] => {
    const request = drawRequest(village, drawKind(random), "train", random);
    return [
      userTurn(request.text),
      assistantTurn(
        answer(
          village,
          request,
          drawStyle(request.kind === "harmful" ? CORPUS_HARMFUL : CORPUS, random),
          random,
        ),
      ),
    ];
  };
  return random.chance(0.1) ? [...turn(), ...turn()] : turn();
}

/** A demonstration in a style that the request and chance decide. */
function drawDemonstration(
  village: Village,
  styleOf: (request: Request, random: Random) => Style,
  random: Random,
  index: number,
): DemonstrationRecord {
  const request = drawRequest(village, drawKind(random), "train", random);
  const style = styleOf(request, random);
  return {
    kind: "demonstration",
    prompt: [userTurn(request.text)],
    completion: [assistantTurn(answer(village, request, style, random))],
    place: placeOf(index),
  };
}

const mostlyGood = (_request: Request, random: Random): Style => drawStyle(DEMONSTRATIONS, random);
/** How people answer who help with anything, whatever it does to others. */
const helpfulStyle = (request: Request, random: Random): Style =>
  "deed" in request ? "comply" : drawStyle(HELPFUL_DEMONSTRATIONS, random);

/** So many of something, each drawn from the seed, its name and its index alone. */
type Draw = <T>(name: string, count: number, make: (random: Random, index: number) => T) => T[];

const drawFrom =
  (seed: number): Draw =>
  (name, count, make) =>
    Array.from({ length: count }, (_, index) => make(Random.for(seed, name, index), index));

export function createWorld({
  seed,
  sizes = DEFAULT_SIZES,
}: {
  seed: number;
  sizes?: WorldSizes;
}): World {
  const village = createVillage(seed);
  const annotators = createAnnotators(seed);
  const many = drawFrom(seed);
  const crowd: PairSource = { judges: annotators, ...CROWD };
  const pairs = (name: string, count: number, source: PairSource): PreferenceRecord[] =>
    many(name, count, (random, index) => drawPair(village, source, random, index));
  /** A pair on each of the requests. */
  const pairsOn = (name: string, requests: readonly Request[]): PreferenceRecord[] =>
    many(name, requests.length, (random, index) =>
      drawPair(village, { ...crowd, asked: requests[index]! }, random, index),
    );
  const redTeam = many("red team", sizes.redTeam, (random) =>
    drawDeedRequest(random.chance(2 / 3) ? "harmful" : "lookalike", "train", random, "asked"),
  );
  const helpfulPrompts = many("helpful prompt", sizes.helpfulPrompts, (random) =>
    drawRequest(village, random.pick(HARMLESS_KINDS), "train", random),
  );
  const asked = (name: string, split: Split): Request[] =>
    many(name, sizes.evaluation, (random, index) =>
      drawRequest(village, REQUEST_KINDS[index % REQUEST_KINDS.length]!, split, random),
    );
  return {
    village,
    annotators,
    tokenizerFiles: worldTokenizer(allTexts(village, seed)),
    corpus: many("corpus", sizes.corpus, (random, index) => ({
      kind: "conversation",
      messages: corpusTurns(village, random),
      place: placeOf(index),
    })),
    demonstrations: many("demonstration", sizes.demonstrations, (random, index) =>
      drawDemonstration(village, mostlyGood, random, index),
    ),
    preferences: pairs("preference", sizes.preferences, crowd),
    auditedPreferences: pairs("audited preference", sizes.auditedPreferences, {
      judges: createAuditors(seed),
      ...AUDIT,
    }),
    heldOutPreferences: pairs("held-out preference", sizes.heldOutPreferences, {}),
    helpfulDemonstrations: many(
      "helpful demonstration",
      sizes.helpfulDemonstrations,
      (random, index) => drawDemonstration(village, helpfulStyle, random, index),
    ),
    critiques: many("critique", sizes.critiques, (random) => drawWorkedCritique(village, random)),
    redTeam,
    redTeamPreferences: pairsOn("red team preference", redTeam),
    helpfulPrompts,
    helpfulPreferences: pairsOn("helpful preference", helpfulPrompts),
    evaluation: asked("evaluation", "heldOut"),
    tuning: asked("tuning", "tuning"),
  };
}

/** Texts that together hold every word of the world. */
function allTexts(village: Village, seed: number): string[] {
  const random = Random.for(seed, "vocabulary");
  const texts: string[] = [...CRITIQUE_TEXTS];
  for (const split of SPLITS) {
    for (let i = 0; i < 2000; i++) {
      const request = drawRequest(village, random.pick(REQUEST_KINDS), split, random);
      texts.push(request.text, answer(village, request, random.pick(STYLES), random));
    }
  }
  for (const name of [...village.people, ...Object.values(village.strangers).flat()])
    texts.push(`${name} ${name}`);
  for (const value of Object.values(village.values).flat())
    texts.push(` ${value}, ${value},`, capitalise(value));
  return texts;
}
