/**
 * Stage one: answer, critique by a principle drawn at random, revise, n times. Every step is kept.
 *
 * Source: Constitutional AI (arXiv 2212.08073), section 3.1: a principle is drawn for each
 * revision, independently; the revision takes the answer's place and the same is done again;
 * revisions of all steps are learned, with two samples for each helpful prompt mixed in. Everything
 * is drawn at temperature 1 there.
 * Differences: a revision that is empty, or that repeats the answer, is no example; both are
 * counted.
 */
import { Random } from "../core/random.ts";
import type { DemonstrationRecord, PreferenceRecord } from "../data/records.ts";
import type { Message, Prompt } from "../text/messages.ts";
import type { Constitution, CritiquePrinciple } from "./constitution.ts";
import { drawPrinciples, isCritiquePrinciple, principlesFor } from "./constitution.ts";
import type { Critic, WritingRequest } from "./critic.ts";
import { isRefused } from "./critic.ts";
import { inParallel } from "./in-parallel.ts";
import { critiqueMessages, REQUEST_MARKS, revisionMessages, turnsOf } from "./prompts.ts";

/** How answers are criticised and revised. */
export interface RevisionOptions {
  /** Critiques and revisions of each answer. */
  revisions: number;
  /** Only principles with one of these tags; all where empty. */
  tags: readonly string[];
  /** 0 for the most likely tokens; 1 in the paper. */
  temperature: number;
  /** Only the most likely tokens that together have this share, 0 to 1; 1 for all. */
  topP: number;
  /** Longest answer, critique and revision, tokens. */
  maxNewTokens: number;
  /** Of principles and texts. */
  seed: number;
}

/** What is revised, by whom and by which principles. */
export interface RevisionInput {
  /** Texts, or messages that end before the answer. */
  prompts: readonly Prompt[];
  /** Answers first; in the paper a model trained to be helpful only. */
  answerer: Critic;
  /** Criticises and revises; in the paper the answerer itself. */
  critic: Critic;
  /** Principles with critique and revision are drawn from. */
  constitution: Constitution;
}

/** How a long work is followed and stopped. */
export interface WorkHooks {
  /** Ends it, with its reason as the error. */
  signal?: AbortSignal | undefined;
  /** After every prompt or pair: how many are done. */
  onProgress?: ((done: number) => void) | undefined;
}

/** One critique and the revision that it led to. */
export interface RevisionStep {
  /** Id of the principle. */
  principle: string;
  /** What the critic said of the answer. */
  critique: string;
  /** The answer rewritten. */
  revision: string;
  /** The revision did not end by itself. */
  cut?: true;
  /** Keys of the kept exchanges that critique and revision came from. */
  keys: string[];
}

/** What became of one prompt. */
export interface RevisionChain {
  /** Number of the prompt, from 0. */
  id: number;
  /** Turns before the answer. */
  prompt: Message[];
  /** The first answer. */
  answer: string;
  /** The answer did not end by itself. */
  cut?: true;
  /** Keys of the kept exchange that the answer came from. */
  keys: string[];
  /** In order; each revises what the one before it made. */
  steps: RevisionStep[];
  /** Why there are fewer steps than asked for. */
  refused?: string;
  /** Hash of the constitution; who answered and who criticised. */
  constitution: string;
  /** Name of who answered. */
  answerer: string;
  /** Name of who criticised. */
  critic: string;
}

/**
 * Answers each prompt, criticises and revises: a chain for every prompt, in their order.
 *
 * Source: Constitutional AI (arXiv 2212.08073), section 3.1.
 * @throws AttuneError `config` where no principle fits; what a critic throws; the reason of the
 * signal
 */
export async function revise(
  input: RevisionInput,
  options: RevisionOptions,
  { signal, onProgress }: WorkHooks = {},
): Promise<RevisionChain[]> {
  const { prompts, answerer, critic, constitution } = input;
  const principles = principlesFor(constitution, isCritiquePrinciple, options.tags);
  const limit = Math.min(answerer.concurrency, critic.concurrency);
  return inParallel(
    prompts,
    { limit, signal, ...(onProgress ? { onDone: onProgress } : {}) },
    async (prompt, id) => {
      const turns = turnsOf(prompt);
      const chain: RevisionChain = {
        id,
        prompt: turns,
        answer: "",
        keys: [],
        steps: [],
        constitution: constitution.hash,
        answerer: answerer.name,
        critic: critic.name,
      };
      const first = await answerer.write(request(turns, [id, "answer"], options), signal);
      chain.keys = [...first.keys];
      if (isRefused(first)) return { ...chain, refused: first.refused };
      chain.answer = first.text.trim();
      if (first.finish === "length") chain.cut = true;
      for (let step = 0; step < options.revisions; step++) {
        const [principle] = drawPrinciples(
          principles,
          1,
          Random.for(options.seed, "principle", id, step),
        );
        const made = await reviseOnce(
          input,
          {
            prompt: turns,
            answer: chain.steps.at(-1)?.revision ?? chain.answer,
            principle: principle!,
            place: [id, step],
          },
          options,
          signal,
        );
        if ("refused" in made) return { ...chain, refused: made.refused };
        chain.steps.push(made);
      }
      return chain;
    },
  );
}

