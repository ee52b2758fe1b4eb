/** A comparison in words, figures and measures, for the terminal, pages, JSON and `--fail-under`. */
import type { Finding, Findings, Measure } from "../findings.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";

export function comparisonFindings(comparison: Comparison): Findings {
  const { models, matched, judges } = comparison;
  const [judge] = judges as [JudgeResult];
  const [baseline, ...others] = models.map(({ name }) => name);
  return {
    title: `${others.join(", ")} against ${baseline!}`,
    verdict: {
      conclusion: judge.pairs[0]!.verdict.conclusion,
      sentence: judge.pairs.map(({ verdict }) => verdict.sentence).join(" "),
    },
    findings: [isItBetter(judge)],
    warnings: matched.notes.map(({ text }) => text),
    facts: [["judge", judge.name]],
  };
}

function isItBetter({ pairs }: JudgeResult): Finding {
  return {
    id: "is-it-better",
    question: "Is it better?",
    conclusion: pairs[0]!.verdict.conclusion,
    answer: pairs.map(({ verdict }) => verdict.sentence).join(" "),
    measures: pairs.flatMap(rateMeasures),
    figures: [],
    details: [],
  };
}

function rateMeasures({ candidate, baseline, outcome }: PairResult): Measure[] {
  if (!outcome) return [];
  return [
    {
      id: `compare/${candidate}/win-rate`,
      name: `${candidate} preferred over ${baseline}`,
      value: outcome.rate,
      unit: "share",
      good: "higher",
    },
  ];
}
