/** "Is it better?", "On what?", "Is it better at equal length?": the figures of each judge, side by side. */
import type { IntervalChart } from "../chart.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Conclusion, Finding } from "../findings.ts";
import { slugs } from "../measure-names.ts";
import { formatPlainList } from "../plain-list.ts";
import type { Cell, Table } from "../table.ts";
import { formatMean, formatPValue, formatShare } from "../table.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import type { Headline } from "./headline.ts";
import { concludedOf, isBelieved, judgeName, pairsWithBaseline } from "./headline.ts";
import type { MeasureNames } from "./measures.ts";
import { believed, shareMeasure, whyNoMeasure } from "./measures.ts";
import { percent } from "./verdict.ts";

export function isItBetter(
  comparison: Comparison,
  headline: Headline,
  names: MeasureNames,
): Finding {
  const { judges } = comparison;
  const others = judges.filter((judge) => judge !== headline.judge);
  return {
    id: "is-it-better",
    question: "Is it better?",
    conclusion: headline.conclusion,
    ...(headline.conclusions ? { conclusions: headline.conclusions } : {}),
    answer: [
      headline.sentence,
      ...others.filter(isBelieved).map((judge) => {
        const pairs = pairsWithBaseline(judge, comparison);
        return `${judgeName(judge)}: ${pairs.map(({ verdict }) => verdict.sentence).join(" ")}`;
      }),
      ...pairsWithBaseline(headline.judge, comparison).flatMap(({ outcome }) =>
        outcome?.caution === undefined ? [] : [`${outcome.caution}.`],
      ),
    ].join(" "),
    measures: judges.flatMap((judge) =>
      judge.pairs.flatMap((pair) =>
        pair.outcome
          ? [
              shareMeasure(
                names.ofPair(pair, judge.name, "win-rate"),
                `${pair.candidate} preferred over ${pair.baseline} by ${judge.name}`,
                believed(judge, pair, { value: pair.outcome.rate, headline }),
              ),
            ]
          : [],
      ),
    ),
    figures: [],
    details: [{ kind: "table", table: outcomesTable(judges, comparison) }],
  };
}

function outcomesTable(judges: readonly JudgeResult[], { options }: Comparison): Table {
  const several = judges.some(({ pairs }) => pairs.length > 1);
  const rows = judges.flatMap((judge) =>
    judge.pairs.map((pair): (string | Cell)[] => {
      const { outcome, verdict, refused, sequential } = pair;
      const about = [
        ...(judges.length > 1 ? [judge.name] : []),
        `${pair.candidate} over ${pair.baseline}`,
      ];
      if (!outcome)
        return [about.join(": "), "–", "–", "–", "–", `${refused.length}`, verdictCell(pair)];
      return [
        about.join(": "),
        formatShare(outcome.rate),
        formatShare(outcome.win),
        formatShare(outcome.tie),
        formatShare(outcome.loss),
        sequential ? "sequential" : formatPValue(outcome.adjusted ?? NaN),
        isBelieved(judge) ? verdictCell(pair) : `not believed (${verdict.conclusion})`,
      ];
    }),
  );
  return {
    caption: `Share of prompts on which each is preferred, ${Math.round(100 * options.confidence)}% intervals`,
    columns: [
      { name: "" },
      ...[
        "preferred, a tie half",
        "won",
        "tied",
        "lost",
        several ? "p, of all comparisons" : "p",
        "verdict",
      ].map((name) => ({ name, align: "right" as const })),
    ],
    rows,
    note:
      howAsked(judges) +
      (several ? " The p-values count all comparisons of a judge: verdicts hold together." : ""),
  };
}

