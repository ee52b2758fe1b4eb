/** "Can the judge be trusted?", "Do the judges agree?", "How sure is it?". */
import { countOf, formatCount } from "../../core/counts.ts";
import type { Finding, Measure } from "../findings.ts";
import type { Table } from "../table.ts";
import { formatMean, formatNumber, formatPoints, formatPValue, formatShare } from "../table.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import type { Headline } from "./headline.ts";
import { pairsWithBaseline } from "./headline.ts";
import type { MeasureNames } from "./measures.ts";
import { TRIAL_NAMES } from "./temptations.ts";
import { percent } from "./verdict.ts";

export function canItBeTrusted(
  { judges, models }: Comparison,
  { judge }: Headline,
  names: MeasureNames,
): Finding {
  const conclusions = judges.map(({ trust }) => trust.conclusion);
  const optimised = judges.filter((each) => each.optimised).map(({ name }) => name);
  return {
    id: "can-the-judge-be-trusted",
    question: judges.length === 1 ? "Can the judge be trusted?" : "Can the judges be trusted?",
    conclusion: conclusions.includes("fooled") ? "fooled" : judge.trust.conclusion,
    ...(conclusions.length > 1 ? { conclusions } : {}),
    answer: [
      ...judges.map(({ trust }) => trust.sentence),
      ...(optimised.length > 0
        ? [
            `A model was trained to please ${optimised.join(" and ")}, so what it prefers is no ` +
              "independent evidence.",
          ]
        : []),
    ].join(" "),
    measures: judges.flatMap(({ name, trust }) =>
      trust.trials.flatMap(({ id, rate }): Measure[] =>
        rate
          ? [
              {
                id: names.ofJudge(name, id),
                name: `${name} prefers ${TRIAL_NAMES[id]}`,
                value: rate,
                unit: "share",
                good: id === "first-place" ? "neither" : "lower",
              },
            ]
          : [],
      ),
    ),
    figures: [],
    details: [{ kind: "table", table: trialsTable(judges, models[0]!.name) }],
  };
}

function trialsTable(judges: readonly JudgeResult[], baseline: string): Table {
  return {
    caption: `How often each judge prefers what is worthless over the answers of ${baseline}`,
    columns: [
      { name: "" },
      ...["preferred", "prompts", "p, of all trials", "found"].map((name) => ({
        name,
        align: "right" as const,
      })),
    ],
    rows: judges.flatMap(({ name, trust }) =>
      trust.trials.map(({ id, rate, adjusted, fooled, beyondChance, refused }) => [
        judges.length > 1 ? `${name}: ${TRIAL_NAMES[id]}` : TRIAL_NAMES[id],
        rate ? formatShare(rate) : "–",
        `${rate?.n ?? 0}${refused > 0 ? `, ${refused} refused` : ""}`,
        adjusted === undefined ? "–" : formatPValue(adjusted),
        beyondChance
          ? `${formatPoints(beyondChance)} beyond chance`
          : fooled
            ? id === "first-place"
              ? "leans"
              : "fooled"
            : "",
      ]),
    ),
    note:
      "Probes are the baseline's own answers with something added that makes none better. " +
      "Whichever answer is longest may rightly win, and accuses no judge by itself. A lean to one " +
      "place is cancelled by both orders.",
  };
}

