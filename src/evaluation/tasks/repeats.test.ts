import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { scriptedSubject } from "../behaviour/testing.ts";
import { prepareTask, runTask } from "./run-task.ts";
import type { TaskResult } from "./run-task.ts";
import { readTaskFiles } from "./task-file.ts";
import { taskFindings, taskWarnings } from "./task-findings.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-repeats-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of `questions` questions each is there `times` times; half of them are answered right. */
async function resultOf(questions: number, times: number): Promise<TaskResult> {
  const rows = Array.from({ length: questions * times }, (_, i) => ({
    question: `q${i % questions}`,
    options: ["yes", "no"],
    gold: Math.floor((i % questions) / 2) % 2,
  }));
  const name = `${questions}-${times}`;
  writeFileSync(
    join(folder, `${name}.jsonl`),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
  writeFileSync(
    join(folder, `${name}.yaml`),
    [
      `task: t${name}`,
      "dataset_path: json",
      `dataset_kwargs: { data_files: { test: ${name}.jsonl } }`,
      "test_split: test",
      "output_type: multiple_choice",
      "doc_to_text: question",
      "doc_to_choice: options",
      "doc_to_target: gold",
      "metric_list: [{ metric: acc }, { metric: brier_score }, { metric: f1 }]",
    ].join("\n"),
  );
  const { tasks } = readTaskFiles([join(folder, `${name}.yaml`)]);
  const prepared = await prepareTask(tasks[0]!, { limit: 0, fewshotSeed: 1, seed: 1 });
  const subject = scriptedSubject({
    score: (prompt, continuation) =>
      (Number(/q(\d+)/.exec(prompt)![1]) % 2 === 0) === continuation.includes("yes") ? -1 : -2,
  });
  return runTask(prepared, subject, { seed: 1 });
}

describe("documents that are there several times", () => {
  test("tell no more than once, and are told", async () => {
    const once = await resultOf(40, 1);
    const ten = await resultOf(40, 10);
    const width = (result: TaskResult, metric: number): number => {
      const { low, high } = result.metrics[metric]!.value;
      return high - low;
    };
    for (const metric of [0, 1, 2]) {
      expect(once.metrics[metric]!.value.noClaim).toBeUndefined();
      // independent, they would be 0.32 times as wide
      expect(width(ten, metric) / width(once, metric)).toBeGreaterThan(0.85);
    }
    expect(taskWarnings([once])).toEqual([]);
    expect(taskWarnings([ten])[0]).toContain("documents that ask what another asks: 360");
  });

  test("are items of one cluster, of metrics that are means alone", async () => {
    const [finding] = taskFindings([await resultOf(8, 3)], []);
    const [acc, ...others] = finding!.measures;
    expect(acc!.id).toBe("tasks/t8-3/acc");
    expect(acc!.items).toHaveLength(24);
    expect(new Set(acc!.items!.map(({ item }) => item.cluster)).size).toBe(8);
    expect(acc!.items![0]!.item.text).toBe("q0");
    expect(others.map(({ items }) => items)).toEqual([undefined, undefined]);
  });

  test("a group's interval counts them so too", async () => {
    const parts = [await resultOf(30, 8), await resultOf(20, 6)];
    const group = {
      name: "both",
      tasks: parts.map(({ prepared }) => prepared.task.fields.task),
      fields: {
        aggregate_metric_list: [{ metric: "acc", weight_by_size: false, filter_list: ["none"] }],
      },
    };
    const [finding] = taskFindings(parts, [group as never]);
    const { low, high, estimate } = finding!.measures[0]!.value;
    expect(estimate).toBe(0.5);
    // of 50 questions, where 360 independent ones would give 0.11
    expect(high - low).toBeGreaterThan(0.25);
    expect(high - low).toBeLessThan(0.35);
  });
});
