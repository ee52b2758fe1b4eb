/**
 * Scores of several runs on one measure, item by item.
 *
 * Difference to a plain join: items that cluster in one run are clustered in all.
 */
import { countOf } from "../../core/counts.ts";
import { preview } from "../../core/errors.ts";
import { largestOf } from "../../core/extremes.ts";
import type { Labels } from "../../stats/clusters.ts";
import { clustersFor } from "../behaviour/measured.ts";
import type { ItemScore } from "../items.ts";

/** One run on one measure. */
export interface RunItems {
  /** Of the run. */
  readonly name: string;
  /** Undefined where it keeps none. */
  readonly items: readonly ItemScore[] | undefined;
  /** What it has then, after "has": "no items.jsonl". */
  readonly why: string;
}

export interface PairedItems {
  /** By run, then by item, in the order of the first run. */
  readonly scores: readonly (readonly number[])[];
  readonly clusters: Labels | undefined;
  /** What is said of items that not every run has; undefined where none is left out. */
  readonly leftOut?: string;
}

/** Below this share of the items of the largest run, intervals of all of them tell more. */
export const LEAST_SHARED = 0.5;

/** @returns why runs cannot be paired, as the end of a sentence, where they cannot */
export function pairItems(runs: readonly RunItems[]): PairedItems | string {
  const lacking = runs.filter(({ items }) => items === undefined);
  if (lacking.length > 0)
    return [...new Set(lacking.map(({ why }) => why))]
      .map((why) => {
        const names = lacking.filter((run) => run.why === why).map(({ name }) => name);
        return `${names.join(", ")} ${names.length === 1 ? "has" : "have"} ${why}`;
      })
      .join("; ");
  const byKey = runs.map(
    ({ items }) => new Map(items!.map((each) => [each.item.key, each] as const)),
  );
  const shared = [...byKey[0]!.keys()].filter((key) => byKey.every((items) => items.has(key)));
  const all = new Map(byKey.flatMap((items) => [...items]));
  const without = [...all.values()].filter(({ item: { key } }) =>
    byKey.some((items) => !items.has(key)),
  );
  const told = without[0] && exampleText(without[0], runs, byKey);
  const most = largestOf(byKey.map(({ size }) => size));
  if (shared.length < LEAST_SHARED * most)
    return (
      `${shared.length === 0 ? "no item" : `only ${shared.length} of ${all.size} items`} ` +
      `${shared.length <= 1 ? "is" : "are"} in every run, ${told}`
    );
  const paired = byKey.map((items) => shared.map((key) => items.get(key)!));
  return {
    scores: paired.map((own) => own.map(({ score }) => score)),
    clusters: clustersFor(
      joinedClusters(paired.map((own) => own.map(({ item: { cluster } }) => cluster))),
    ),
    ...(told === undefined
      ? {}
      : {
          leftOut:
            `${countOf(without.length, "item")} of ${all.size} ` +
            `${without.length === 1 ? "is" : "are"} not in every run and left out, ${told}`,
        }),
  };
}

function exampleText(
  { item: { key, text } }: ItemScore,
  runs: readonly RunItems[],
  byKey: readonly ReadonlyMap<string, ItemScore>[],
): string {
  const not = runs.filter((_, i) => !byKey[i]!.has(key)).map(({ name }) => name);
  return `such as ${preview(text)} (not in ${not.join(", ")})`;
}

/**
 * Labels by which two items have one where they do in any run, itself or through others.
 * @param byRun by run, then by item
 */
export function joinedClusters(byRun: readonly (readonly string[])[]): string[] {
  const [first, ...others] = byRun;
  const above = new Map<string, string>();
  const top = (label: string): string => {
    let found = label;
    for (let next = above.get(found); next !== undefined; next = above.get(found)) found = next;
    return found;
  };
  for (const labels of others) {
    const known = new Map<string, string>();
    for (const [i, label] of labels.entries()) {
      const own = top(first![i]!);
      const other = top(known.get(label) ?? own);
      if (own !== other) above.set(own, other);
      known.set(label, other);
    }
  }
  return first!.map(top);
}