/** People voted before, and whoever scores each answer by itself sees no order. */
function howAsked(judges: readonly JudgeResult[]): string {
  const compared = judges.filter(({ symmetric }) => !symmetric);
  if (compared.length === 0)
    return judges.every(({ kind }) => kind === "votes")
      ? "Votes as they were given, those on the same two answers averaged."
      : "No judge saw two answers beside each other, so their order could not matter.";
  const whose =
    compared.length < judges.length ? ` by ${formatPlainList(compared.map(nameOf))}` : "";
  return (
    `Both orders of every pair were judged${whose} and averaged, sides drawn by the seed, without ` +
    "names."
  );
}

const nameOf = ({ name }: JudgeResult): string => name;

function verdictCell({ verdict: { conclusion } }: PairResult): string | Cell {
  return conclusion === "better" || conclusion === "worse" || conclusion === "not distinguishable"
    ? { text: conclusion, verdict: conclusion }
    : conclusion;
}

/** As judged, at equal length and at equal style, for each pair of the verdict. */
export function verdictPicture(
  comparison: Comparison,
  { judge }: Headline,
): IntervalChart | undefined {
  const rows = pairsWithBaseline(judge, comparison).flatMap(({ candidate, outcome }) =>
    outcome
      ? [
          { group: candidate, series: "as judged", interval: outcome.rate },
          ...(outcome.equalLength
            ? [{ group: candidate, series: "at equal length", interval: outcome.equalLength.rate }]
            : []),
          ...(outcome.equalStyle
            ? [{ group: candidate, series: "at equal style", interval: outcome.equalStyle.rate }]
            : []),
        ]
      : [],
  );
  if (rows.length === 0) return undefined;
  const baseline = comparison.models[0]!.name;
  return {
    kind: "intervals",
    title: `How often each is preferred over ${baseline}`,
    description:
      `Share of prompts on which ${judge.name} prefers each model over ${baseline}, a tie counting ` +
      "half: at 50% they are equal. At equal length and style: what the judge would say of answers " +
      "that do not differ in them." +
      (isBelieved(judge) ? "" : ` ${judge.name} is fooled, and not believed.`),
    label: `preferred over ${baseline}`,
    rows,
    percent: true,
    level: EQUAL,
  };
}

/** Where neither is preferred. */
const EQUAL = { x: 0.5, label: "equal" };

/** By category; undefined where rows name none. */
export function onWhat(
  comparison: Comparison,
  headline: Headline,
  names: MeasureNames,
): Finding | undefined {
  const { judge } = headline;
  const column = comparison.matched.groupColumn;
  const pairs = pairsWithBaseline(judge, comparison).filter(
    ({ outcome }) => outcome && outcome.groups.length > 1,
  );
  if (column === undefined || pairs.length === 0) return undefined;
  const alpha = 1 - comparison.options.confidence;
  const told = pairs.map(({ candidate, outcome }) => {
    const sure = outcome!.groups.filter(
      ({ adjusted, rate }) =>
        adjusted <= alpha && rate.noClaim === undefined && (rate.low > 0.5 || rate.high < 0.5),
    );
    const list = (better: boolean): string =>
      sure
        .filter(({ rate }) => rate.low > 0.5 === better)
        .map(({ group, rate }) => `${group} ${percent(rate)}`)
        .join(", ");
    const [up, down] = [list(true), list(false)];
    return sure.length === 0
      ? []
      : [
          `${candidate} is ${[up && `preferred on ${up}`, down && `not preferred on ${down}`]
            .filter(Boolean)
            .join(", and ")}, counting all ${outcome!.groups.length} groups by ${column}.`,
        ];
  });
  const open = pairs.filter((_, i) => told[i]!.length === 0).map(({ candidate }) => candidate);
  return {
    id: "on-what",
    question: "On what?",
    conclusion: "measured",
    answer: [
      ...told.flat(),
      ...(open.length === 0
        ? []
        : [
            `That ${open.join(", ")} ${open.length === 1 ? "differs" : "differ"} from ` +
              `${pairs[0]!.baseline} is shown in no group by ${column}: each alone has few prompts.`,
          ]),
    ].join(" "),
    measures: pairs.flatMap((pair) => {
      const plain = slugs(pair.outcome!.groups.map(({ group }) => group));
      return pair.outcome!.groups.map(({ group, rate }) =>
        shareMeasure(
          names.ofPair(pair, judge.name, `group/${plain.get(group)!}/win-rate`),
          `${pair.candidate} preferred over ${pair.baseline}, ${column} ${group}`,
          believed(judge, pair, { value: rate, headline }),
        ),
      );
    }),
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: `By ${column}`,
          description: `Share of prompts preferred over ${pairs[0]!.baseline}, each ${column} alone.`,
          label: `preferred over ${pairs[0]!.baseline}`,
          rows: pairs.flatMap(({ candidate, outcome }) =>
            outcome!.groups.map(({ group, rate }) => ({
              group,
              series: candidate,
              interval: rate,
            })),
          ),
          percent: true,
          level: EQUAL,
        },
      },
    ],
    details: [],
  };
}