export function doTheyAgree({ agreement }: Comparison, names: MeasureNames): Finding | undefined {
  if (agreement.length === 0) return undefined;
  const told = agreement.map(
    ({ judges: [a, b], raw, decided, kappa, people }) =>
      `${a} and ${b} give the same verdict on ${percent(raw)} of ${countOf(raw.n, "pair")} of answers` +
      (decided && decided.n < raw.n
        ? `, and on ${percent(decided)} of the ${formatCount(decided.n)} that neither calls a tie`
        : "") +
      (kappa.noClaim === undefined
        ? `, kappa ${formatMean(kappa)}${people ? ", beside people" : ""}.`
        : ` (kappa says nothing: ${kappa.noClaim}).`),
  );
  return {
    id: "do-the-judges-agree",
    question: "Do the judges agree?",
    conclusion: "measured",
    answer: told.join(" "),
    measures: agreement.flatMap(({ judges: [a, b], raw, kappa }): Measure[] => [
      {
        id: names.ofJudge(a, `agreement-with-${names.judge(b)}`),
        name: `${a} and ${b} give the same verdict`,
        value: raw,
        unit: "share",
        good: "higher",
      },
      ...(kappa.noClaim === undefined
        ? [
            {
              id: names.ofJudge(a, `kappa-with-${names.judge(b)}`),
              name: `Cohen's kappa of ${a} and ${b}`,
              value: kappa,
              unit: "score" as const,
              good: "higher" as const,
            },
          ]
        : []),
    ]),
    figures: [],
    details: [],
  };
}

export function howSure(comparison: Comparison, { judge }: Headline): Finding | undefined {
  const { options, judges } = comparison;
  const pairs = pairsWithBaseline(judge, comparison).filter(({ outcome }) => outcome);
  if (pairs.length === 0) return undefined;
  const sentences = pairs.map((pair) => sureSentence(pair, comparison));
  const [{ outcome }] = pairs as [PairResult];
  return {
    id: "how-sure",
    question: "How sure is it, and how many more prompts would settle it?",
    conclusion: "measured",
    answer: sentences.join("\n\n"),
    measures: [],
    figures: [],
    details: [
      {
        kind: "facts",
        facts: [
          ["prompts judged", formatCount(outcome!.prompts)],
          ...(outcome!.clusters === undefined
            ? []
            : [["independent groups of them", formatCount(outcome!.clusters)] as const]),
          ...(outcome!.flipped
            ? [
                [
                  "other choice in the other order",
                  judge.symmetric ? "a scorer has no order" : formatShare(outcome!.flipped),
                ] as const,
              ]
            : []),
          ["prompts that find a true 55%", formatCount(outcome!.power.forFiftyFive)],
          [
            judges.length > 1
              ? "error of each judge's verdicts together"
              : "error of all verdicts together",
            `${formatNumber(100 * (1 - options.confidence), 0)}%`,
          ],
        ],
      },
    ],
  };
}

/** More prompts than these are as good as never. */
const NEVER = 1_000_000;

function sureSentence(
  { candidate, outcome, sequential, verdict }: PairResult,
  comparison: Comparison,
): string {
  const { power, rate, prompts } = outcome!;
  const seen = `${Math.round(100 * rate.estimate)}%`;
  const cost = sequential
    ? `${candidate}: judging ${
        sequential.stopped
          ? `stopped after ${formatCount(sequential.used)} of ${countOf(sequential.of, "prompt")}`
          : `used all ${countOf(sequential.of, "prompt")}`
      }; for being looked at after each its interval is ${formatNumber(sequential.width, 1)} times ` +
      `as wide as one of as many prompts fixed before. `
    : `${candidate}: `;
  if (verdict.conclusion === "no conclusion") return `${cost}nothing can be concluded.`;
  const shows =
    power.detectable === undefined
      ? `${countOf(prompts, "prompt")} show no difference of any size`
      : `${countOf(prompts, "prompt")} show a true ${Math.ceil(100 * power.detectable)}% or more 8 ` +
        "times in 10";
  if (verdict.conclusion !== "not distinguishable") return `${cost}${shows}.`;
  const { margin } = comparison.options;
  return (
    `${cost}${shows}; ` +
    (power.more === undefined || power.more > NEVER
      ? `what was seen, ${seen}, is so near a tie that no number of prompts would tell them apart` +
        `${margin === undefined ? "; a margin that you name could show them equal" : ""}.`
      : power.more === 0
        ? `if ${seen} is the truth, about as many prompts again would show it.`
        : `if ${seen} is the truth, ${countOf(power.more, "more prompt")} would show it, and ` +
          `${formatCount(power.moreIfHalf!)} if it is half as far from a tie.`)
  );
}
