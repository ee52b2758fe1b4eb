/**
 * Does it know the right option? Multiple choice by the log-probability of the options, or by the
 * letter that the model writes, as where a server gives no log-probabilities.
 *
 * Source: lm-evaluation-harness 0.4.13, `acc` (the likeliest option) and `acc_norm` (the likeliest
 * per character).
 * Differences: ties are not decided by the order of the options but count in part; probabilities
 * over the options are those of `acc`.
 */
import { countOf } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean, shareInterval } from "../../stats/intervals.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll, scoreAll, whyScoreless } from "../behaviour/asking.ts";
import type { Measured, Measuring, Remarks } from "../behaviour/measured.ts";
import { clustersFor, noConclusion } from "../behaviour/measured.ts";
import { missingOf, withMissing } from "../behaviour/missing.ts";
import type { Finding } from "../findings.ts";
import { shareOfItems } from "../measure.ts";
import { formatNumber, formatShare } from "../table.ts";
import type { Table } from "../table.ts";
import type { OptionForm } from "./forms.ts";
import { LETTERS, letterPrompt, optionRequests, stopsFor } from "./forms.ts";
import type { Claim } from "./probabilities.ts";
import { calibrationFinding } from "./probabilities.ts";
import type { Question } from "./questions.ts";
import { questionItem } from "./questions.ts";
import { largestOf } from "../../core/extremes.ts";

const ID = "does-it-know-the-right-option";
const QUESTION = "Does it know the right option?";

/** A question with what the model thinks of its options. */
export interface Chosen {
  readonly question: Question;
  /** Share of rightness of the likeliest option: 1, 0, or in part where options tie. */
  readonly acc: number;
  readonly accNorm: number;
  /** Probability of the likeliest option among the options. */
  readonly sure: number;
  /** Index of the likeliest. */
  readonly pick: number;
}

/** Which option is taken, and by how much. */
export function chosen(question: Question, logProbabilities: readonly number[]): Chosen {
  const { texts, right } = question.options!;
  const perCharacter = logProbabilities.map((value, i) => value / Math.max(1, texts[i]!.length));
  const top = Math.max(...logProbabilities);
  const weights = logProbabilities.map((value) => Math.exp(value - top));
  return {
    question,
    acc: rightShare(logProbabilities, right),
    accNorm: rightShare(perCharacter, right),
    sure: 1 / weights.reduce((total, weight) => total + weight, 0),
    pick: logProbabilities.indexOf(top),
  };
}

function rightShare(values: readonly number[], right: readonly number[]): number {
  const top = Math.max(...values);
  const ties = values.flatMap((value, i) => (value === top ? [i] : []));
  return ties.filter((i) => right.includes(i)).length / ties.length;
}

export interface ChoiceOptions {
  form: OptionForm;
  remarks: Remarks;
  ask: AskOptions;
}

const STAGE = "options";

/** @param questions with options */
export async function multipleChoice(
  measuring: Measuring,
  questions: readonly Question[],
  options: ChoiceOptions,
): Promise<Measured> {
  const { form, remarks } = options;
  const scoreless = form === "written" ? undefined : await whyScoreless(measuring);
  const byScore = form !== "written" && scoreless === undefined;
  const warnings =
    scoreless === undefined ? [] : [`${scoreless}: options are told by the letter that it writes`];
  const all = byScore
    ? await choices(measuring, questions, options)
    : await written(measuring, questions, options);
  const missing = missingOf(all, remarks.whyMissing(STAGE));
  const found = all.filter((each) => each !== undefined);
  if (found.length === 0)
    return { findings: [withMissing(noConclusion(ID, QUESTION, NOTHING), missing)], warnings };
  const claims = found.map(({ acc, sure, question }): Claim => ({
    probability: sure,
    right: acc > 0.5,
    cluster: question.cluster,
  }));
  const findings = [
    findingOf(found, { byScore, form }),
    ...(byScore
      ? [
          calibrationFinding(claims, {
            id: "options",
            question: "Is the probability that it gives to options right?",
            what: "the probability of the option",
          }),
        ]
      : []),
  ];
  return { findings: findings.map((finding) => withMissing(finding, missing)), warnings };
}

const NOTHING = "the model chose among the options of no question";

async function choices(
  measuring: Measuring,
  questions: readonly Question[],
  { form, remarks }: ChoiceOptions,
): Promise<(Chosen | undefined)[]> {
  const requests = questions.map((question) => optionRequests(measuring.subject, question, form));
  const scores = await scoreAll(measuring, requests.flat(), { stage: STAGE, remarks });
  let next = 0;
  return questions.map((question, i) => {
    const own = requests[i]!.map(() => scores[next++]);
    if (own.some((score) => score === undefined)) return undefined;
    return chosen(
      question,
      own.map((score) => score!.logProbability),
    );
  });
}

