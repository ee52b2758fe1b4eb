/**
 * A run's beginning, kept checkpoints and end, asked the same prompts: what rewards say of each
 * answer, and which answers the reward overrates.
 */
import type { ConfigOf } from "../../config/config.ts";
import { countOf } from "../../core/counts.ts";
import type { PromptRecord } from "../../data/records.ts";
import type { AnswerScore, AnswerScorer } from "../../evaluation/answer-scorer.ts";
import { answerOf, cachedScorer } from "../../evaluation/answer-scorer.ts";
import type { Finding } from "../../evaluation/findings.ts";
import type { AnsweredLook } from "../../evaluation/over-optimisation/judged-looks.ts";
import { spreadOver, standardised } from "../../evaluation/over-optimisation/judged-looks.ts";
import type { overOptimisationConfig } from "../../evaluation/over-optimisation/over-optimisation.config.ts";
import { overratedFinding } from "../../evaluation/over-optimisation/overrated.ts";
import type { OptimisationPath } from "../../evaluation/over-optimisation/path.ts";
import type { Subject } from "../../evaluation/subject.ts";
import { formatNumber } from "../../evaluation/table.ts";
import type { OptimisationRun } from "../../quickstart/optimisation-run.ts";
import type { Checkpoint } from "../../runs/checkpoints.ts";
import { contentProblem } from "../../runs/checkpoints.ts";
import type { Labels } from "../../stats/clusters.ts";
import type { Prompt } from "../../text/messages.ts";
import { answerTo, promptText } from "../../text/messages.ts";
import type { OpenedSubject } from "./open-subject.ts";
import { openLocalSubject } from "./open-subject.ts";
import type { PartWork } from "./part.ts";
import { cutWarnings, unansweredWarnings } from "./scoring-warnings.ts";

type Config = ConfigOf<typeof overOptimisationConfig>;

export const REWARD = "the reward";
export const HELD_OUT = "the held-out reward";

/** A policy of the run at a step: a model that is open, or a checkpoint that is read in its turn. */
type LookPlace = { step: number } & ({ opened: OpenedSubject } | { folder: string });

export interface LooksInput {
  config: Config;
  records: readonly PromptRecord[];
  clusters: Labels | undefined;
  /** Whether prompts are messages, and not texts alone. */
  conversations: boolean;
  before: OpenedSubject;
  after: OpenedSubject;
}

/** The beginning, so many checkpoints as the option says, and the end, by step. */
export function placesOfLooks(
  { config: { checkpoints: count }, before, after }: LooksInput,
  { kept, modelStep, path }: Pick<OptimisationRun, "kept" | "modelStep" | "path">,
): LookPlace[] {
  const last = path.rollOuts.at(-1)!.step;
  const asPlace = ({ step, folder }: Checkpoint): LookPlace => ({ step, folder });
  const others = kept.filter(({ step }) => step > 0 && step !== modelStep && step <= last);
  return [
    { step: 0, opened: before },
    ...spreadOver(others, count).map(asPlace),
    { step: modelStep, opened: after },
  ].toSorted((a, b) => a.step - b.step);
}

/** Answers of each look to the prompts that all of them answered. */
export interface AnsweredLooks {
  looks: AnsweredLook[];
  records: PromptRecord[];
  clusters: Labels | undefined;
  warnings: string[];
}

export async function answerLooks(
  input: LooksInput,
  places: readonly LookPlace[],
  work: PartWork,
): Promise<AnsweredLooks> {
  const { records, clusters } = input;
  const texts: (string | undefined)[][] = [];
  const refusals: (string | undefined)[][] = [];
  const { whole, damaged } = await wholePlaces(places);
  for (const place of whole) {
    const answers = await withSubject(place, input, work, (subject) =>
      answersOf(subject, { input, work, step: place.step }),
    );
    texts.push(answers.map((answer) => ("text" in answer ? answer.text : undefined)));
    refusals.push(answers.map((answer) => ("text" in answer ? undefined : answer.refused)));
  }
  const kept = records.flatMap((_, i) => (texts.every((look) => look[i] !== undefined) ? [i] : []));
  return {
    looks: whole.map(({ step }, look) => ({ step, texts: kept.map((i) => texts[look]![i]!) })),
    records: kept.map((i) => records[i]!),
    clusters: clusters && kept.map((i) => clusters[i]!),
    warnings: [
      ...damaged,
      ...unansweredWarnings(
        records.map(({ prompt }) => prompt),
        records.map((_, i) => refusals.map((look) => look[i]).find((why) => why !== undefined)),
      ),
    ],
  };
}

/** Without checkpoints whose content is not what was saved. */
async function wholePlaces(
  places: readonly LookPlace[],
): Promise<{ whole: LookPlace[]; damaged: string[] }> {
  const whole: LookPlace[] = [];
  const damaged: string[] = [];
  for (const place of places) {
    const problem = "folder" in place ? await contentProblem(place.folder) : undefined;
    if (problem === undefined) whole.push(place);
    else damaged.push(`the checkpoint of step ${place.step} is damaged and left out: ${problem}`);
  }
  return { whole, damaged };
}

