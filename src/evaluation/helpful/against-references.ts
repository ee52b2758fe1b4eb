/**
 * Is it as helpful as the reference answers? A judge compares the two to each prompt, blind and in
 * both orders, as `attune compare` does (compare/compare.ts), with its controls.
 */
import type { Row } from "../../data/readers/row.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll, asUser, faultTexts, whyNothing } from "../behaviour/asking.ts";
import type { Measured, Measuring } from "../behaviour/measured.ts";
import { noConclusion, Remarks } from "../behaviour/measured.ts";
import { compareModels } from "../compare/compare.ts";
import { comparisonFindings } from "../compare/findings.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import type { Finding } from "../findings.ts";
import { readReferences } from "./reference-rows.ts";

const REFERENCES = "the reference answers";
/** Prompts on which the judge itself is tried, as `attune compare` does. */
const PROBES = 20;

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
    { ...ask, stage: "answers to judge", remarks },
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
    sets: [
      {
        name: REFERENCES,
        source: "the data",
        fingerprint: "data",
        answers: given.map(({ prompt, reference }) => ({ prompt, text: reference })),
      },
      {
        name: subject.name,
        source: subject.name,
        fingerprint: subject.fingerprint,
        answers: given.map(({ prompt, answer: { text, stopped } }) => ({ prompt, text, stopped })),
      },
    ],
    judges: [judge],
    options: {
      seed: ask.seed,
      confidence: 0.95,
      pairs: "baseline",
      controls: true,
      probes: Math.min(PROBES, given.length),
    },
    hooks: {
      signal,
      onProgress: ({ done, total }) => onProgress?.("judging", done, total),
    },
  });
  const found = comparisonFindings(comparison);
  return {
    findings: found.findings.map(ofThisPart),
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
