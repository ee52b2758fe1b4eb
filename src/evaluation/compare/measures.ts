/** Names of measures that stay the same from run to run, and what each judge's figures are called. */
import type { Interval } from "../../stats/intervals.ts";
import type { Measure } from "../findings.ts";
import { slugs } from "../measure-names.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import { isBelieved } from "./headline.ts";

/** Ids of what a judge says of a pair: the judge's name is left out for the one of the verdict. */
export class MeasureNames {
  private readonly models: ReadonlyMap<string, string>;
  private readonly judges: ReadonlyMap<string, string>;
  private readonly baseline: string;
  private readonly headline: string;

  constructor({ models, judges }: Comparison, headline: string) {
    this.models = slugs(models.map(({ name }) => name));
    this.judges = slugs(judges.map(({ name }) => name));
    this.baseline = models[0]!.name;
    this.headline = headline;
  }

  ofPair({ candidate, baseline }: PairResult, judge: string, what: string): string {
    const over = baseline === this.baseline ? "" : `-over-${this.models.get(baseline)!}`;
    return this.of(`${this.models.get(candidate)!}${over}`, judge, what);
  }

  ofModel(model: string, judge: string, what: string): string {
    return this.of(this.models.get(model)!, judge, what);
  }

  ofJudge(judge: string, what: string): string {
    return `compare/judge/${this.judges.get(judge)!}/${what}`;
  }

  judge(name: string): string {
    return this.judges.get(name)!;
  }

  private of(subject: string, judge: string, what: string): string {
    return [
      "compare",
      subject,
      ...(judge === this.headline ? [] : [this.judges.get(judge)!]),
      what,
    ].join("/");
  }
}

/**
 * What a judge that is not believed measured, or what was measured of answers that show nothing, is
 * no measure: whatever is asked of it fails.
 */
export function believed(
  judge: JudgeResult,
  { verdict }: Pick<PairResult, "verdict">,
  value: Interval,
): Interval {
  const nothing = { ...value, low: 0, high: 1 };
  if (!isBelieved(judge))
    return { ...nothing, noClaim: `${judge.name} is fooled, and not believed` };
  if (verdict.conclusion !== "no conclusion") return value;
  return { ...nothing, noClaim: value.noClaim ?? "nothing can be concluded of these answers" };
}

export function shareMeasure(id: string, name: string, value: Interval): Measure {
  return { id, name, value, unit: "share", good: "higher" };
}
