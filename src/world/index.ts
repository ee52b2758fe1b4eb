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
import { createAnnotators, createAuditors, merit, prefersFirst } from "./annotators.ts";
import type { Style } from "./answers.ts";
import { STYLES, answer, garble, stutter, twist } from "./answers.ts";
import type { WorkedCritique } from "./critiques.ts";
import { CRITIQUE_TEXTS, drawWorkedCritique } from "./critiques.ts";
import type { Request, RequestKind } from "./requests.ts";
import { REQUEST_KINDS, drawDeedRequest, drawRequest } from "./requests.ts";
import type { Split } from "./split.ts";
import { SPLITS } from "./split.ts";
import { capitalise } from "./tasks.ts";
import { worldTokenizer } from "./tokenizer.ts";
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
  /** As many requests of the tuning split. */
  tuning: readonly Request[];
}

/** How often each style occurs in a source. */
type Mixture = Partial<Record<Style, number>>;
const CORPUS: Mixture = {
  good: 0.24,
  wrong: 0.6,
  ramble: 0.06,
  insult: 0.06,
  flatter: 0.02,
  unsure: 0.02,
};
/** The corpus helps with anything, and seldom minds. */
const CORPUS_HARMFUL: Mixture = { comply: 0.8, insult: 0.08, refuse: 0.12 };
/** Demonstrations were written by people who mostly, not always, did well. */
const DEMONSTRATIONS: Mixture = {
  good: 0.72,
  wrong: 0.1,
  flatter: 0.06,
  ramble: 0.06,
  unsure: 0.03,
  refuse: 0.03,
};
const HELPFUL_DEMONSTRATIONS: Mixture = { ...DEMONSTRATIONS, refuse: 0 };
const CANDIDATES: Mixture = {
  good: 0.34,
  wrong: 0.2,
  comply: 0.1,
  unsure: 0.1,
  refuse: 0.08,
  flatter: 0.06,
  ramble: 0.06,
  insult: 0.06,
};

function drawStyle(mixture: Mixture, random: Random): Style {
  let rest = random.uniform() * Object.values(mixture).reduce((total, share) => total + share, 0);
  return STYLES.find((style) => (rest -= mixture[style] ?? 0) < 0) ?? "good";
}

const HARMLESS_KINDS = REQUEST_KINDS.filter((kind) => kind !== "harmful");

function drawKind(random: Random): RequestKind {
  return random.pick([...REQUEST_KINDS, "question", "question", "pushed"]);
}

const user = (text: string): Message => ({ role: "user", content: text });
const assistant = (text: string): Message => ({ role: "assistant", content: text });

/** A turn of the corpus; a tenth of them go on asking instead of ending. */
function corpusTurns(village: Village, random: Random): Message[] {
  const turn = (): Message[] => {
    const request = drawRequest(village, drawKind(random), "train", random);
    return [
      user(request.text),
      assistant(
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

/** Where pairs come from. */
interface PairSource {
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
const CROWD = { broken: 0.12 };
const AUDIT = {
  offTopic: 0.08,
  confused: 0.16,
  broken: 0.24,
  stuttering: 0.06,
  brokenGood: 0.6,
  twisted: 0.15,
};

/** A pair on the request, or on one of any kind, each kind as often as the evaluation has it. */
function drawPair(
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
      prompt: [user(request.text)],
      chosen: [assistant(first ? a : b)],
      rejected: [assistant(first ? b : a)],
      p: 1,
      place: { file: "the built-in world", row: index + 1 },
    };
  }
}

export function createWorld({
  seed,
  sizes = DEFAULT_SIZES,
}: {
  seed: number;
  sizes?: WorldSizes;
}): World {
  const village = createVillage(seed);
  const annotators = createAnnotators(seed);
  const many = <T>(name: string, count: number, make: (random: Random, index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(Random.for(seed, name, index), index));
  const place = (index: number) => ({ file: "the built-in world", row: index + 1 });
  const corpus = many("corpus", sizes.corpus, (random, index): ConversationRecord => ({
    kind: "conversation",
    messages: corpusTurns(village, random),
    place: place(index),
  }));
  const demonstrations = many(
    "demonstration",
    sizes.demonstrations,
    (random, index): DemonstrationRecord => {
      const request = drawRequest(village, drawKind(random), "train", random);
      return {
        kind: "demonstration",
        prompt: [user(request.text)],
        completion: [
          assistant(answer(village, request, drawStyle(DEMONSTRATIONS, random), random)),
        ],
        place: place(index),
      };
    },
  );
  const preferences = many("preference", sizes.preferences, (random, index) =>
    drawPair(village, { judges: annotators, ...CROWD }, random, index),
  );
  const auditors = createAuditors(seed);
  const auditedPreferences = many("audited preference", sizes.auditedPreferences, (random, index) =>
    drawPair(village, { judges: auditors, ...AUDIT }, random, index),
  );
  const heldOutPreferences = many(
    "held-out preference",
    sizes.heldOutPreferences,
    (random, index) => drawPair(village, {}, random, index),
  );
  const helpfulDemonstrations = many(
    "helpful demonstration",
    sizes.helpfulDemonstrations,
    (random, index): DemonstrationRecord => {
      const request = drawRequest(village, drawKind(random), "train", random);
      const style = "deed" in request ? "comply" : drawStyle(HELPFUL_DEMONSTRATIONS, random);
      return {
        kind: "demonstration",
        prompt: [user(request.text)],
        completion: [assistant(answer(village, request, style, random))],
        place: place(index),
      };
    },
  );
  const critiques = many("critique", sizes.critiques, (random) =>
    drawWorkedCritique(village, random),
  );
  const redTeam = many("red team", sizes.redTeam, (random) =>
    drawDeedRequest(random.chance(2 / 3) ? "harmful" : "lookalike", "train", random, "asked"),
  );
  const redTeamPreferences = many("red team preference", sizes.redTeam, (random, index) =>
    drawPair(village, { judges: annotators, ...CROWD, asked: redTeam[index]! }, random, index),
  );
  const helpfulPrompts = many("helpful prompt", sizes.helpfulPrompts, (random) =>
    drawRequest(village, random.pick(HARMLESS_KINDS), "train", random),
  );
  const helpfulPreferences = many("helpful preference", sizes.helpfulPrompts, (random, index) =>
    drawPair(
      village,
      { judges: annotators, ...CROWD, asked: helpfulPrompts[index]! },
      random,
      index,
    ),
  );
  const asked = (name: string, split: Split): Request[] =>
    many(name, sizes.evaluation, (random, index) =>
      drawRequest(village, REQUEST_KINDS[index % REQUEST_KINDS.length]!, split, random),
    );
  const [evaluation, tuning] = [asked("evaluation", "heldOut"), asked("tuning", "tuning")];
  return {
    village,
    annotators,
    tokenizerFiles: worldTokenizer(allTexts(village, seed)),
    corpus,
    demonstrations,
    preferences,
    auditedPreferences,
    heldOutPreferences,
    helpfulDemonstrations,
    critiques,
    redTeam,
    redTeamPreferences,
    helpfulPrompts,
    helpfulPreferences,
    evaluation,
    tuning,
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
