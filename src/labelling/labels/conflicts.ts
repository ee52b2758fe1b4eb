/**
 * Where axes pull apart: helpful prefers one answer, harmless the other. Counted and shown, so that
 * nobody averages it away.
 */
import type { ProjectLabels } from "./labels.ts";

export interface AxisConflict {
  /** Two axes; '' is the task's own question. */
  readonly axes: readonly [string, string];
  /** Tasks on which both prefer the same answer, different ones, or one of them neither. */
  readonly same: number;
  readonly apart: number;
  readonly undecided: number;
  /** Tasks on which they are apart, by their indices, the surest first. */
  readonly examples: readonly number[];
}

const EXAMPLES = 20;

export function conflictsOf({ labels, facts }: ProjectLabels): AxisConflict[] {
  const names = ["", ...facts.axes];
  return names.flatMap((first, n) =>
    names.slice(n + 1).map((second): AxisConflict => {
      let [same, apart, undecided] = [0, 0, 0];
      const examples: { task: number; sure: number }[] = [];
      for (const { task, label, axes } of labels) {
        const one = first === "" ? label : axes[first];
        const other = axes[second];
        if (one === undefined || other === undefined) continue;
        const lean = (one.p - 0.5) * (other.p - 0.5);
        if (lean === 0) undecided++;
        else if (lean > 0) same++;
        else {
          apart++;
          examples.push({ task, sure: -lean });
        }
      }
      return {
        axes: [first, second],
        same,
        apart,
        undecided,
        examples: examples
          .toSorted((a, b) => b.sure - a.sure)
          .slice(0, EXAMPLES)
          .map(({ task }) => task),
      };
    }),
  );
}
