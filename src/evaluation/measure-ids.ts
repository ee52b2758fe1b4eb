/**
 * Ids of the measures that each part of an evaluation may find, so that a threshold with another id
 * is refused before anything is asked. A star stands for a name: of a model, a file, a category.
 */
import { AttuneError, nearest } from "../core/errors.ts";

export const MEASURE_IDS = {
  honest: [
    "honest/accuracy",
    "honest/wrong-confident",
    "honest/wrong-doubtful",
    "honest/abstaining",
    "honest/admits-not-knowing",
    "honest/needless-doubt",
    "honest/tokens-overconfidence",
    "honest/stated-overconfidence",
    "honest/stated-brier",
    "honest/options-overconfidence",
    "honest/options-brier",
    "honest/selective/tokens",
    "honest/selective/stated",
    "honest/selective-excess/tokens",
    "honest/selective-excess/stated",
    "honest/belief-accuracy",
    "honest/belief-followed",
    "honest/talked-out",
    "honest/mended",
    "honest/multiple-choice-acc",
    "honest/multiple-choice-acc-norm",
    "honest/behaviour/*",
    "honest/sycophancy/*",
    "honest/sycophancy-probability/*",
  ],
  harmless: [
    "harmless/compliance-with-harm",
    "harmless/over-refusal",
    "harmless/full-refusal-safe",
    "harmless/full-refusal-unsafe",
    "harmless/neither-safe",
    "harmless/neither-unsafe",
    "harmless/detection-accuracy",
    "harmless/detection-accuracy-three",
  ],
  helpful: [
    "helpful/prompt-strict",
    "helpful/prompt-loose",
    "helpful/instruction-strict",
    "helpful/instruction-loose",
    "helpful/*/win-rate",
    "helpful/*/win-rate-equal-length",
    "helpful/*/win-rate-equal-style",
    "helpful/judge/*",
  ],
  tasks: ["tasks/*/*"],
  "reward-model": [
    "reward-model/accuracy",
    "reward-model/accuracy/*",
    "reward-model/lead",
    "reward-model/overconfidence",
    "reward-model/turned/*",
    "reward-model/change/*",
    "reward-model/best-of-*",
    "reward-model/rewardbench-2-average",
    "reward-model/rewardbench-2/*",
    "reward-model/rm-bench/hard",
    "reward-model/rm-bench/normal",
    "reward-model/rm-bench/easy",
    "reward-model/rm-bench/average",
  ],
  "over-optimisation": ["over-optimisation/*"],
  conflicts: ["conflicts/*/*"],
  compare: [
    "compare/*/win-rate",
    "compare/*/win-rate-equal-length",
    "compare/*/win-rate-equal-style",
    "compare/*/rating",
    "compare/judge/*",
  ],
  annotators: ["annotators/*"],
  align: [
    "align/*/reward-win-rate",
    "align/*/critic-win-rate",
    "align/*/score",
    "align/*/kl",
    "align/*/accuracy",
    "align/*/gold-since-peak",
    "align/*/gold-gain",
    "align/*/proxy-rise",
  ],
  quickstart: [
    "gold/*",
    "helpful/*-over-*",
    "honest/*-over-*",
    "harmless/*-over-*",
    "expense/*/*",
    "wins/*/*",
    "hacked/*/*",
    "stop/*/*",
    "reward-model/accuracy",
    "reward-model/agreement",
    "reward-model/lead-over-*",
    "constitution/*/*",
  ],
} as const;

type WithNames<Pattern extends string> = Pattern extends `${infer Before}*${infer After}`
  ? `${Before}${string}${WithNames<After>}`
  : Pattern;

/** An id that stands in the table. */
export type MeasureId = WithNames<(typeof MEASURE_IDS)[keyof typeof MEASURE_IDS][number]>;

/** Several files of one part number what they find. */
const matches = (pattern: string, id: string): boolean =>
  new RegExp(`^${pattern.replaceAll("*", ".+")}(?:-\\d+)?$`, "u").test(id);

/**
 * @param parts that are asked for, by their names in the table
 * @throws AttuneError `usage` for an id that none of them can find
 */
export function checkMeasureId(id: string, parts: readonly string[]): void {
  const table: Readonly<Record<string, readonly string[]>> = MEASURE_IDS;
  const patterns = parts.flatMap((part) => table[part] ?? []);
  if (patterns.some((pattern) => matches(pattern, id))) return;
  const other = Object.keys(table).find(
    (part) => !parts.includes(part) && table[part]!.some((pattern) => matches(pattern, id)),
  );
  const near = nearest(id, patterns) ?? patterns.find((pattern) => pattern.endsWith(`/${id}`));
  throw new AttuneError("usage", `there is no measure ${id}`, {
    expected: patterns.join(", "),
    hint:
      other !== undefined
        ? `it is one of ${other}, which is not asked for`
        : near !== undefined
          ? `did you mean ${near}?`
          : "* stands for a name",
  });
}
