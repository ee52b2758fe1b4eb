/**
 * The quickstart from beginning to report, far too small to learn anything.
 * @module-tag dear
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, expect, test } from "vitest";
import type { Findings } from "../evaluation/findings.ts";
import { measuresOf } from "../evaluation/findings.ts";
import { checkMeasureId } from "../evaluation/measure-ids.ts";
import { renderReport } from "../report/report.ts";
import type { PipelineResult } from "./pipeline.ts";
import { runWorldPipeline } from "./pipeline.ts";
import { SMALL_RECIPE } from "./testing.ts";
import { chooseExamples } from "./report-examples.ts";
import { worldFindings, worldReport, writeWorldReport } from "./report.ts";

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

  await checkReport(second);
});

/** What people are given at the end: a page, and the same facts as data. */
async function checkReport(second: PipelineResult): Promise<void> {
  const html = await renderReport(
    worldReport(second, {
      command: "test",
      recipe: SMALL_RECIPE,
      date: new Date(Date.UTC(2026, 0, 2, 3, 4)),
      memory: [{ name: "ppo-apart", peak: 9e8, baseline: 1e8, weights: 1e8 }],
    }),
  );
  const { document } = parseHTML(html);
  expect([...document.querySelectorAll("main h2")].map(({ textContent }) => textContent)).toEqual([
    "The story, stage by stage",
    "Is it better?",
    "On what is it better?",
    "At whose expense?",
    "Was the reward hacked?",
    "Where should one have stopped?",
    "Does the reward model know what people prefer?",
    "Can a model correct itself by written principles?",
    "Everything else",
  ]);
  const made = document.querySelector("footer details")!.textContent!;
  for (const fact of ["command", "test", "seed", "3", "SHA-256 of the options of ppo", "attune"])
    expect(made).toContain(fact);
  // one stop for each look, and at each of them the same requests answered by both runs
  expect(document.querySelectorAll(".stops input").length).toBe(3);
  expect(document.querySelectorAll(".moment-2 .example dd").length).toBeGreaterThanOrEqual(2);
  // it opens at the end or at a peak, never where nothing has happened
  expect(
    [...document.querySelectorAll(".stops input")].findIndex((stop) =>
      stop.hasAttribute("checked"),
    ),
  ).toBeGreaterThan(0);
  expect(document.querySelectorAll(".journey .pair figure").length).toBe(4);
  expect(html).not.toMatch(/NaN|undefined/);
  const { findings } = worldFindings(second, { command: "test" });
  const hacked = findings.find(({ id }) => id === "was-the-reward-hacked")!;
  for (const { hacking } of second.paths)
    expect(hacked.answer).toContain(hacking.findings[0]!.answer);
  const { page, data } = await writeWorldReport(folder, second, {
    command: "test",
    recipe: SMALL_RECIPE,
  });
  expect(existsSync(page)).toBe(true);
  const facts = JSON.parse(readFileSync(data, "utf8")) as Findings;
  expect(measuresOf(facts).length).toBeGreaterThan(50);
  for (const { id } of measuresOf(facts)) checkMeasureId(id, ["quickstart"]);
  expect(facts.verdict).toEqual(worldFindings(second, { command: "test" }).verdict);
  expect([...document.querySelectorAll("[src], link, script")]).toEqual([]);
  expect(document.querySelectorAll("svg").length).toBeGreaterThanOrEqual(6);
  expect(html).toContain("8.0 times");
  expect(html).toContain("2026-01-02 03:04 UTC");
  expect(html).toMatch(/kl\.coef<\/td>\s*<td[^>]*>0\.3</);
  expect(chooseExamples(second).every((index) => index >= 0 && index < 20)).toBe(true);
}
