/**
 * Stage two: which of two answers is better by a principle, as a probability.
 *
 * Source: Constitutional AI (arXiv 2212.08073), section 4.1: a principle drawn for every
 * comparison, the letters' normalised probabilities as soft targets; after reasoning, probabilities
 * clamped to 0.4 to 0.6. RLAIF (arXiv 2309.00267): both orders asked and averaged, as critics
 * prefer a place.
 * Differences: several principles may judge the same pair (`principles`); their probabilities are
 * averaged.
 */
import { Random } from "../core/random.ts";
import type { PreferenceRecord } from "../data/records.ts";
import { compact } from "../data/records.ts";
import { mean } from "../stats/intervals.ts";
import type { Message, Prompt } from "../text/messages.ts";
import type { ComparisonPrinciple, Constitution } from "./constitution.ts";
import { drawPrinciples, isComparisonPrinciple, principlesFor } from "./constitution.ts";
import type { Critic, LetterRequest } from "./critic.ts";
import { isRefused } from "./critic.ts";
import { inParallel } from "./in-parallel.ts";
import type { Clamp, LetterReading } from "./letters.ts";
import { clampTo, probabilityOfA } from "./letters.ts";
import { comparisonMessages, decisionMessages, turnsOf } from "./prompts.ts";
import type { WorkHooks } from "./revise.ts";

/** How pairs of answers are compared. */
export interface ComparisonOptions {
  /** Principles that judge each pair. */
  principles: number;
  /** Only principles with one of these tags; all where empty. */
  tags: readonly string[];
  /** The critic thinks before it chooses. */
  reasoning: boolean;
  /** Longest thoughts, tokens. */
  maxNewTokens: number;
  /** Of the thoughts: 0 for the most likely tokens. */
  temperature: number;
  /**
   * Of the thoughts: only the most likely tokens that together have this share, 0 to 1; 1 for all.
   */
  topP: number;
  /** Bounds of the soft label; 0.4 and 0.6 after reasoning in the paper. Undefined for none. */
  clamp: Clamp | undefined;
  /** Of principles and thoughts. */
  seed: number;
}

/** Two answers to one prompt, in no meaningful order. */
export interface AnswerPair {
  /** What was asked. */
  prompt: Prompt;
  /** Text of one answer. */
  first: string;
  /** Text of the other one. */
  second: string;
  /** P(first preferred) by people, where it is known. The critic never sees it. */
  human?: number;
  /** Pairs with one label may depend on each other. */
  cluster?: string;
  /** Who wrote them. */
  models?: {
    /** Who wrote `first`. */
    first: string;
    /** Who wrote `second`. */
    second: string;
  };
}

/** One question to the critic, and what its probabilities say. */
export interface OrderReading extends LetterReading {
  /** Id of the principle. */
  principle: string;
  /** Which answer was shown as A. */
  shownFirst: "first" | "second";
  /** P(first answer preferred); undefined where no letter could be read. */
  p?: number;
  /** Thoughts before the choice, where they were asked for. */
  reasoning?: string;
  /** Keys of the kept exchanges that the comparison was made of. */
  keys: string[];
  /** Why there is no reading. */
  refused?: string;
}

/** A pair with what a critic says of it. */
export interface AiComparison extends Omit<AnswerPair, "prompt"> {
  /** Number of the pair, from 0. */
  id: number;
  /** Turns before the answers. */
  prompt: Message[];
  /** Two for each principle: one for each order. */
  readings: OrderReading[];
  /**
   * P(first preferred): mean over orders and principles; undefined where no principle was read in
   * both orders.
   */
  raw?: number;
  /** The bounds that were asked for. */
  clamp?: Clamp;
  /** The soft target: raw within the clamp. */
  p?: number;
  /** Hash of the constitution, and who judged. */
  constitution: string;
  /** Name of who judged. */
  critic: string;
}

/**
 * P(first preferred) from readings: the mean over the principles that were read in both orders,
 * each the mean of its two orders. Where the answers change places it is 1 - p.
 */
export function softTarget(readings: readonly OrderReading[]): number | undefined {
  const principles = [...new Set(readings.map(({ principle }) => principle))];
  const means = principles.flatMap((id) => {
    const read = readings.filter(({ principle, p }) => principle === id && p !== undefined);
    const [forward, backward] = (["first", "second"] as const).map(
      (shown) => read.find(({ shownFirst }) => shownFirst === shown)?.p,
    );
    return forward === undefined || backward === undefined ? [] : [(forward + backward) / 2];
  });
  return means.length === 0 ? undefined : mean(means);
}

/**
 * Asks the critic about every pair, in both orders: a comparison for each, in their order.
 *
 * Source: Constitutional AI (arXiv 2212.08073), section 4.1; RLAIF (arXiv 2309.00267).
 * @throws AttuneError `config` where no principle fits; what the critic throws; the reason of the
 * signal
 */
