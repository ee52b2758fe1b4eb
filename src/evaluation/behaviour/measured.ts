/** What a measure of a model's behaviour is given besides its data, and what comes of it. */
import { countOf } from "../../core/counts.ts";
import { preview } from "../../core/errors.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Finding } from "../findings.ts";
import type { Subject } from "../subject.ts";

/** Who is measured, and who is told how far it is. */
export interface Measuring {
  readonly subject: Subject;
  readonly signal?: AbortSignal | undefined;
  /** After each request of a stage, such as "answers". */
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
  /** Share of a stage's questions that may get no answer; 1 where left out. */
  readonly maxMissing?: number;
}

/** Findings of a part, and what was left out, guessed or may mislead. */
export interface Measured {
  readonly findings: readonly Finding[];
  /** Each with a count and an example. */
  readonly warnings: readonly string[];
}

/** Things that were left out or guessed, counted by what they are, with the first of each. */
export class Remarks {
  private readonly found = new Map<string, { count: number; example: string }>();
  private readonly lacking = new Map<string, string>();

  /** @param example what it was, or where; shortened */
  add(what: string, example: unknown): void {
    const known = this.found.get(what);
    if (known) known.count++;
    else
      this.found.set(what, {
        count: 1,
        example: typeof example === "string" ? preview(example) : preview(example),
      });
  }

  /** A question of a stage got nothing. */
  lack(stage: string, what: string, why: string): void {
    this.add(`${what} (${stage})`, why);
    if (!this.lacking.has(stage)) this.lacking.set(stage, why);
  }

  /** Why the first question of a stage that got nothing got nothing. */
  whyMissing(stage: string): string {
    return this.lacking.get(stage) ?? "";
  }

  /** How often something was met. */
  count(what: string): number {
    return this.found.get(what)?.count ?? 0;
  }

  /** `3 rows: the answer is missing, such as "..."`. */
  texts(thing: string, things?: string): string[] {
    return [...this.found].map(
      ([what, { count, example }]) =>
        `${countOf(count, thing, things)}: ${what}, such as ${example}`,
    );
  }
}

/** A question that the data do not answer, with why. */
export function noConclusion(
  id: string,
  question: string,
  why: string,
  rest: Partial<Pick<Finding, "measures" | "details">> = {},
): Finding {
  return {
    id,
    question,
    conclusion: "no conclusion",
    answer: `Nothing can be concluded: ${why}.`,
    measures: rest.measures ?? [],
    figures: [],
    details: rest.details ?? [],
  };
}

/** Nothing was observed. */
export const NOTHING: Interval = {
  estimate: NaN,
  low: 0,
  high: 1,
  n: 0,
  noClaim: "nothing observed",
};

/** Labels of clusters; undefined where each observation is its own. */
export function clustersFor(
  labels: readonly (string | number)[],
): readonly (string | number)[] | undefined {
  return new Set(labels).size === labels.length ? undefined : labels;
}
