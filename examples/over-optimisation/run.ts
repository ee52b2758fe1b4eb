/**
 * The command line of the experiment:
 * `node examples/start.mjs over-optimisation [--seed N] [--quickstart FOLDER] [--out FOLDER]`.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createReporter } from "../../src/cli/display/output.ts";
import { StagesDisplay } from "../../src/cli/display/stages-display.ts";
import { AttuneError } from "../../src/core/errors.ts";
import { writeReport } from "../../src/report/report.ts";
import { formatTable } from "../../src/evaluation/table.ts";
import { answerRequests, scoreAnswers } from "../../src/quickstart/answers.ts";
import { runWorldPipeline } from "../../src/quickstart/pipeline.ts";
import { parameterCount } from "../../src/models/model.ts";
import type { Model } from "../../src/models/model.ts";
import { readJsonLines } from "../../src/runs/json-lines.ts";
import { bestOfNCurves, createExperiment, heldOutLoss, rlCurves, runStages } from "./experiment.ts";
import { PAIRS } from "./stages.ts";
import { curveTable, experimentReport, headTables, preferenceTable } from "./report.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    quickstart: { type: "string" },
    out: { type: "string" },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0)
  throw new AttuneError("usage", "--seed takes a whole number", { got: values.seed });
const quickstart = values.quickstart ?? join("runs", `quickstart-${seed}`);
const folder = values.out ?? join("runs", `over-optimisation-${seed}`);

const reporter = await createReporter({
  json: false,
  quiet: false,
  stdout: process.stdout,
  stderr: process.stderr,
});
const display = new StagesDisplay(reporter);
const stop = new AbortController();
process.once("SIGINT", () =>
  stop.abort(
    new AttuneError("interrupted", "stopped", { hint: "the same command goes on from there" }),
  ),
);
const hooks = {
  signal: stop.signal,
  onStage: (planned: Parameters<StagesDisplay["begin"]>[0]) => display.begin(planned),
  onStageEnd: (ended: Parameters<StagesDisplay["end"]>[0]) => display.end(ended),
};
const onEvent = (event: Parameters<StagesDisplay["event"]>[0], stage: string): void =>
  display.event(event, stage);

try {
  await runWorldPipeline({ seed, folder: quickstart }, { ...hooks, onEvent });
  const experiment = await createExperiment({
    seed,
    quickstart,
    folder,
    hooks: { onEvent, signal: stop.signal },
  });
  await runStages(experiment, hooks);
  display.further("Best-of-n: answers of the SFT model, judged by every proxy and by gold");
  let drawing: ReturnType<typeof reporter.progress> | undefined;
  const curves = [
    ...(await bestOfNCurves(experiment, (done, total) =>
      (drawing ??= reporter.progress({ title: "answers", unit: "answers", total })).update(done),
    )),
    ...rlCurves(experiment),
  ];
  drawing?.end();

  const { pipeline } = experiment;
  const { world, encoder, open } = pipeline;
  const size = ({ family, config }: Model): number => parameterCount(family, config);
  const [small, large] = [await open("raw"), await open("raw-large")];
  const models = [];
  for (const [name, stage] of [
    ["raw", "raw"],
    ["raw, large", "raw-large"],
    ["SFT", "sft"],
    ["PPO with KL", "ppo"],
    ["DPO", "dpo"],
  ] as const)
    models.push(
      scoreAnswers(
        name,
        world,
        world.evaluation,
        await answerRequests(await open(stage), encoder, world.evaluation),
      ),
    );
  const accuracies = new Map(
    PAIRS.map((pairs) => [
      pairs,
      readJsonLines(join(folder, `reward-${pairs}`, "metrics.jsonl")).findLast(
        (line) => "eval_accuracy" in line,
      )?.["eval_accuracy"] as number,
    ]),
  );
  const findings = {
    seed,
    sizes: { small: size(small), large: size(large) },
    losses: {
      small: await heldOutLoss(small, pipeline),
      large: await heldOutLoss(large, pipeline),
    },
    models,
    curves,
    accuracies,
  };
  const report = resolve(folder, "report.html");
  await writeReport(report, experimentReport(findings));
  const { sizes, losses } = findings;
  reporter.result(
    { ...findings, models: models.map(({ name }) => name), report },
    [
      `raw: ${sizes.small} parameters, ${losses.small.toFixed(3)} nats a token on unseen talk; ` +
        `raw, large: ${sizes.large}, ${losses.large.toFixed(3)}`,
      formatTable(preferenceTable(findings)),
      ...headTables(findings).map(formatTable),
      formatTable(curveTable(findings)),
      `Report: ${pathToFileURL(report).href}`,
    ].join("\n\n"),
  );
} catch (error) {
  if (!(error instanceof AttuneError)) throw error;
  reporter.close();
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = error.exitCode;
} finally {
  display.close();
  reporter.close();
}
