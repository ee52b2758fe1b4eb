/**
 * Is it as helpful as the reference answers? A judge compares the two to each prompt, blind and in
 * both orders, as `attune compare` does (compare/compare.ts), with its controls.
 */
import type { Row } from "../../data/readers/row.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll, asUser, faultTexts, whyNothing } from "../behaviour/asking.ts";
import type { Measured, Measuring } from "../behaviour/measured.ts";
import { noConclusion, Remarks } from "../behaviour/measured.ts";
import { missingOf, withMissing } from "../behaviour/missing.ts";
import type { AnswerSet } from "../compare/answer-set.ts";
import { compareModels, mostPairs, plannedPairs } from "../compare/compare.ts";
import type { CompareOptions } from "../compare/comparison.ts";
import { comparisonFindings } from "../compare/findings.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { matchAnswers } from "../compare/match.ts";
import type { Finding } from "../findings.ts";
import type { Subject } from "../subject.ts";
import type { ReferencePrompt } from "./reference-rows.ts";
import { readReferences } from "./reference-rows.ts";

const REFERENCES = "the reference answers";
const STAGE = "answers to judge";
/** Prompts on which the judge itself is tried, as `attune compare` does. */
const PROBES = 20;

interface GivenAnswer extends ReferencePrompt {
  readonly answer: { readonly text: string; readonly stopped: boolean };
}

const setsOf = (
  given: readonly GivenAnswer[],
  { name, fingerprint }: Pick<Subject, "name" | "fingerprint">,
): AnswerSet[] => [
  {
    name: REFERENCES,
    source: "the data",
    fingerprint: "data",
    answers: given.map(({ prompt, reference }) => ({ prompt, text: reference })),
  },
  {
    name,
    source: name,
    fingerprint,
    answers: given.map(({ prompt, answer: { text, stopped } }) => ({ prompt, text, stopped })),
  },
];

const optionsFor = (prompts: number, seed: number): CompareOptions => ({
  seed,
  confidence: 0.95,
  pairs: "baseline",
  controls: true,
  probes: Math.min(PROBES, prompts),
});

/**
 * Pairs of answers that a judge will be asked about where the model answers every prompt, and where
 * the judge also prefers every control.
 * @param text stands for each answer
 */
export function referencePairs(
  references: readonly ReferencePrompt[],
  text: string,
  seed: number,
): { planned: number; most: number } {
  if (references.length === 0) return { planned: 0, most: 0 };
  const answer = { text, stopped: true };
  const options = optionsFor(references.length, seed);
  const matched = matchAnswers(
    setsOf(
      references.map((each) => ({ ...each, answer })),
      { name: "the model", fingerprint: "" },
    ),
    options,
  );
  const judge = { kind: "critic" } as const;
  return {
    planned: plannedPairs(judge, matched, options),
    most: mostPairs(judge, matched, options),
  };
}

export async function againstReferences(
  measuring: Measuring,
  rows: readonly Row[],
  { ask, judge }: { ask: AskOptions; judge: ComparisonJudge },
): Promise<Measured> {
  const remarks = new Remarks();
  const references = readReferences(rows, remarks);
  const answers = await askAll(
    measuring,
    references.map(({ prompt }) => asUser(prompt)),
    { ...ask, stage: STAGE, remarks },
  );
  const warnings = [...remarks.texts("row"), ...faultTexts(answers)];
  const why = whyNothing(answers);
  if (why !== undefined)
    return {
      findings: [
        noConclusion("helpful-is-it-better", "Is it as helpful as the reference answers?", why),
      ],
      warnings,
    };
  const given = references.flatMap(({ prompt, reference }, i) => {
    const answer = answers[i];
    return answer ? [{ prompt, reference, answer }] : [];
  });
  const { subject, signal, onProgress } = measuring;
  const comparison = await compareModels({
    sets: setsOf(given, subject),
    judges: [judge],
    options: optionsFor(given.length, ask.seed),
    hooks: {
      signal,
      onProgress: ({ done, total }) => onProgress?.("judging", done, total),
    },
  });
  const found = comparisonFindings(comparison);
  const missing = missingOf(answers, remarks.whyMissing(STAGE));
  const [first, ...others] = found.findings.map(ofThisPart);
  const named = { ...first!, than: "the reference answers", brief: found.verdict.sentence };
  return {
    findings: [withMissing(named, missing, { thing: "prompt" }), ...others],
    warnings: [...warnings, ...found.warnings],
  };
}

/** With ids that no other part's comparison has. */
const ofThisPart = (finding: Finding): Finding => ({
  ...finding,
  id: `helpful-${finding.id}`,
  measures: finding.measures.map((measure) => ({
    ...measure,
    id: measure.id.replace(/^compare\//, "helpful/"),
  })),
});
