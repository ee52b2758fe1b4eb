/** What is asked of findings, and whether they reach it: `--fail-under` and `--fail-on`. */
import { AttuneError, nearest } from "../core/errors.ts";
import { formatPlainList } from "./plain-list.ts";
import type { Conclusion } from "./conclusion.ts";
import { CONCLUSIONS } from "./conclusion.ts";
import type { Concluded, Findings, Measure } from "./findings.ts";
import { measuresOf } from "./findings.ts";
import { checkMeasureId } from "./measure-ids.ts";
import { claims, formatInUnit, measureText } from "./measure-text.ts";
import type { OutcomeConfig } from "./outcome.config.ts";

/** One thing that was asked, with what came of it. */
export interface Requirement {
  /** `compare/dpo/win-rate >= 0.5`. */
  name: string;
  met: boolean;
  /** With estimate, interval and n. */
  sentence: string;
}

/** A bound that a measure's interval has to reach. */
export interface Threshold {
  id: string;
  value: number;
  /** As it was written. */
  text: string;
}

/**
 * Reads `ID=VALUE` before anything is measured.
 * @throws AttuneError `usage`
 */
export function parseThresholds(texts: readonly string[]): Threshold[] {
  return texts.map((text) => {
    const [, id, number, percent] =
      /^\s*([^=\s]+)\s*=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%?)\s*$/i.exec(text) ?? [];
    if (id === undefined)
      throw new AttuneError("usage", "--fail-under takes ID=VALUE", {
        got: text,
        expected: "such as compare/dpo/win-rate=0.5",
      });
    return { id, value: Number(number) / (percent === "%" ? 100 : 1), text };
  });
}

/**
 * Reads the conclusions of `--fail-on`; hyphens may stand for spaces.
 * @throws AttuneError `usage`
 */
export function parseConclusions(words: readonly string[]): Conclusion[] {
  return words.map((word) => {
    const plain = word.trim().toLowerCase().replaceAll(/[-_]/g, " ");
    const found = CONCLUSIONS.find((each) => each === plain);
    if (found !== undefined) return found;
    const near = nearest(plain, CONCLUSIONS);
    throw new AttuneError("usage", `there is no conclusion ${word}`, {
      expected: CONCLUSIONS.join(", "),
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  });
}

/**
 * Whether options ask for something that cannot be, before anything is measured; see
 * {@link judgeFindings}.
 * @param parts that are asked for, by their names in measure-ids.ts
 * @throws AttuneError `usage`
 */
export function checkRequirements(
  { failUnder, failOn }: OutcomeConfig,
  parts: readonly string[],
): void {
  for (const { id } of parseThresholds(failUnder)) checkMeasureId(id, parts);
  parseConclusions(failOn);
}

/**
 * What was asked of the findings, in the order of the options.
 * @throws AttuneError `usage` for a measure that there is not, or that is neither good nor bad
 */
export function judgeFindings(
  findings: Findings,
  { failUnder, failOn }: Pick<OutcomeConfig, "failUnder" | "failOn">,
): Requirement[] {
  const measures = measuresOf(findings);
  const conclusions = parseConclusions(failOn);
  return [
    ...parseThresholds(failUnder).map((threshold) => reach(threshold, measures)),
    ...conclusions.map((conclusion) => avoid(conclusion, findings)),
  ];
}

function reach({ id, value, text }: Threshold, measures: readonly Measure[]): Requirement {
  const measure = measures.find((each) => each.id === id);
  if (!measure) throw unknown(id, measures);
  const { good, unit } = measure;
  if (good === "neither")
    throw new AttuneError("usage", `${id} is good neither high nor low`, {
      got: text,
      expected: formatPlainList(
        measures.filter((each) => each.good !== "neither").map((each) => each.id),
      ),
    });
  if ((unit === "share" || unit === "points") && Math.abs(value) > 1)
    throw new AttuneError(
      "usage",
      `${id} is a ${unit === "share" ? "share" : "difference of shares"}`,
      {
        got: text,
        expected: `between ${unit === "share" ? 0 : -1} and 1, or with a per cent sign`,
      },
    );
  const low = good === "higher";
  const end = low ? measure.value.low : measure.value.high;
  const met = claims(measure.value) && (low ? end >= value : end <= value);
  const told = `${measure.name} (${id}) is ${measureText(measure)}`;
  const wanted = formatInUnit(value, unit);
  const why = claims(measure.value)
    ? `the ${low ? "lower" : "upper"} end of its interval ${met ? "reaches" : "does not reach"} ${wanted}`
    : "without an interval nothing is reached";
  return { name: `${id} ${low ? ">=" : "<="} ${value}`, met, sentence: `${told}: ${why}` };
}

function unknown(id: string, measures: readonly Measure[]): AttuneError {
  const ids = measures.map((each) => each.id);
  const near = nearest(id, ids) ?? ids.find((each) => each.endsWith(`/${id}`));
  return new AttuneError("usage", `there is no measure ${id}`, {
    expected: formatPlainList(ids),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

function avoid(conclusion: Conclusion, { verdict, findings }: Findings): Requirement {
  const concludes = (each: Concluded): boolean =>
    each.conclusion === conclusion || (each.conclusions ?? []).includes(conclusion);
  const met = findings.filter(concludes);
  const where = [
    ...(verdict.conclusion === conclusion
      ? [`the verdict is "${conclusion}": ${verdict.sentence}`]
      : []),
    ...met.map(({ question, answer }) => `${question} ${answer}`),
  ];
  return {
    name: `not ${conclusion}`,
    met: where.length === 0,
    sentence: where.length === 0 ? `no answer is "${conclusion}"` : where.join(" "),
  };
}
