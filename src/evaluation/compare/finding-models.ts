/** "How do the texts differ?", and examples. */
import { holm } from "../../stats/multiple-testing.ts";
import { pairedShareDifference } from "../../stats/paired.ts";
import { promptText } from "../../text/messages.ts";
import type { Finding } from "../findings.ts";
import type { Example } from "../page.ts";
import type { Table } from "../table.ts";
import { formatMean, formatPoints, formatPValue } from "../table.ts";
import { STYLE_FEATURES, stockPhrases } from "../text-style.ts";
import { textStatistics, textStatisticsTable } from "../text-statistics.ts";
import type { Comparison, PairResult, PromptJudgement } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { Headline } from "./headline.ts";
import { pairsWithBaseline } from "./headline.ts";
import type { SetAnswer } from "./answer-set.ts";
import type { MatchedAnswers, MatchedPrompt } from "./matched.ts";
import { clustersOf } from "./outcome.ts";

export function howTextsDiffer({ matched, options }: Comparison): Finding {
  const { confidence } = options;
  const clusters = clustersOf(matched.prompts);
  const answered = (model: number): MatchedPrompt[] =>
    matched.prompts.filter(({ answers }) => answers[model] !== undefined);
  const answersOf = (model: number): SetAnswer[] =>
    answered(model).map(({ answers }) => answers[model]!);
  const all = matched.names.map((name, model) => ({
    name,
    answers: answersOf(model),
    statistics: textStatistics(answersOf(model), {
      clusters: clustersOf(answered(model)),
      confidence,
    }),
  }));
  // habits are compared prompt by prompt, where there is an answer of each
  const [baseline, ...others] = matched.gaps ? [all[0]!] : all;
  const tested = others.flatMap(({ name, answers }) =>
    Object.entries(STYLE_FEATURES).map(([feature, has]) => ({
      name,
      feature,
      difference: pairedShareDifference(
        answers.map(({ text }) => has(text)),
        baseline!.answers.map(({ text }) => has(text)),
        { clusters, confidence },
      ),
    })),
  );
  const adjusted = holm(tested.map(({ difference }) => difference.pValue));
  const sure = tested.filter(
    ({ difference: { low, high } }, i) => adjusted[i]! <= 1 - confidence && (low > 0 || high < 0),
  );
  const words = all.map(
    ({ name, statistics }) => `${name} ${formatMean(statistics.wordsPerAnswer, 0)}`,
  );
  return {
    id: "how-texts-differ",
    question: "How do the texts differ?",
    conclusion: "measured",
    answer:
      `Words an answer: ${words.join(", ")}.` +
      (matched.gaps ? " Each of its own prompts, so that habits are not compared." : "") +
      sure
        .map(
          ({ name, feature, difference }) =>
            ` ${name} ${feature} ${difference.low > 0 ? "more" : "less"} often than ` +
            `${baseline!.name}: ${formatPoints(difference)} points of its answers.`,
        )
        .join(""),
    measures: [],
    figures: [],
    details: [
      { kind: "table", table: textStatisticsTable(all) },
      ...(tested.length === 0
        ? []
        : [{ kind: "table" as const, table: featuresTable(tested, adjusted) }]),
      ...others.flatMap(({ name, answers }) => phrasesTable(name, answers, baseline!)),
    ],
  };
}

function featuresTable(
  tested: readonly {
    name: string;
    feature: string;
    difference: ReturnType<typeof pairedShareDifference>;
  }[],
  adjusted: readonly number[],
): Table {
  return {
    caption: "Habits, as a difference to the first model in points of the answers",
    columns: [
      { name: "" },
      { name: "" },
      { name: "difference", align: "right" },
      { name: "p, of all", align: "right" },
    ],
    rows: tested.map(({ name, feature, difference }, i) => [
      name,
      feature,
      formatPoints(difference),
      formatPValue(adjusted[i]!),
    ]),
    note: "Told by English words and Markdown.",
  };
}

function phrasesTable(
  name: string,
  answers: readonly { text: string }[],
  baseline: { name: string; answers: readonly { text: string }[] },
): { kind: "table"; table: Table }[] {
  const found = stockPhrases(
    baseline.answers.map(({ text }) => text),
    answers.map(({ text }) => text),
  );
  if (found.length === 0) return [];
  const share = (value: number): string => `${(100 * value).toFixed(1)}%`;
  return [
    {
      kind: "table",
      table: {
        caption: `Phrases that ${name} says more often than ${baseline.name}`,
        columns: [
          { name: "phrase" },
          { name: baseline.name, align: "right" },
          { name, align: "right" },
        ],
        rows: found.map(({ phrase, before, after }) => [phrase, share(before), share(after)]),
      },
    },
  ];
}

/** Prompts shown for each of won and lost. */
const EXAMPLES = 3;

/** Prompts on which the judge is surest, won and lost. */
export function whereTheyDiffer(comparison: Comparison, { judge }: Headline): Finding | undefined {
  const pairs = pairsWithBaseline(judge, comparison).filter(
    ({ judgements }) => judgements.length > 0,
  );
  if (pairs.length === 0) return undefined;
  const { matched } = comparison;
  const [first] = pairs as [PairResult];
  return {
    id: "where-they-differ",
    question: "Where do they differ most?",
    conclusion: "measured",
    answer: `Prompts on which ${judge.name} is surest, with both answers.`,
    measures: [],
    figures: [],
    details: pairs.flatMap((pair) =>
      (
        [
          [`${pair.candidate} preferred`, surest(pair, (outcome) => outcome > 0.5)],
          [`${pair.baseline} preferred`, surest(pair, (outcome) => outcome < 0.5)],
        ] as const
      ).flatMap(([title, judgements]) =>
        judgements.length === 0
          ? []
          : [
              {
                kind: "folded" as const,
                title:
                  pair === first && pairs.length === 1
                    ? title
                    : `${title} (${pair.candidate} and ${pair.baseline})`,
                parts: [
                  {
                    kind: "examples" as const,
                    examples: judgements.map((each) => exampleOf(each, pair, matched)),
                  },
                ],
              },
            ],
      ),
    ),
  };
}

function surest({ judgements }: PairResult, fits: (outcome: number) => boolean): PromptJudgement[] {
  const sureness = (each: PromptJudgement): number => Math.abs(outcomeOf(each) - 0.5);
  return judgements
    .filter((each) => fits(outcomeOf(each)))
    .toSorted((a, b) => sureness(b) - sureness(a) || a.prompt - b.prompt)
    .slice(0, EXAMPLES);
}

function exampleOf(
  judgement: PromptJudgement,
  { candidate, baseline }: PairResult,
  { prompts, names }: MatchedAnswers,
): Example {
  const { prompt, answers } = prompts[judgement.prompt]!;
  const outcome = outcomeOf(judgement);
  return {
    prompt: promptText(prompt),
    answers: [candidate, baseline].map((name) => ({
      name,
      text: answers[names.indexOf(name)]!.text,
      ...((name === candidate) === outcome > 0.5
        ? { remarks: [`preferred, ${Math.round(100 * Math.max(outcome, 1 - outcome))}%`] }
        : {}),
    })),
  };
}
