/** Answer sets and judges of tests, made of a few words. */
import type { Judge, NoJudgement } from "../../../training/rollout/judge.ts";
import type { AnswerSet, SetAnswer } from "../answer-set.ts";
import type { CompareOptions } from "../comparison.ts";
import type { ComparisonJudge } from "../judges.ts";

export const PLAIN: CompareOptions = {
  seed: 1,
  confidence: 0.95,
  pairs: "baseline",
  controls: false,
  probes: 0,
};

/** One answer to each of `prompt 0`, `prompt 1`, ... */
export const setOf = (
  name: string,
  texts: readonly string[],
  extra: (index: number) => Partial<SetAnswer> = () => ({}),
): AnswerSet => ({
  name,
  source: `${name}.jsonl`,
  fingerprint: `hash of ${name}`,
  answers: texts.map((text, i) => ({ prompt: `prompt ${i}`, text, ...extra(i) })),
});

export const times = (count: number, text: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => text(i));

/** A judge that answers at once. */
export const judgeOf = (
  name: string,
  compare: (first: string, second: string, prompt: string) => number | NoJudgement,
  extra: Partial<ComparisonJudge> & { concurrency?: number } = {},
): ComparisonJudge => {
  const { concurrency, ...rest } = extra;
  const judge: Judge = {
    name,
    compare: async (prompt, first, second) => compare(first, second, prompt as string),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  return { kind: "function", name, judge, ...rest };
};

/** Prefers what is marked: "good 3" over "bad 3". */
export const likesGood = (name = "fair", extra: Partial<ComparisonJudge> = {}): ComparisonJudge =>
  judgeOf(
    name,
    (first, second) => {
      const [a, b] = [first, second].map((text) => (text.startsWith("good") ? 1 : 0)) as [
        number,
        number,
      ];
      return a === b ? 0.5 : a > b ? 1 : 0;
    },
    extra,
  );

/** Texts and paths of all numbers that are no number, but for intervals that say why. */
export function notNumbers(value: unknown, path = "", excused = false): string[] {
  if (typeof value === "number")
    return Number.isFinite(value) || (excused && !Number.isNaN(value)) ? [] : [`${path}: ${value}`];
  if (typeof value === "string")
    return /\bNaN\b|Infinity|undefined/.test(value) ? [`${path}: ${value}`] : [];
  if (Array.isArray(value)) return value.flatMap((item, i) => notNumbers(item, `${path}[${i}]`));
  if (typeof value !== "object" || value === null) return [];
  const none = "noClaim" in value;
  return Object.entries(value).flatMap(([key, item]) => notNumbers(item, `${path}.${key}`, none));
}
