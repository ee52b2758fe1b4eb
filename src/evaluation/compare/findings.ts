/** A comparison in words, figures and measures, for the terminal, pages, JSON and `--fail-under`. */
import { countOf, formatCount } from "../../core/counts.ts";
import type { Finding, Findings } from "../findings.ts";
import type { Comparison } from "./comparison.ts";
import { isItBetter, isItOnlyLonger, onWhat, verdictPicture } from "./finding-better.ts";
import { howTextsDiffer, whereTheyDiffer } from "./finding-models.ts";
import { whichIsBest } from "./finding-ratings.ts";
import { canItBeTrusted, doTheyAgree, howSure } from "./finding-trust.ts";
import { headlineOf } from "./headline.ts";
import { MeasureNames } from "./measures.ts";

/** What a comparison found. */
export function comparisonFindings(comparison: Comparison): Findings {
  const headline = headlineOf(comparison);
  const names = new MeasureNames(comparison);
  const [baseline, ...others] = comparison.models.map(({ name }) => name);
  const picture = verdictPicture(comparison, headline);
  const findings: (Finding | undefined)[] = [
    isItBetter(comparison, headline, names),
    whichIsBest(headline, names, comparison.matched.gaps === true),
    onWhat(comparison, headline, names),
    isItOnlyLonger(comparison, headline, names),
    canItBeTrusted(comparison, headline, names),
    doTheyAgree(comparison, names),
    howSure(comparison, headline),
    howTextsDiffer(comparison),
    whereTheyDiffer(comparison, headline),
  ];
  return {
    title: comparison.matched.gaps
      ? `Battles of ${countOf(others.length + 1, "model")}`
      : `${others.join(", ")} against ${baseline!}`,
    verdict: {
      conclusion: headline.conclusion,
      ...(headline.conclusions ? { conclusions: headline.conclusions } : {}),
      sentence: headline.sentence,
    },
    ...(picture ? { picture } : {}),
    findings: findings.filter((finding) => finding !== undefined),
    warnings: [
      ...comparison.matched.notes.map(({ text }) => text),
      ...refusalWarnings(comparison),
      ...cautions(comparison),
    ],
    facts: factsOf(comparison),
  };
}

/** One for each candidate that was judged until the verdict held. */
const cautions = ({ judges }: Comparison): string[] => [
  ...new Set(judges.flatMap(({ pairs }) => pairs.flatMap(({ outcome }) => outcome?.caution ?? []))),
];

function refusalWarnings({ judges, matched }: Comparison): string[] {
  if (matched.gaps)
    return judges.flatMap(({ name, pairs }) => {
      const those = pairs.filter(({ refused }) => refused.length > 0);
      const count = those.reduce((sum, { refused }) => sum + refused.length, 0);
      return those
        .slice(0, 1)
        .map(
          ({ candidate, baseline, refused }) =>
            `${name} has no opinion on ${countOf(count, "pair")} of answers, such as one of ` +
            `${candidate} and ${baseline}: ${refused[0]!.why.replace(/\.$/, "")}`,
        );
    });
  return judges.flatMap(({ name, pairs }) =>
    pairs
      .filter(({ refused }) => refused.length > 0)
      .map(
        ({ candidate, baseline, refused, judgements }) =>
          `${name} has no opinion on ${countOf(refused.length, "prompt")} of ` +
          `${formatCount(refused.length + judgements.length)} (${candidate} against ${baseline}), ` +
          `such as: ${refused[0]!.why.replace(/\.$/, "")}; the verdict is of the others`,
      ),
  );
}

function factsOf({ models, judges, options, matched }: Comparison): [string, string][] {
  return [
    ...models.map(({ name, source, fingerprint }): [string, string] => [
      name,
      `${source} (${fingerprint})`,
    ]),
    ...judges.map(({ name, kind, optimised, symmetric }): [string, string] => [
      `judge ${name}`,
      [
        kind,
        ...(symmetric ? ["scores each answer"] : ["both orders"]),
        ...(optimised ? ["a model was trained to please it"] : []),
      ].join(", "),
    ]),
    ["prompts", formatCount(matched.prompts.length)],
    ["seed", String(options.seed)],
    ["confidence", String(options.confidence)],
    ...(options.margin === undefined
      ? []
      : [["margin", String(options.margin)] as [string, string]]),
  ];
}
