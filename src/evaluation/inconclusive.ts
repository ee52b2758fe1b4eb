/**
 * Why a comparison of two models' answers shows nothing: answers that are empty, all the same or
 * cut, or the same from both.
 */
import { countOf } from "../core/counts.ts";
import { ANSWER_LIMITS, answerFaults, faultText } from "../text/answer-faults.ts";
import type { EvaluatedModel } from "./evaluated-model.ts";

const textsOf = ({ name, answers }: EvaluatedModel): string[] =>
  answerFaults(answers.map(({ text, stopped }) => ({ text, stopped }))).map(
    (fault) => `${name}: ${faultText(fault)}`,
  );

/** @returns one clause; undefined where the comparison may show something */
export function whyInconclusive(
  model: EvaluatedModel,
  baseline: EvaluatedModel,
): string | undefined {
  const reasons = [...textsOf(model), ...textsOf(baseline)];
  const equal = model.answers.filter(({ text }, i) => text === baseline.answers[i]?.text).length;
  const { share, least } = ANSWER_LIMITS.identical;
  if (reasons.length === 0 && model.answers.length >= least && equal / model.answers.length > share)
    reasons.push(
      `${equal} of ${countOf(model.answers.length, "answer")} of ${model.name} are those of ` +
        `${baseline.name}`,
    );
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** Why nothing can be said, by model; only models whose comparison with the first shows nothing. */
export function inconclusiveModels([baseline, ...others]: readonly EvaluatedModel[]): ReadonlyMap<
  string,
  string
> {
  return new Map(
    others.flatMap((model) => {
      const why = whyInconclusive(model, baseline!);
      return why === undefined ? [] : [[model.name, why] as const];
    }),
  );
}

/** Models with one reason share a sentence. */
export function inconclusiveText(
  reasons: ReadonlyMap<string, string>,
  baseline: string,
): string | undefined {
  if (reasons.size === 0) return undefined;
  const byReason = new Map<string, string[]>();
  for (const [name, why] of reasons) byReason.set(why, [...(byReason.get(why) ?? []), name]);
  return [...byReason]
    .map(
      ([why, names]) =>
        `Nothing can be concluded about ${names.join(", ")} against ${baseline}: ${why}.`,
    )
    .join(" ");
}
