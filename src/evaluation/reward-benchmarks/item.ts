/**
 * Items of benchmarks of reward models: a prompt with right and wrong answers. Two published forms
 * are read, JSON rows of either:
 *
 *   RewardBench 2   id, prompt, chosen [..], rejected [..], subset; ids of the Ties subset say which
 *                   reference a tied prompt belongs to ("ref:3", "tied:3")
 *   RM-Bench        id, prompt, chosen [3], rejected [3], domain; the three styles of an answer are
 *                   concise, detailed, and detailed in Markdown
 *
 * Source: allenai/reward-bench-2 (Malik et al. 2025, arXiv 2506.01937); THU-KEG/RM-Bench (Liu et al.
 * 2024, arXiv 2410.16184).
 */
import { readRows } from "../../data/readers/read-rows.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { AnswerToScore } from "../answer-scorer.ts";
import { answerOf } from "../answer-scorer.ts";

export type BenchmarkKind = "rewardbench-2" | "rm-bench";

export interface BenchmarkItem {
  id: string;
  prompt: string;
  /** Subset or domain. */
  subset: string;
  right: readonly string[];
  wrong: readonly string[];
}

/** An item with the rewards of its answers. */
export interface ScoredItem extends BenchmarkItem {
  rightScores: readonly number[];
  wrongScores: readonly number[];
}

/** Styles of RM-Bench's answers, in the order of its lists. */
export const RM_BENCH_STYLES = ["concise", "detailed", "Markdown"] as const;

/** What a row is of; undefined for rows of other data. */
export function benchmarkOf(row: Readonly<Record<string, unknown>>): BenchmarkKind | undefined {
  if (!isTexts(row["chosen"]) || !isTexts(row["rejected"]) || typeof row["prompt"] !== "string")
    return undefined;
  if (typeof row["domain"] === "string" && row["subset"] === undefined) return "rm-bench";
  return typeof row["subset"] === "string" ? "rewardbench-2" : undefined;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string");

/**
 * @returns undefined where the file is no benchmark of these
 * @throws AttuneError `data` for a row that is not as the first ones
 */
export async function readBenchmark(
  file: string,
): Promise<{ kind: BenchmarkKind; items: BenchmarkItem[] } | undefined> {
  let kind: BenchmarkKind | undefined;
  const items: BenchmarkItem[] = [];
  const tied = new Map<string, number | undefined>();
  for await (const { columns: row, place } of readRows(file)) {
    const found = benchmarkOf(row);
    if (kind === undefined && found === undefined) return undefined;
    kind ??= found;
    if (found === undefined || found !== kind)
      throw new AttuneError("data", `this is no row of ${kind}`, {
        ...place,
        got: preview(Object.keys(row).join(", ")),
        expected: "prompt, chosen and rejected as lists of texts, and subset or domain",
      });
    checkForm(found, row, { place, tied });
    items.push({
      id: String(row["id"] ?? items.length),
      prompt: row["prompt"] as string,
      subset: String(row[kind === "rm-bench" ? "domain" : "subset"]),
      right: row["chosen"] as string[],
      wrong: row["rejected"] as string[],
    });
  }
  return kind === undefined ? undefined : { kind, items };
}

/** Whether a row has what its score reads by place or by id; `tied` holds the ids of Ties so far. */
function checkForm(
  kind: BenchmarkKind,
  row: Readonly<Record<string, unknown>>,
  { place, tied }: { place: ErrorPlace; tied: Map<string, number | undefined> },
): void {
  const [right, wrong] = [row["chosen"] as string[], row["rejected"] as string[]];
  const styles = RM_BENCH_STYLES.length;
  if (kind === "rm-bench" && (right.length !== styles || wrong.length !== styles))
    throw new AttuneError("data", "a row of RM-Bench has not its three styles", {
      ...place,
      got: `${right.length} chosen and ${wrong.length} rejected`,
      expected: `${styles} of each: ${RM_BENCH_STYLES.join(", ")}`,
    });
  if (kind === "rm-bench" || String(row["subset"]).toLowerCase() !== "ties") return;
  const id = String(row["id"] ?? "");
  const [key] = /^(?:ref|tied):[^:]+/.exec(id) ?? [];
  if (key === undefined)
    throw new AttuneError("data", "the id of a row of Ties names no reference", {
      ...place,
      column: "id",
      got: preview(row["id"]),
      expected: "ref:3 or tied:3",
    });
  if (tied.has(key))
    throw new AttuneError("data", `two rows of Ties are ${key}`, {
      ...place,
      column: "id",
      got: preview(id),
      expected: `one row of each id; the other is row ${tied.get(key) ?? "?"}`,
    });
  tied.set(key, place.row);
}

/** What a row of Ties belongs to with its partner; undefined for other rows. */
export const tieOf = ({ id, subset }: Pick<BenchmarkItem, "id" | "subset">): string | undefined =>
  subset.toLowerCase() === "ties" ? `ties ${id.split(":")[1] ?? ""}` : undefined;

/** Every answer of every item, right ones first. */
export const answersOfItems = (items: readonly BenchmarkItem[]): AnswerToScore[] =>
  items.flatMap(({ prompt, right, wrong }) =>
    [...right, ...wrong].map((text) =>
      answerOf({ prompt: [{ role: "user", content: prompt }] }, [
        { role: "assistant", content: text },
      ]),
    ),
  );

/** @param scores in the order of {@link answersOfItems} */
export function withScores(
  items: readonly BenchmarkItem[],
  scores: readonly number[],
): ScoredItem[] {
  let start = 0;
  return items.map((item) => {
    const middle = start + item.right.length;
    const end = middle + item.wrong.length;
    const scored = {
      ...item,
      rightScores: scores.slice(start, middle),
      wrongScores: scores.slice(middle, end),
    };
    start = end;
    return scored;
  });
}
