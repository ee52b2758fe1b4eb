/**
 * Questions that got no answer: turned down by a server, or too long for the model. They stand in
 * the sentence of the finding with what they could change at most, and too many of them end the
 * evaluation.
 *
 * Source of the bounds: Horowitz and Manski (2000), for outcomes that are missing for whatever
 * reason.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { Finding, Measure } from "../findings.ts";
import { formatNumber } from "../table.ts";

/** Of questions that were asked together. */
export interface Missing {
  /** Those without an answer. */
  readonly count: number;
  readonly asked: number;
  /** Why one of them has none. */
  readonly why: string;
}

/** @param why the reason for one of those that are undefined */
export const missingOf = (replies: readonly unknown[], why: string): Missing => ({
  count: replies.filter((reply) => reply === undefined).length,
  asked: replies.length,
  why,
});

/**
 * Between what a measure would lie, had every missing one counted nothing or everything; undefined
 * where that has no bound.
 */
export function couldBe(
  { value: { estimate, n }, unit }: Pick<Measure, "value" | "unit">,
  missing: number,
): { low: number; high: number } | undefined {
  if (Number.isNaN(estimate) || (unit !== "share" && unit !== "points")) return undefined;
  const all = n + missing;
  const least = unit === "share" ? 0 : -missing;
  return { low: (estimate * n + least) / all, high: (estimate * n + missing) / all };
}

export interface MissingText {
  /** What was asked: "question". */
  readonly thing?: string;
  /** Of the first measure, where it is no plain mean; none where several measures share them. */
  readonly bound?: { readonly low: number; readonly high: number } | "none";
}

/** The finding with what is missing in its sentence. */
export function withMissing(
  finding: Finding,
  missing: Missing,
  { thing = "question", bound }: MissingText = {},
): Finding {
  if (missing.count === 0) return finding;
  const [measure] = finding.measures;
  const ends =
    bound === "none" ? undefined : (bound ?? (measure && couldBe(measure, missing.count)));
  const told =
    `${countOf(missing.count, thing)} of ${missing.asked} got no answer, such as ` +
    `${preview(missing.why)}, and ${missing.count === 1 ? "is" : "are"} in no number here`;
  const unit = measure?.unit === "points" ? " points" : "%";
  const could =
    ends && measure
      ? `; whatever ${missing.count === 1 ? "it" : "they"} had been, "${measure.name}" would lie ` +
        `between ${formatNumber(100 * ends.low, 1)} and ${formatNumber(100 * ends.high, 1)}${unit}`
      : "";
  const { brief } = finding;
  return {
    ...finding,
    answer: `${finding.answer} ${told}${could}.`,
    ...(brief === undefined
      ? {}
      : { brief: `${brief} ${countOf(missing.count, thing)} of ${missing.asked} got no answer.` }),
  };
}

/**
 * @param most share of questions that may be without an answer
 * @throws AttuneError `data` where more are
 */
export function checkMissing({ count, asked, why }: Missing, most: number, stage: string): void {
  if (count <= most * asked) return;
  throw new AttuneError("data", "too many questions got no answer", {
    got: `${count} of ${asked} (${stage}), such as ${preview(why, 300)}`,
    expected: `at most ${formatNumber(100 * most, 0)}% (--max-missing)`,
    hint:
      "what was answered is kept: `attune resume` asks the others again, and a run with a higher " +
      "--max-missing and --reuse FOLDER goes on without them",
  });
}
