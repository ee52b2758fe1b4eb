/**
 * Scores that stand in the files of answers as a judge: lm-evaluation-harness's acc, an Inspect
 * scorer's value, a column of one's own. The higher score wins.
 */
import { AttuneError, nearest } from "../../core/errors.ts";
import { mean } from "../../stats/intervals.ts";
import type { AnswerSet } from "../compare/answer-set.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { promptIdentity } from "../compare/match.ts";
import { scoreOf } from "../answer-files/format.ts";
import { scoredJudge } from "./scored-judge.ts";

export interface ColumnJudgeInput {
  sets: readonly AnswerSet[];
  /** Columns that are scores, the usual one first. */
  metrics: readonly string[];
  /** The one that is asked for; of each answer the first that it has where left out. */
  metric?: string | undefined;
}

/** @throws AttuneError `usage` where the files hold no such score */
export function columnJudge(
  { sets, metrics, metric }: ColumnJudgeInput,
  name: string,
): { judge: ComparisonJudge; metric: string } {
  if (metrics.length === 0 || (metric !== undefined && !metrics.includes(metric))) {
    const near = metric === undefined ? undefined : nearest(metric, metrics);
    throw new AttuneError(
      "usage",
      metric === undefined
        ? "the files of answers hold no scores"
        : `the files of answers hold no score ${metric}`,
      {
        expected:
          metrics.length === 0
            ? "a column score, correct or acc beside the answers, or scores:NAME for another"
            : metrics.join(", "),
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      },
    );
  }
  // a grader that draws may score one answer twice
  const scores = new Map<string, number[]>();
  const used = new Set<string>();
  for (const { prompt, text, columns } of sets.flatMap(({ answers }) => answers)) {
    const name = (metric === undefined ? metrics : [metric]).find(
      (each) => scoreOf(columns?.[each]) !== undefined,
    );
    if (name === undefined) continue;
    used.add(name);
    const score = scoreOf(columns![name])!;
    const key = JSON.stringify([promptIdentity(prompt), text]);
    scores.set(key, [...(scores.get(key) ?? []), score]);
  }
  const told = [...used].join(", ");
  return {
    metric: told,
    judge: {
      kind: "gold",
      name,
      symmetric: true,
      judge: scoredJudge({
        name,
        score: (answers) =>
          Promise.resolve(
            answers.map(({ prompt, text }) => {
              const found = scores.get(JSON.stringify([promptIdentity(prompt), text]));
              return found ? mean(found) : { refused: `the files hold no ${told} of this answer` };
            }),
          ),
      }),
    },
  };
}