/** A checkpoint is read, asked and given back, so that only one is in memory. */
async function withSubject<T>(
  place: LookPlace,
  { config, conversations }: Pick<LooksInput, "config" | "conversations">,
  work: PartWork,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  if ("opened" in place) return use(await work.subject(place.opened));
  const opened = await openLocalSubject(
    { ...config, model: place.folder, contextLength: config.maxLength },
    work.context,
    { conversations },
  );
  const subject = await opened.open(work.cache);
  try {
    return await use(subject);
  } finally {
    await subject.close();
  }
}

async function answersOf(
  subject: Subject,
  {
    input: {
      records,
      config: { maxNewTokens, seed },
    },
    work: { progress, signal },
    step,
  }: { input: LooksInput; work: PartWork; step: number },
): ReturnType<Subject["answer"]> {
  const title = step === 0 ? "answering before" : `answering at step ${step}`;
  const shown = progress({ title, total: records.length, unit: "answers" });
  const answers = await subject.answer(
    records.map(({ prompt }) => ({ prompt, maxNewTokens, temperature: 0, seed })),
    { signal, onDone: (done) => shown.update(done) },
  );
  shown.end();
  return answers;
}

/** What rewards say of the answers, and which the first overrates by the second. */
export interface ScoredLooks {
  scored: NonNullable<OptimisationPath["scored"]>;
  /** Where both rewards are there. */
  overrated: Finding | undefined;
  warnings: string[];
}

export async function scoreLooks(
  { looks, records, clusters }: AnsweredLooks,
  {
    rewards,
    config: { maxLength },
    modelStep,
    work: { cache, signal, progress },
  }: {
    rewards: { proxy: AnswerScorer | undefined; heldOut: AnswerScorer | undefined };
    config: Config;
    modelStep: number;
    work: PartWork;
  },
): Promise<ScoredLooks> {
  // answers to one prompt stand together: they share a row in which it is read once
  const answers = records.flatMap((record, i) =>
    looks.map(({ texts }) => answerOf(record, answerTo(record.prompt, texts[i]!))),
  );
  const warnings: string[] = [];
  const scoresBy = async (
    scorer: AnswerScorer | undefined,
    reward: string,
  ): Promise<number[][] | undefined> => {
    if (!scorer || answers.length === 0) return undefined;
    const shown = progress({
      title: `scoring by ${reward}`,
      total: answers.length,
      unit: "answers",
    });
    const scores: AnswerScore[] = await cachedScorer(scorer, cache).score(answers, {
      signal,
      onDone: (done) => shown.update(done),
    });
    shown.end();
    warnings.push(...cutWarnings(answers, scores, { maxLength, reward }));
    return looks.map((_, look) => records.map((_, i) => scores[i * looks.length + look]!.score));
  };
  const [proxy, heldOut] = [
    await scoresBy(rewards.proxy, REWARD),
    await scoresBy(rewards.heldOut, HELD_OUT),
  ];
  const steps = looks.map(({ step }) => step);
  const levels = Object.fromEntries(
    (
      [
        ["proxy", proxy, REWARD],
        ["heldOut", heldOut, HELD_OUT],
      ] as const
    ).flatMap(([name, scores, reward]) => {
      const own = scores && standardised(steps, scores);
      if (scores && !own && records.length > 0)
        warnings.push(
          `${reward} gives every answer of the beginning ${formatNumber(scores[0]![0]!)}, so it ` +
            "has no scale by which checkpoints could be told apart",
        );
      return own ? [[name, own]] : [];
    }),
  );
  return {
    scored: { ...levels, clusters },
    overrated:
      proxy && heldOut
        ? overratedOf(
            { looks, records, clusters },
            { proxy, heldOut, at: steps.indexOf(modelStep) },
          )
        : undefined,
    warnings,
  };
}

function overratedOf(
  { looks, records, clusters }: Omit<AnsweredLooks, "warnings">,
  { proxy, heldOut, at }: { proxy: number[][]; heldOut: number[][]; at: number },
): Finding {
  const sideOf = (look: number, i: number) => ({
    text: looks[look]!.texts[i]!,
    proxy: proxy[look]![i]!,
    witness: heldOut[look]![i]!,
  });
  return overratedFinding(
    records.map(({ prompt }, i) => ({
      prompt: plainText(prompt),
      before: sideOf(0, i),
      after: sideOf(at, i),
    })),
    { witness: HELD_OUT, clusters },
  );
}

/** A prompt of one turn as its text. */
const plainText = (prompt: Prompt): string =>
  typeof prompt !== "string" && prompt.length === 1 ? prompt[0]!.content : promptText(prompt);

/** Few points make no curve. */
const FEW_LOOKS = 4;

/** Where a judge saw the beginning and the end and little between them. */
export function fewLooksWarnings(
  { length: looked }: readonly unknown[],
  { kept: { length: kept } }: Pick<OptimisationRun, "kept">,
  { checkpoints }: Pick<Config, "checkpoints">,
): string[] {
  if (looked >= FEW_LOOKS) return [];
  return [
    `the judge looked at ${countOf(looked, "step")} of the run: ${countOf(kept, "checkpoint")} of ` +
      `it ${kept === 1 ? "is" : "are"} kept` +
      (checkpoints < kept
        ? `, and --checkpoints ${checkpoints} looks at no more`
        : "; a training with --keep-checkpoints 0 keeps all"),
  ];
}