/** A letter that no word follows on: "A dog" and "I think" begin with a word. */
const LETTER = String.raw`["'*_(\[]*(?:([B-HJ])(?![\p{L}\p{N}'’])|([AI])(?!\p{M}*(?:[\p{L}\p{N}'’]| [a-z])))`;
const SAID = new RegExp(
  String.raw`\b(?:(?:[Aa]nswer|ANSWER|[Oo]ption|[Cc]hoice|[Ii]t)(?:\W+is|['’]s)?|[Cc]hoose|[Pp]ick|` +
    String.raw`[Ss]elect)\b[:\s*]*${LETTER}`,
  "u",
);
const FIRST = new RegExp(String.raw`^\W*?${LETTER}`, "u");

/** The letter that a reply names as the answer, or begins with. */
export function letterOf(reply: string, options: number): number | undefined {
  for (const form of [SAID, FIRST]) {
    const [, letter, article] = form.exec(reply) ?? [];
    const index = LETTERS.indexOf(letter ?? article ?? "?");
    if (index >= 0 && index < options) return index;
  }
  return undefined;
}

async function written(
  measuring: Measuring,
  questions: readonly Question[],
  { remarks, ask }: ChoiceOptions,
): Promise<(Chosen | undefined)[]> {
  const replies = await askAll(
    measuring,
    questions.map((question) => letterPrompt(measuring.subject, question)),
    { ...ask, ...stopsFor(measuring.subject), maxNewTokens: 16, stage: STAGE, remarks },
  );
  return questions.map((question, i) => {
    const reply = replies[i];
    if (reply === undefined) return undefined;
    const pick = letterOf(reply.text, question.options!.texts.length);
    if (pick === undefined) remarks.add("a reply without a letter counts as wrong", reply.text);
    const right = pick !== undefined && question.options!.right.includes(pick) ? 1 : 0;
    return { question, acc: right, accNorm: right, sure: NaN, pick: pick ?? -1 };
  });
}

function findingOf(
  found: readonly Chosen[],
  { byScore, form }: { byScore: boolean; form: OptionForm },
): Finding {
  const items = found.map(({ question }) => questionItem(question));
  const byOption = shareOfItems(
    "honest/multiple-choice-acc",
    `right option, by ${byScore ? "log-probability" : "the letter that it writes"}`,
    found.map((each, i) => ({ item: items[i]!, score: each.acc })),
  );
  const byCharacter = shareOfItems(
    "honest/multiple-choice-acc-norm",
    "right option, per character",
    found.map((each, i) => ({ item: items[i]!, score: each.accNorm })),
  );
  const acc = byOption.value;
  const chance = mean(
    found.map(({ question: { options } }) => options!.right.length / options!.texts.length),
  );
  const normed = byScore && form === "texts";
  const better = acc.low > chance;
  return {
    id: ID,
    question: QUESTION,
    conclusion: better ? "better" : acc.high < chance ? "worse" : "not distinguishable",
    than: "guessing",
    answer:
      `It takes the right option in ${formatShare(acc)} of ${countOf(acc.n, "question")}` +
      (normed ? ` (${formatShare(byCharacter.value)} by probability per character)` : "") +
      `; guessing would reach ${formatNumber(100 * chance, 1)}%` +
      (better
        ? "."
        : acc.high < chance
          ? ", so this is worse."
          : ", and that it does better than that is not shown."),
    measures: [byOption, ...(normed ? [byCharacter] : [])],
    figures: [],
    details: [
      { kind: "table", table: positionTable(found) },
      ...categories(found).map((table) => ({ kind: "table" as const, table })),
    ],
  };
}

/** Models prefer places: how often each is taken, and how often it is right. */
function positionTable(found: readonly Chosen[]): Table {
  const most = largestOf(found.map(({ question }) => question.options!.texts.length));
  const share = (fits: (each: Chosen) => boolean): Interval =>
    shareInterval(found.map((each) => (fits(each) ? 1 : 0)));
  return {
    caption: "By place of the option",
    columns: [
      { name: "place" },
      { name: "taken", align: "right" },
      { name: "right", align: "right" },
    ],
    rows: Array.from({ length: most }, (_, i) => [
      LETTERS[i] ?? String(i + 1),
      formatShare(share(({ pick }) => pick === i)),
      formatShare(share(({ question }) => question.options!.right.includes(i))),
    ]),
  };
}

function categories(found: readonly Chosen[]): Table[] {
  const names = [...new Set(found.map(({ question }) => question.category ?? ""))].toSorted();
  if (names.length < 2 || names.length > 60) return [];
  return [
    {
      caption: "By category",
      columns: [
        { name: "category" },
        { name: "acc [95%]", align: "right" },
        { name: "acc_norm [95%]", align: "right" },
        { name: "n", align: "right" },
      ],
      rows: names.map((name) => {
        const those = found.filter(({ question }) => (question.category ?? "") === name);
        const interval = (value: (each: Chosen) => number): Interval =>
          shareInterval(those.map(value), {
            clusters: clustersFor(those.map(({ question }) => question.cluster)),
          });
        return [
          name === "" ? "none" : name,
          formatShare(interval((each) => each.acc)),
          formatShare(interval((each) => each.accNorm)),
          String(those.length),
        ];
      }),
    },
  ];
}
