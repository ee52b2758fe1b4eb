/** Asks the models that are compared, and keeps every model's answers as files that can be compared again. */
import { join } from "node:path";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { countOf } from "../../core/counts.ts";
import { stringifyExactly } from "../../core/json.ts";
import type { PromptRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import { fingerprintOf } from "../../evaluation/answer-files/read.ts";
import type { AnswerSet, SetAnswer } from "../../evaluation/compare/answer-set.ts";
import type { NoAnswer, SubjectAnswer } from "../../evaluation/subject.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { Run } from "../../runs/run.ts";
import type { CommandContext } from "../command.ts";
import { warnOfAnswers } from "../display/answer-warnings.ts";
import type { OpenedSubject } from "../evaluation/open-subject.ts";
import type { CompareConfig } from "./compare.config.ts";
import type { ModelSource } from "../judging/sources.ts";

/** Folder of a run with the answers of every model. */
export const ANSWERS_FOLDER = "answers";

export interface AskedModel {
  set: AnswerSet;
  /** Prompts that it gave no answer to, in words; empty where it answered all. */
  refused: string[];
}

/** Every prompt once, with progress; what was answered before is not asked again. */
export async function askModel(
  { name, model }: ModelSource,
  opened: OpenedSubject,
  {
    prompts,
    config,
    cache,
    context,
  }: {
    prompts: readonly PromptRecord[];
    config: CompareConfig;
    cache: AnswerCache;
    context: CommandContext;
  },
): Promise<AskedModel> {
  const { maxNewTokens, temperature, seed } = config;
  const subject = await opened.open(cache);
  const progress = context.reporter.progress({
    title: `${name} answers`,
    total: prompts.length,
    unit: "answers",
  });
  try {
    const said = await subject.answer(
      prompts.map(({ prompt }) => ({ prompt, maxNewTokens, temperature, seed })),
      { signal: context.signal, onDone: (done) => progress.update(done) },
    );
    const answers = said.flatMap((answer, index) => answerOf(answer, prompts[index]!));
    warnOfAnswers(
      answers.map(({ text, stopped }, prompt) => ({
        text,
        prompt,
        ...(stopped === undefined ? {} : { stopped }),
      })),
      context.reporter,
      `answers of ${name}`,
    );
    return {
      set: { name, source: model, fingerprint: fingerprintOf(answers), answers },
      refused: refusedNote(name, said),
    };
  } finally {
    progress.end();
    await subject.close();
  }
}

function answerOf(
  answer: SubjectAnswer | NoAnswer,
  { prompt, cluster, extra, place }: PromptRecord,
): SetAnswer[] {
  if ("refused" in answer) return [];
  return [compact({ prompt, cluster, columns: extra, place, ...answer }) as SetAnswer];
}

function refusedNote(name: string, said: readonly (SubjectAnswer | NoAnswer)[]): string[] {
  const refused = said.flatMap((answer) => ("refused" in answer ? [answer.refused] : []));
  if (refused.length === 0) return [];
  return [
    `${name} gave no answer to ${countOf(refused.length, "prompt")} of ${said.length}, which are ` +
      `left out: ${refused[0]!}`,
  ];
}

/** A file a model, in a form that `attune compare` reads again. */
export async function writeAnswers(run: Run, sets: readonly AnswerSet[]): Promise<void> {
  const files = new Set<string>();
  await run.saveArtifact(ANSWERS_FOLDER, async (folder) => {
    for (const { name, answers } of sets) {
      const plain = name.replaceAll(/[^\w.-]+/g, "-").replace(/^[-.]+/, "") || "model";
      let file = `${plain}.jsonl`;
      for (let number = 2; files.has(file); number++) file = `${plain}-${number}.jsonl`;
      files.add(file);
      const lines = answers.map((answer) => `${stringifyExactly(rowOf(name, answer))}\n`);
      writeFileAtomic(join(folder, file), lines.join(""));
    }
    return Promise.resolve();
  });
}

/** Columns of a row come first: a name of attune's own wins over one of the data's. */
const rowOf = (
  model: string,
  { prompt, text, key, cluster, tokens, stopped, columns }: SetAnswer,
): object =>
  compact({ ...columns, prompt, completion: text, model, key, cluster, tokens, stopped });
