/**
 * The quickstart from beginning to report, far too small to learn anything.
 * @module-tag dear
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, expect, test } from "vitest";
import { renderReport } from "../report/report.ts";
import { runWorldPipeline } from "./pipeline.ts";
import { SMALL_RECIPE } from "./testing.ts";
import { chooseExamples } from "./report-examples.ts";
import { worldReport } from "./report.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-quickstart-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every stage leaves a run, a second start skips them all and finds the same, and the report needs nothing else", async () => {
  const started: string[] = [];
  const first = await runWorldPipeline(
    { seed: 3, folder, recipe: SMALL_RECIPE },
    { onStage: ({ stage, action }) => started.push(`${action} ${stage.name}`) },
  );
  expect(started).toEqual(
    [
      "raw",
      "sft",
      "reward",
      "held-out-reward",
      "ppo",
      "ppo-without-kl",
      "rloo",
      "dpo",
      "helpful-only",
      "self-critique",
      "constitutional",
      "ai-labels",
      "human-labels",
    ].map((name) => `run ${name}`),
  );
  for (const { stage } of first.stages)
    expect(
      existsSync(join(folder, stage.name, stage.name === "self-critique" ? "data" : "model")),
      stage.name,
    ).toBe(true);
  expect(first.models.map(({ name }) => name)).toEqual([
    "raw",
    "SFT",
    "PPO with KL",
    "PPO without KL",
    "RLOO",
    "DPO",
  ]);
  for (const { points } of first.paths) expect(points.map(({ step }) => step)).toEqual([0, 1, 2]);
  expect(first.rewardModel.pairs).toBe(12);
  expect(first.constitution.models.map(({ name }) => name)).toEqual([
    "helpful only",
    "constitutional",
    "AI labels",
    "human labels",
  ]);
  expect(first.constitution.chains).toHaveLength(8);
  expect(first.constitution.labels).toBeGreaterThan(0);

  const second = await runWorldPipeline({ seed: 3, folder, recipe: SMALL_RECIPE });
  expect(second.stages.every(({ action }) => action === "skip")).toBe(true);
  expect(second.answers).toEqual(first.answers);
  expect(second.paths).toEqual(first.paths);
  expect(second.constitution).toEqual(first.constitution);

  const html = await renderReport(
    worldReport(second, {
      command: "test",
      recipe: SMALL_RECIPE,
      date: new Date(Date.UTC(2026, 0, 2, 3, 4)),
      memory: [{ name: "ppo-apart", peak: 9e8, baseline: 1e8, weights: 1e8 }],
    }),
  );
  const { document } = parseHTML(html);
  expect([...document.querySelectorAll("[src], link, script")]).toEqual([]);
  expect(document.querySelectorAll("svg").length).toBeGreaterThanOrEqual(6);
  expect(html).toContain("8.0 times");
  expect(html).toContain("2026-01-02 03:04 UTC");
  expect(html).toMatch(/kl\.coef<\/td>\s*<td[^>]*>0\.3</);
  expect(chooseExamples(second).every((index) => index >= 0 && index < 20)).toBe(true);
});
