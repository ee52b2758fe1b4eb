/** The judgements of one person that the others' contradict most. */
import { kindNamed } from "../kinds/index.ts";
import type { ProjectLabels } from "../labels/labels.ts";

export interface AgainstConsensus {
  /** Number of the task. */
  readonly task: number;
  readonly judgement: unknown;
  readonly consensus: unknown;
  /** Probability that this judgement is right. */
  readonly probability: number;
}

const MOST = 20;

export function against({ facts, labels }: ProjectLabels, person: number): AgainstConsensus[] {
  if (facts.kind !== "compare" && facts.kind !== "accept") return [];
  const says = kindNamed(facts.kind);
  const byTask = new Map(labels.map((label) => [label.task, label]));
  return facts.judgements
    .flatMap(({ task, person: who, judgement }): AgainstConsensus[] => {
      const label = byTask.get(task);
      const said = says.agreement(judgement);
      if (who !== person || label === undefined || label.label.votes < 2) return [];
      if (said === "tie" || said === says.agreement(label.consensus)) return [];
      return [
        {
          task: facts.tasks[task]!.id,
          judgement,
          consensus: label.consensus,
          probability: 1 - label.certainty,
        },
      ];
    })
    .toSorted((a, b) => a.probability - b.probability)
    .slice(0, MOST);
}