export function isItOnlyLonger(
  comparison: Comparison,
  headline: Headline,
  names: MeasureNames,
): Finding | undefined {
  const { judge } = headline;
  const pairs = pairsWithBaseline(judge, comparison).filter(({ outcome }) => outcome?.equalLength);
  if (pairs.length === 0) return undefined;
  const told = pairs.map(({ candidate, outcome }) => {
    const { equalLength, equalStyle, rate } = outcome!;
    return (
      `${candidate} is preferred on ${percent(rate)} as judged, and on ` +
      `${percent(equalLength!.rate)} at equal length` +
      (equalLength!.caution ? ` (${equalLength!.caution})` : "") +
      "." +
      (equalStyle
        ? ` With headers, lists and bold equal too it is ${percent(equalStyle.rate)}.`
        : "")
    );
  });
  return {
    id: "is-it-only-longer",
    question: "Is it better at equal length?",
    ...concludedOf(
      pairs.map((pair) =>
        whyNoMeasure(judge, [pair], headline) === undefined
          ? atEqualLength(pair.outcome!.equalLength!.rate)
          : "no conclusion",
      ),
    ),
    answer: told.join("\n\n"),
    measures: pairs.flatMap((pair) => [
      shareMeasure(
        names.ofPair(pair, judge.name, "win-rate-equal-length"),
        `${pair.candidate} preferred over ${pair.baseline} at equal length`,
        believed(judge, pair, { value: pair.outcome!.equalLength!.rate, headline }),
      ),
      ...(pair.outcome!.equalStyle
        ? [
            shareMeasure(
              names.ofPair(pair, judge.name, "win-rate-equal-style"),
              `${pair.candidate} preferred over ${pair.baseline} at equal style`,
              believed(judge, pair, { value: pair.outcome!.equalStyle.rate, headline }),
            ),
          ]
        : []),
    ]),
    figures: [],
    details: [{ kind: "table", table: effectsTable(pairs) }],
  };
}

function atEqualLength({ low, high, noClaim }: Interval): Conclusion {
  if (noClaim !== undefined) return "no conclusion";
  return low > 0.5 ? "better" : high < 0.5 ? "worse" : "not distinguishable";
}

function effectsTable(pairs: readonly PairResult[]): Table {
  return {
    caption: "What the judge makes of length and style",
    columns: [
      { name: "" },
      { name: "feature" },
      { name: "log-odds for a usual difference", align: "right" },
    ],
    rows: pairs.flatMap(({ candidate, outcome }) => [
      ...outcome!.equalLength!.effects.map(({ effect }) => [
        candidate,
        "length alone",
        formatMean(effect),
      ]),
      ...(outcome!.equalStyle?.effects ?? []).map(({ feature, effect }) => [
        candidate,
        `${feature}, beside the others`,
        formatMean(effect),
      ]),
    ]),
    note:
      "0 where the judge does not care. A feature that never differs is not there. What a longer " +
      "answer is worth may be merit as well: the probes of the judge tell.",
  };
}
