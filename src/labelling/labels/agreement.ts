/** How far people agree: on the task's own question, and along each axis. */
import type { ItemLabels } from "../../stats/agreement.ts";
import {
  agreementInterval,
  alphaInterval,
  fleissInterval,
} from "../../stats/agreement-intervals.ts";
import { labelNoise } from "../../stats/annotators/label-noise.ts";
import type { Interval } from "../../stats/intervals.ts";
import { kindNamed } from "../kinds/index.ts";
import type { ComparisonJudgement } from "../kinds/compare.ts";
import type { ProjectFacts } from "./facts.ts";

export interface AgreementOf {
  /** Name of the axis; '' for the task's own question. */
  readonly axis: string;
  /** Tasks on which two people or more answered. */
  readonly tasks: number;
  /** How often two of one task say the same. */
  readonly raw: Interval;
  /** Krippendorff's. */
  readonly alpha: Interval;
  /** Fleiss'. */
  readonly kappa: Interval;
  /** No model can be right on more single votes than this; of comparisons without ties. */
  readonly ceiling?: Interval;
}

/** More tasks than these are drawn from evenly: intervals hardly shrink beyond. */
const MOST_TASKS = 20_000;

export function agreementOf(facts: ProjectFacts, confidence = 0.95): AgreementOf[] {
  const { kind, axes } = facts;
  if (kind === "rewrite" || kind === "critique") return [];
  const named = kindNamed(kind);
  const own = (judgement: unknown): string | undefined => named.agreement(judgement);
  const along =
    (axis: string) =>
    (judgement: unknown): string | undefined => {
      const choice = (judgement as ComparisonJudgement).axes?.[axis];
      return choice === undefined
        ? undefined
        : named.agreement({ choice } satisfies ComparisonJudgement);
    };
  return [
    agreementAlong(facts, { axis: "", says: own, confidence }),
    ...(kind === "compare" ? axes : []).map((axis) =>
      agreementAlong(facts, { axis, says: along(axis), confidence }),
    ),
  ];
}

function agreementAlong(
  { kind, tasks, judgements }: ProjectFacts,
  {
    axis,
    says,
    confidence,
  }: { axis: string; says: (judgement: unknown) => string | undefined; confidence: number },
): AgreementOf {
  const byTask = new Map<number, string[]>();
  for (const { task, judgement } of judgements) {
    const said = says(judgement);
    if (said === undefined || tasks[task]!.dropped === true) continue;
    const own = byTask.get(task);
    if (own === undefined) byTask.set(task, [said]);
    else own.push(said);
  }
  const shared = [...byTask].filter(([, labels]) => labels.length > 1);
  const step = Math.max(1, Math.ceil(shared.length / MOST_TASKS));
  const kept = shared.filter((_, n) => n % step === 0);
  const items: ItemLabels[] = kept.map(([, labels]) => labels);
  const how = { confidence, clusters: kept.map(([task]) => tasks[task]!.cluster) };
  const decided = kept.flatMap(([task, labels]) => {
    const own = labels.filter((label) => label !== "tie");
    return own.length > 1 ? [{ own, cluster: tasks[task]!.cluster }] : [];
  });
  return {
    axis,
    tasks: shared.length,
    raw: agreementInterval(items, how),
    alpha: alphaInterval(items, how),
    kappa: fleissInterval(items, how),
    ...(kind === "compare"
      ? {
          ceiling: labelNoise(
            decided.map(({ own }) => own),
            { confidence, clusters: decided.map(({ cluster }) => cluster) },
          ).ceiling,
        }
      : {}),
  };
}
