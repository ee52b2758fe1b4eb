/** What is known of each person: how often right, gold, leanings, pace, and whether flagged. */
import type { Anomaly } from "../../stats/annotators/anomaly.ts";
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, shareInterval } from "../../stats/intervals.ts";
import { kindNamed } from "../kinds/index.ts";
import type { JudgementFacts, PersonFacts } from "./facts.ts";
import type { ProjectLabels } from "./labels.ts";

export interface PersonReliability {
  readonly person: PersonFacts;
  readonly judgements: number;
  readonly ties: number;
  /** Judgements of flagged tasks. */
  readonly flags: number;
  /** How often right, by the annotators' model; ties left out. */
  readonly accuracy: Interval;
  /** How often another of the same task says the same. */
  readonly agreement: Interval;
  readonly gold: { readonly right: number; readonly of: number };
  /** Share of choices of the left answer, less a half; of those whose side is known. */
  readonly leftBias: Interval;
  /** Median seconds of a judgement; undefined of imported ones. */
  readonly seconds?: number;
  /** Quicker than the project's least. */
  readonly tooQuick: number;
  readonly anomaly?: Anomaly;
}

const HALF = [-0.5, 0.5] as const;

export function peopleOf(
  { facts, estimates }: ProjectLabels,
  { minimumSeconds, confidence = 0.95 }: { minimumSeconds: number; confidence?: number },
): PersonReliability[] {
  const own: JudgementFacts[][] = facts.people.map(() => []);
  for (const judgement of facts.judgements) own[judgement.person]!.push(judgement);
  const says = saysOf(facts.kind);
  const byTask = new Map<number, { person: number; said: string }[]>();
  for (const { task, person, judgement } of facts.judgements) {
    const said = says(judgement);
    if (said === undefined) continue;
    const list = byTask.get(task);
    if (list === undefined) byTask.set(task, [{ person, said }]);
    else list.push({ person, said });
  }
  const main = estimates[0];
  const sides = sidesOf(main);
  return facts.people.flatMap((person, j): PersonReliability[] => {
    const judged = own[j]!;
    if (judged.length === 0) return [];
    const here = judged.filter(({ origin }) => origin === undefined);
    const shared = judged.flatMap(({ task, judgement }) => {
      const said = says(judgement);
      const others = (byTask.get(task) ?? []).filter(({ person: who }) => who !== j);
      if (said === undefined || others.length === 0) return [];
      const agreeing = others.filter((other) => other.said === said).length;
      return [{ share: agreeing / others.length, cluster: facts.tasks[task]!.cluster }];
    });
    const gold = judged.flatMap(({ task, judgement }) => {
      const known = facts.tasks[task]!.gold;
      return known === undefined || known === null ? [] : [says(known) === says(judgement)];
    });
    const anomaly = main?.anomalies[j];
    return [
      {
        person,
        judgements: judged.length,
        ties: judged.filter(({ judgement }) => says(judgement) === "tie").length,
        flags: judged.filter(({ flagged }) => flagged).length,
        accuracy: main?.accuracies[j] ?? NOT_TOLD,
        agreement: shareInterval(
          shared.map(({ share }) => share),
          { confidence, clusters: shared.map(({ cluster }) => cluster) },
        ),
        gold: { right: gold.filter(Boolean).length, of: gold.length },
        leftBias: meanInterval(sides.get(j) ?? [], { confidence, range: HALF }),
        ...(here.length === 0
          ? {}
          : { seconds: median(here.map(({ shownMs }) => shownMs)) / 1000 }),
        tooQuick: here.filter(({ shownMs }) => shownMs < minimumSeconds * 1000).length,
        ...(anomaly === undefined ? {} : { anomaly }),
      },
    ];
  });
}

const NOT_TOLD: Interval = {
  estimate: NaN,
  low: 0,
  high: 1,
  n: 0,
  noClaim: "texts are not right or wrong",
};

const saysOf =
  (kind: ProjectLabels["facts"]["kind"]) =>
  (judgement: unknown): string | undefined =>
    kindNamed(kind).agreement(judgement);

/** Half above or below for each choice of left or right, by person. */
function sidesOf(main: ProjectLabels["estimates"][number] | undefined): Map<number, number[]> {
  const sides = new Map<number, number[]>();
  for (const { person, outcome, firstLeft } of main?.question.votes ?? []) {
    if (firstLeft === undefined || outcome === 0.5) continue;
    const own = sides.get(person) ?? [];
    own.push((outcome === 1) === firstLeft ? 0.5 : -0.5);
    sides.set(person, own);
  }
  return sides;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
