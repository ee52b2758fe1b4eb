/** One label for each task: what is trained on, and what adjudicators look at. */
import type { ComparisonJudgement } from "../kinds/compare.ts";
import { STRENGTHS } from "../kinds/compare.ts";
import type { Choice } from "../kinds/kind.ts";
import type { Estimate, EstimateOptions, ItemLabel } from "./estimate.ts";
import { estimate } from "./estimate.ts";
import type { ProjectFacts } from "./facts.ts";
import { questionsOf } from "./questions.ts";

/** A label of two of a task's answers. */
export interface PairLabel extends ItemLabel {
  readonly first: number;
  readonly second: number;
}

export interface TaskLabel {
  /** Index into the tasks. */
  readonly task: number;
  /** Of the whole task: of a ranking, that of its least certain pair. */
  readonly label: ItemLabel;
  /** Of all pairs of a ranking. */
  readonly pairs: readonly PairLabel[];
  /** The likeliest judgement. */
  readonly consensus: unknown;
  /** Probability that the consensus is right; of a tie of all, how sure that is. */
  readonly certainty: number;
  /** Mean margin of those who say how much better, for the answer that the consensus chooses. */
  readonly margin?: number;
  /** P(the first answer is better along the axis). */
  readonly axes: Readonly<Record<string, ItemLabel>>;
}

export interface ProjectLabels {
  readonly facts: ProjectFacts;
  /** Of the task's own question first, then of the axes. */
  readonly estimates: readonly Estimate[];
  /** Of tasks with a judgement, gold or a decision, in the order of the tasks. */
  readonly labels: readonly TaskLabel[];
}

/** Piece by piece. */
export function* labelProject(
  facts: ProjectFacts,
  options: EstimateOptions = {},
): Generator<void, ProjectLabels> {
  const estimates: Estimate[] = [];
  for (const question of questionsOf(facts))
    estimates.push(yield* estimate(facts, question, options));
  const [main, ...others] = estimates;
  if (main === undefined) return { facts, estimates, labels: [] };
  const margins = marginsOf(facts, main);
  const byTask = itemsByTask(facts, main);
  const axes = others.map((other) => ({
    axis: other.question.axis,
    labels: new Map(other.question.items.map(({ task }, n) => [task, other.labels[n]!])),
  }));
  const labels: TaskLabel[] = [];
  for (const [task, items] of byTask.entries()) {
    if (items.length === 0) continue;
    labels.push(
      labelOf(task, {
        facts,
        main,
        items,
        margin: margins.get(task),
        axes: Object.fromEntries(
          axes.flatMap(({ axis, labels: own }) => {
            const label = own.get(task);
            return label === undefined ? [] : [[axis, label]];
          }),
        ),
      }),
    );
  }
  return { facts, estimates, labels };
}

function itemsByTask({ tasks }: ProjectFacts, { question }: Estimate): number[][] {
  const byTask: number[][] = tasks.map(() => []);
  for (const [n, { task }] of question.items.entries()) byTask[task]!.push(n);
  return byTask;
}

const sure = ({ p }: ItemLabel): number => Math.max(p, 1 - p);

function labelOf(
  task: number,
  {
    facts,
    main,
    items,
    margin,
    axes,
  }: {
    facts: ProjectFacts;
    main: Estimate;
    items: readonly number[];
    margin: number | undefined;
    axes: Readonly<Record<string, ItemLabel>>;
  },
): TaskLabel {
  const own = items.map((item) => main.labels[item]!);
  const label = own.reduce((least, each) => (sure(each) < sure(least) ? each : least));
  const pairs =
    facts.kind === "rank"
      ? items.map((item, n): PairLabel => {
          const [first, second] = main.question.items[item]!.pair!;
          return { ...own[n]!, first, second };
        })
      : [];
  const { accepted, gold } = facts.tasks[task]!;
  return {
    task,
    label,
    pairs,
    consensus: accepted ?? gold ?? consensusOf(facts, { task, label, pairs }),
    certainty: label.known ? 1 : sure(label),
    ...(margin === undefined ? {} : { margin }),
    axes,
  };
}

function consensusOf(
  { kind, tasks }: ProjectFacts,
  { task, label, pairs }: { task: number; label: ItemLabel; pairs: readonly PairLabel[] },
): unknown {
  if (kind === "accept") return { accept: label.p >= 0.5 };
  if (kind === "compare") {
    const choice: Choice = label.p === 0.5 ? "tie" : label.p > 0.5 ? 0 : 1;
    return { choice };
  }
  const wins = new Float64Array(tasks[task]!.answers);
  for (const { first, second, p } of pairs) {
    wins[first]! += p;
    wins[second]! += 1 - p;
  }
  const steps = [...new Set([...wins].map((each) => Number(each.toFixed(9))))].toSorted(
    (a, b) => b - a,
  );
  return { ranks: [...wins].map((each) => steps.indexOf(Number(each.toFixed(9))) + 1) };
}

/**
 * By task, for the answer that the label chooses: the mean over those who said how much better, and
 * over ties, which say that it is nothing; never below 0.
 */
function marginsOf(facts: ProjectFacts, { question, labels }: Estimate): Map<number, number> {
  const sums = new Map<number, { sum: number; count: number; told: boolean }>();
  if (facts.kind !== "compare") return new Map();
  for (const { item, judgement, outcome } of question.votes) {
    const { strength } = facts.judgements[judgement]!.judgement as ComparisonJudgement;
    const size = STRENGTHS.find(({ name }) => name === strength)?.margin;
    if (size === undefined && outcome !== 0.5) continue;
    const towards = outcome === 0.5 ? 0 : (outcome === 1) === labels[item]!.p >= 0.5 ? 1 : -1;
    const { task } = question.items[item]!;
    const { sum, count, told } = sums.get(task) ?? { sum: 0, count: 0, told: false };
    sums.set(task, {
      sum: sum + towards * (size ?? 0),
      count: count + 1,
      told: told || size !== undefined,
    });
  }
  return new Map(
    [...sums].flatMap(([task, { sum, count, told }]) =>
      told ? [[task, Math.max(0, sum / count)] as const] : [],
    ),
  );
}
