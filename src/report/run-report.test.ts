import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, expect, it } from "vitest";
import { runProgram } from "../cli/program.ts";
import { fakeIo } from "../cli/testing.ts";
import { showRun } from "../runs/compare.ts";
import { Run } from "../runs/run.ts";
import { runReport } from "./run-report.ts";

const root = mkdtempSync(join(tmpdir(), "attune-run-report-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/**
 * A run of 400 steps with held-out values, a checkpoint and a warning; its options hold hostile
 * text.
 */
async function finishedRun(name: string): Promise<string> {
  const folder = join(root, name);
  const run = Run.create(folder, {
    command: "dpo",
    seed: 7,
    config: { given: {}, effective: { data: "<script>alert(1)</script>" } },
    dataHash: "d".repeat(64),
    modelFingerprint: "m",
  });
  for (let step = 1; step <= 400; step++) {
    run.metrics(step, {
      loss: step === 5 ? NaN : 1 / step,
      learning_rate: 1e-4,
      num_tokens: step * 10,
    });
    if (step % 200 === 0) run.metrics(step, { eval_loss: 2 / step });
  }
  run.record({ type: "warning", id: "w", message: "7 <b>examples</b> were cut" });
  await run.saveCheckpoint(400, async () => undefined);
  run.finish("completed");
  return folder;
}

const typed = (argv: readonly string[]): string => ["attune", ...argv].join(" ");

it("draws training and held-out values of a metric in one chart, with its meaning, long curves as means with their range", async () => {
  const details = showRun(await finishedRun("curves"));
  const [, curves] = runReport(details, typed, ["runs", "show"]).sections;
  const [loss, further] = curves!.parts;
  if (loss?.kind !== "chart" || loss.chart.kind !== "lines" || further?.kind !== "folded")
    throw new Error("the loss is not the first chart");
  expect(loss.chart).toMatchObject({ title: "loss", yLabel: "loss (nats)", rules: [400] });
  expect(loss.chart.description).toBe(
    "The objective that is minimised, mean over the step. Lower is better. A point of the " +
      "training curve is the mean of 3 steps, the band behind it their range. 1 value is not " +
      "finite, at step 5, and left out.",
  );
  const [training, heldOut] = loss.chart.series;
  expect(training).toMatchObject({ name: "training", dots: false });
  expect(training!.points[0]).toEqual({
    x: 2,
    y: expect.closeTo((1 + 1 / 2 + 1 / 3) / 3, 12),
    low: 1 / 3,
    high: 1,
  });
  expect(training!.points).toHaveLength(133);
  expect(heldOut).toEqual({
    name: "held-out",
    dots: true,
    points: [
      { x: 200, y: 0.01 },
      { x: 400, y: 0.005 },
    ],
  });
  expect(further.title).toBe("Further curves (2)");
});

it("is written by runs show --html as one page for its owner alone, and folds what is long", async () => {
  const folder = await finishedRun("page");
  const io = fakeIo();
  expect(await runProgram(["runs", "show", folder, "--html"], io)).toBe(0);
  const file = join(folder, "curves.html");
  expect(io.stdout.text).toContain(`also written: ${file}`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { document } = parseHTML(readFileSync(file, "utf8"));
  expect([...document.querySelectorAll("summary")].map(({ textContent }) => textContent)).toEqual([
    "1 warning",
    "Further curves (2)",
    "Options that had an effect (1)",
    "How this page was made: command, seed, dates, hashes and versions",
  ]);
  expect(document.querySelectorAll("script, link, img, b")).toHaveLength(0);
  expect(document.querySelectorAll(".wide svg.chart")).toHaveLength(3);
  expect(document.querySelector("details")!.textContent).toContain("7 <b>examples</b> were cut");
});

it("draws a spike at the edge of its chart and counts it", () => {
  const folder = join(root, "spike");
  const run = Run.create(folder, {
    command: "sft",
    seed: 1,
    config: { given: {}, effective: {} },
    dataHash: "",
    modelFingerprint: "",
  });
  for (let step = 1; step <= 50; step++)
    run.metrics(step, { loss: step === 30 ? 1e9 : 1 + (step % 7) });
  run.close();
  const [chart] = runReport(showRun(folder), typed, ["runs", "show"]).sections[0]!.parts;
  expect(chart).toMatchObject({
    kind: "chart",
    chart: {
      yRange: [1, 7],
      wholeX: true,
      description:
        "The objective that is minimised, mean over the step. Lower is better. 1 value lies " +
        "outside the chart, at 1.00e+9.",
    },
  });
});

it("tells how far it came by means of tenths, with the interval of their difference", () => {
  const sentenceOf = (name: string, steps: number, valueAt: (step: number) => number): string => {
    const folder = join(root, name);
    const run = Run.create(folder, {
      command: "ppo",
      seed: 1,
      config: { given: {}, effective: {} },
      dataHash: "",
      modelFingerprint: "",
    });
    for (let step = 1; step <= steps; step++) run.metrics(step, { loss: valueAt(step) });
    run.close();
    return runReport(showRun(folder), typed, ["runs", "show"]).verdict!.sentence;
  };
  // one step of either end says the opposite of the tenths
  const noisy = sentenceOf("noisy", 100, (step) =>
    step === 1 ? 0 : step === 100 ? 9 : step <= 10 ? 5 + (step % 2) : 2 + (step % 2),
  );
  expect(noisy).toContain("the mean of loss went from 4.900 in the first 10 steps to 3.200");
  expect(noisy).toMatch(/a difference of −1\.700 \[−\d\.\d+, [\d.]+\].*: no clear change/);
  const clear = sentenceOf("clear", 100, (step) => 10 - step / 20 + (step % 2) / 10);
  expect(clear).toMatch(/a difference of −4\.500 \[−4\.\d+, −4\.\d+\], taking steps for ind/);
  expect(clear).not.toContain("no clear change");
  expect(sentenceOf("short", 5, (step) => step)).toContain(
    "loss was 1.000 in its first step and 5.000 in its last: 5 steps are too few to compare",
  );
});

it("says so where nothing was recorded", () => {
  const folder = join(root, "empty");
  Run.create(folder, {
    command: "sft",
    seed: 1,
    config: { given: {}, effective: {} },
    dataHash: "",
    modelFingerprint: "",
  }).close();
  const report = runReport(showRun(folder), typed, ["runs", "show"]);
  expect(report.sections[0]!.parts).toEqual([{ kind: "text", text: "No metric was recorded." }]);
  expect(report.verdict!.conclusion).toBe("no conclusion");
  expect(report.summary).toBe("Stopped at step 0.");
  expect(report.made.map(([name]) => name)).toEqual([
    "command",
    "run",
    "the run's command",
    "the run's seed",
    "begun",
    "the run's versions",
    "SHA-256 of its options",
    "attune",
    "node",
    "onnxruntime-node",
  ]);
});