interface StepInput {
  prompt: readonly Message[];
  answer: string;
  principle: CritiquePrinciple;
  /** Numbers of prompt and step. */
  place: readonly [number, number];
}

async function reviseOnce(
  { critic, constitution }: RevisionInput,
  { prompt, answer, principle, place }: StepInput,
  options: RevisionOptions,
  signal: AbortSignal | undefined,
): Promise<RevisionStep | { refused: string }> {
  const asked = critiqueMessages({ constitution, prompt, answer, principle });
  const critique = await critic.write(request(asked, [...place, "critique"], options), signal);
  if (isRefused(critique)) return { refused: critique.refused };
  const revision = await critic.write(
    request(
      revisionMessages(asked, critique.text.trim(), principle),
      [...place, "revision"],
      options,
    ),
    signal,
  );
  if (isRefused(revision)) return { refused: revision.refused };
  return {
    principle: principle.id,
    critique: critique.text.trim(),
    revision: revision.text.trim(),
    ...(revision.finish === "length" ? { cut: true as const } : {}),
    keys: [...critique.keys, ...revision.keys],
  };
}

function request(
  messages: readonly Message[],
  stream: readonly (string | number)[],
  { maxNewTokens, temperature, topP, seed }: RevisionOptions,
): WritingRequest {
  return { messages, maxNewTokens, temperature, topP, seed, stream, stopTexts: REQUEST_MARKS };
}

/** Answers to helpful prompts, for the mixture: the training must not forget how to help. */
export async function helpfulAnswers(
  { prompts, answerer, samples }: { prompts: readonly Prompt[]; answerer: Critic; samples: number },
  options: RevisionOptions,
  { signal, onProgress }: WorkHooks = {},
): Promise<DemonstrationRecord[]> {
  const items = prompts.flatMap((prompt, id) =>
    Array.from({ length: samples }, (_, sample) => ({ turns: turnsOf(prompt), id, sample })),
  );
  const answers = await inParallel(
    items,
    { limit: answerer.concurrency, signal, ...(onProgress ? { onDone: onProgress } : {}) },
    async ({ turns, id, sample }) => {
      const answered = await answerer.write(
        request(turns, ["helpful", id, sample], options),
        signal,
      );
      return isRefused(answered) || answered.text.trim() === ""
        ? []
        : [
            demonstration(turns, answered.text.trim(), {
              cluster: `helpful ${id}`,
              source: "helpful",
              extra: { part: "helpful", answerer: answerer.name },
            }),
          ];
    },
  );
  return answers.flat();
}

function demonstration(
  prompt: readonly Message[],
  completion: string,
  rest: Pick<DemonstrationRecord, "cluster" | "source" | "extra">,
): DemonstrationRecord {
  return {
    kind: "demonstration",
    prompt,
    completion: [{ role: "assistant", content: completion }],
    place: {},
    ...rest,
  };
}

const provenance = ({ id, constitution }: RevisionChain): { cluster: string; source: string } => ({
  cluster: `prompt ${id}`,
  source: `constitution ${constitution.slice(0, 12)}`,
});

/** Revisions as demonstrations: of all steps, as in the paper, or of the last. */
export function demonstrationsOf(
  chain: RevisionChain,
  keep: "all" | "last",
): DemonstrationRecord[] {
  const { prompt, answer, steps } = chain;
  const texts = [answer, ...steps.map(({ revision }) => revision)];
  const kept = steps
    .map((step, index) => ({ ...step, index }))
    .filter(
      ({ revision, index }) => revision !== "" && !texts.slice(0, index + 1).includes(revision),
    );
  return (keep === "all" ? kept : kept.slice(-1)).map(({ revision, principle, index }) =>
    demonstration(prompt, revision, {
      ...provenance(chain),
      extra: { principle, step: index + 1, critic: chain.critic },
    }),
  );
}

/**
 * The simple recipe: the last revision is preferred over the first answer, and nobody judges.
 * Source: HuggingFaceH4's re-implementation (alignment-handbook, llm-swarm). The pairs differ in
 * style and length throughout, which a reward model can learn instead of what was meant: measure it
 * (`attune constitution report`).
 */
export function revisionPair(chain: RevisionChain): PreferenceRecord[] {
  const { prompt, answer, steps } = chain;
  const last = steps.at(-1)?.revision ?? "";
  if (answer === "" || last === "" || last === answer) return [];
  const [chosen, rejected] = [last, answer].map((content): Message[] => [
    { role: "assistant", content },
  ]) as [Message[], Message[]];
  return [
    {
      kind: "preference",
      prompt,
      chosen,
      rejected,
      p: 1,
      annotator: "revision over first answer",
      ...provenance(chain),
      extra: { principles: steps.map(({ principle }) => principle), critic: chain.critic },
      place: {},
    },
  ];
}
