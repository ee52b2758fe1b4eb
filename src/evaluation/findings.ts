/**
 * What an evaluation found, as data. Everything that shows it is made of this: the terminal, the
 * page (report/findings-page.ts), `--json`, JUnit and `--fail-under`.
 */
import { AttuneError } from "../core/errors.ts";
import type { Interval } from "../stats/intervals.ts";
import type { Chart } from "./chart.ts";
import type { Concluded, Conclusion } from "./conclusion.ts";
import type { ItemScore } from "./items.ts";
import type { ReportPart } from "./page.ts";

export type { Concluded, Conclusion };

export type Unit = "share" | "points" | "nats" | "score" | "tokens" | "words" | "rating" | "pairs";

/** One number that was measured. */
export interface Measure {
  /**
   * Words joined by slashes, lower case, stable: `compare/dpo/win-rate`. What JSON, JUnit and
   * `--fail-under` call it.
   */
  id: string;
  /** In words, for a reader. */
  name: string;
  /** A share is 0 to 1, and points are a difference of shares, -1 to 1. */
  value: Interval;
  unit: Unit;
  good: "higher" | "lower" | "neither";
  /** What it is the mean of, where it is one; kept beside the findings (items-file.ts). */
  items?: readonly ItemScore[];
}

/** One question with its answer. */
export interface Finding extends Concluded {
  /** Lower case with hyphens, unique on its page: `is-it-better`. */
  id: string;
  /** As a reader would ask: "Is it better?". */
  question: string;
  /** The answer, one or two plain sentences with the numbers that carry it. */
  answer: string;
  /** The same for a verdict, which holds no chain of numbers; the answer itself where left out. */
  brief?: string;
  measures: readonly Measure[];
  /** Figures that show the answer; at most two or three. */
  figures: readonly ReportPart[];
  /** Everything else, folded on the page and left out in the terminal. */
  details: readonly ReportPart[];
}

/** What a whole evaluation amounts to. */
export interface Verdict extends Concluded {
  sentence: string;
}

/** What a whole evaluation found. */
export interface Findings {
  /** What was evaluated: "dpo against sft". */
  title: string;
  /** The verdict in words, first on every page and last in the terminal. */
  verdict: Verdict;
  /** The one picture of the verdict. */
  picture?: Chart;
  findings: readonly Finding[];
  /** What was left out, guessed or may mislead, each with a count and an example. */
  warnings: readonly string[];
  /** How it can be done again: command, seed, versions, hashes, dates. */
  facts: readonly (readonly [name: string, value: string])[];
}

/**
 * All measures of a page, in order.
 * @throws AttuneError `internal` where two have one id, of which a threshold would test the first
 */
export function measuresOf({ findings }: Pick<Findings, "findings">): Measure[] {
  const all = findings.flatMap(({ measures }) => measures);
  const ids = new Set<string>();
  for (const { id } of all) {
    if (ids.has(id))
      throw new AttuneError("internal", "internal: two measures have one id", { got: id });
    ids.add(id);
  }
  return all;
}