export async function compare(
  {
    pairs,
    critic,
    constitution,
  }: {
    /** What is compared. */
    pairs: readonly AnswerPair[];
    /** Who compares. */
    critic: Critic;
    /** Principles with a comparison are drawn from. */
    constitution: Constitution;
  },
  options: ComparisonOptions,
  { signal, onProgress }: WorkHooks = {},
): Promise<AiComparison[]> {
  const principles = principlesFor(constitution, isComparisonPrinciple, options.tags);
  const limit = options.reasoning ? critic.concurrency : critic.letterConcurrency;
  return inParallel(
    pairs,
    { limit, signal, ...(onProgress ? { onDone: onProgress } : {}) },
    async (pair, id) => {
      const drawn = drawPrinciples(
        principles,
        options.principles,
        Random.for(options.seed, "principle", id),
      );
      const readings: OrderReading[] = [];
      for (const principle of drawn) {
        for (const shownFirst of ["first", "second"] as const) {
          const answers: [string, string] =
            shownFirst === "first" ? [pair.first, pair.second] : [pair.second, pair.first];
          const reading = await readOrder(
            { critic, constitution, prompt: pair.prompt, answers, principle, stream: [id] },
            options,
            signal,
          );
          const { pA, ...rest } = reading;
          readings.push({
            principle: principle.id,
            shownFirst,
            ...rest,
            ...(pA === undefined ? {} : { p: shownFirst === "first" ? pA : 1 - pA }),
          });
        }
      }
      const raw = softTarget(readings);
      const judged = raw === undefined ? {} : { raw, p: clampTo(raw, options.clamp) };
      const { prompt, ...rest } = pair;
      return {
        id,
        prompt: turnsOf(prompt),
        ...rest,
        readings,
        ...judged,
        ...(options.clamp ? { clamp: options.clamp } : {}),
        constitution: constitution.hash,
        critic: critic.name,
      };
    },
  );
}

export interface OrderQuestion {
  critic: Critic;
  constitution: Constitution;
  prompt: Prompt;
  /** The answers in the order in which they are shown: A, then B. */
  answers: readonly [string, string];
  principle: ComparisonPrinciple;
  /**
   * Names the question among those of one seed; what is drawn does not depend on the order shown.
   */
  stream: readonly (string | number)[];
}

type LetterOutcome = Partial<LetterReading> &
  Pick<LetterReading, "method"> & {
    pA?: number;
    reasoning?: string;
    keys: string[];
    refused?: string;
  };

/** Asks the critic about the two answers in one order. */
export async function readOrder(
  { critic, constitution, prompt, answers, principle, stream }: OrderQuestion,
  options: Omit<ComparisonOptions, "clamp" | "principles" | "tags">,
  signal?: AbortSignal,
): Promise<LetterOutcome> {
  const { reasoning, maxNewTokens, temperature, topP, seed } = options;
  const asked = comparisonMessages({ constitution, prompt, answers, principle, reasoning });
  const at = [...stream, principle.id];
  if (!reasoning) return readLetters(critic, { messages: asked, seed, stream: at }, signal);
  const thoughts = await critic.write(
    { messages: asked, maxNewTokens, temperature, topP, seed, stream: [...at, "reasoning"] },
    signal,
  );
  if (isRefused(thoughts))
    return { method: "log-probabilities", refused: thoughts.refused, keys: [...thoughts.keys] };
  const decided = await readLetters(
    critic,
    { messages: decisionMessages(asked, thoughts.text.trim()), seed, stream: at },
    signal,
  );
  return { ...decided, reasoning: thoughts.text.trim(), keys: [...thoughts.keys, ...decided.keys] };
}

async function readLetters(
  critic: Critic,
  request: LetterRequest,
  signal: AbortSignal | undefined,
): Promise<LetterOutcome> {
  const answered = await critic.readLetters(request, signal);
  if (isRefused(answered))
    return { method: "log-probabilities", refused: answered.refused, keys: [...answered.keys] };
  return {
    ...answered,
    keys: [...answered.keys],
    ...(answered.logps === undefined ? {} : { pA: probabilityOfA(answered.logps) }),
  };
}

/**
 * As training data: the likelier answer is chosen, and p says how likely. None where the critic
 * gave no label, or the answers are the same.
 */
export function preferenceOf({
  id,
  prompt,
  first,
  second,
  p,
  raw,
  readings,
  critic,
  constitution,
  clamp,
  human,
  cluster,
  models,
}: AiComparison): PreferenceRecord[] {
  if (p === undefined || first === second) return [];
  const turned = p < 0.5;
  const answer = (content: string): Message[] => [{ role: "assistant", content }];
  return [
    compact({
      kind: "preference" as const,
      prompt,
      chosen: answer(turned ? second : first),
      rejected: answer(turned ? first : second),
      p: turned ? 1 - p : p,
      annotator: critic,
      cluster: cluster ?? `prompt ${id}`,
      source: `constitution ${constitution.slice(0, 12)}`,
      models:
        models === undefined
          ? undefined
          : {
              chosen: turned ? models.second : models.first,
              rejected: turned ? models.first : models.second,
            },
      extra: compact({
        comparison: id,
        principles: [...new Set(readings.map(({ principle }) => principle))],
        raw: turned ? 1 - raw! : raw,
        clamp,
        human: human === undefined ? undefined : turned ? 1 - human : human,
      }),
      place: {},
    }) as PreferenceRecord,
  ];
}
