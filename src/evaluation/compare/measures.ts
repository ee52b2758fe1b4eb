/** Names of measures that stay the same from run to run, and what each judge's figures are called. */
import type { Interval } from "../../stats/intervals.ts";
import type { Measure } from "../findings.ts";
import { slugs } from "../measure-names.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import type { Headline } from "./headline.ts";
import { byWeight, isBelieved } from "./headline.ts";

/**
 * Ids of what a judge says of a pair: the judge's name is left out for the one of most weight, which
 * is known before anything is judged, so that an id never means another judge in another run.
 */
export class MeasureNames {
  private readonly models: ReadonlyMap<string, string>;
  private readonly judges: ReadonlyMap<string, string>;
  private readonly baseline: string;
  private readonly first: string;

  constructor({ models, judges }: Pick<Comparison, "models" | "judges">) {
    this.models = slugs(models.map(({ name }) => name));
    this.judges = slugs(judges.map(({ name }) => name));
    this.baseline = models[0]!.name;
    this.first = byWeight(judges)[0]!.name;
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
      ...(judge === this.first ? [] : [this.judges.get(judge)!]),
      what,
    ].join("/");
  }
}

/**
 * What a judge that is not believed measured, what judges contradict each other about, or what was
 * measured of answers that show nothing, is no measure: whatever is asked of it fails.
 */
export function believed(
  judge: JudgeResult,
  pair: Pick<PairResult, "candidate" | "baseline" | "verdict">,
  { value, headline }: { value: Interval; headline: Headline },
): Interval {
  const nothing = { ...value, low: 0, high: 1 };
  const why = whyNoMeasure(judge, [pair], headline);
  return why === undefined ? value : { ...nothing, noClaim: value.noClaim ?? why };
}

/** Why nothing can be asked of what a judge says of pairs; undefined where something can. */
export function whyNoMeasure(
  judge: JudgeResult,
  pairs: readonly Pick<PairResult, "candidate" | "baseline" | "verdict">[],
  { isOpen }: Headline,
): string | undefined {
  if (!isBelieved(judge)) return `${judge.name} is fooled, and not believed`;
  if (pairs.some((pair) => isOpen(judge, pair))) return "judges contradict each other";
  return pairs.every(({ verdict }) => verdict.conclusion === "no conclusion")
    ? "nothing can be concluded of these answers"
    : undefined;
}

export function shareMeasure(id: string, name: string, value: Interval): Measure {
  return { id, name, value, unit: "share", good: "higher" };
}
