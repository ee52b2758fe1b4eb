/** `attune runs [FOLDER]`, `attune runs show RUN`, `attune runs diff A B`. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { runReport } from "../../report/run-report.ts";
import { runCurves } from "../../report/run-curves.ts";
import { writeReport } from "../../report/report.ts";
import {
  type Difference,
  diffRuns,
  listRuns,
  type RunDetails,
  type RunDifference,
  type RunOverview,
  showRun,
  sparkline,
} from "../../runs/compare.ts";
import { subcommandHabit } from "../../config/habits.ts";
import { metricDefinition } from "../../runs/metrics.ts";
import { flatten } from "../../runs/recorded.ts";
import type { CommandModule } from "../command.ts";
import { plotCurves, type PlotOptions, showsUnicode } from "../display/plot.ts";
import {
  commandLine,
  formatHeadedTable,
  formatNumber,
  formatTable,
  LINE_WIDTH,
} from "../display/words.ts";

/** Shown in the list, where a run has them, and at most this many. */
const LIST_METRICS = [
  "eval_loss",
  "loss",
  "eval_rewards/accuracies",
  "rewards/accuracies",
  "eval_accuracy",
  "accuracy",
  "objective/scores",
  "objective/kl",
];
const LIST_COUNT = 2;
const INDENT = "  ";
/** Characters of a metric's course. */
const [LEAST_COURSE, MOST_COURSE] = [8, 40];
/** Name of the page in the run's folder, where no other file is named. */
const PAGE = "curves.html";

export const command: CommandModule = {
  configure(command, bind) {
    command.argument("[folder]", "folder that holds runs", "runs").action(
      bind(async ({ values: [folder], context }) => {
        const meant = existsSync(folder!) ? undefined : subcommandHabit("runs", folder!);
        if (meant !== undefined)
          throw new AttuneError(
            "usage",
            `there is no command "runs ${folder}", nor a folder of this name`,
            { hint: `did you mean \`attune ${meant}\`?` },
          );
        const { runs, unreadable } = listRuns(folder!);
        for (const { folder, problem } of unreadable)
          context.reporter.warn("unreadable-run", `${folder}: ${problem}`);
        context.reporter.result(
          { runs, unreadable },
          runs.length === 0 ? `no runs in ${folder}` : listText(runs),
        );
      }),
    );
    command
      .command("show")
      .description("the options, metrics and checkpoints of a run")
      .argument("<run>", "run folder")
      .option("--curves", "draw the curves into a file or a pipe too, in 80 columns")
      .option("--no-curves", "draw none on a terminal")
      .option("--html [file]", `also write the curves as one page (default: RUN/${PAGE})`)
      .action(
        bind<{ html?: string | true; curves?: boolean }>(
          async ({ values: [folder], options: { html, curves }, context }) => {
            const details = showRun(folder!);
            const page = html === true ? join(folder!, PAGE) : html;
            if (page !== undefined)
              await writeReport(page, runReport(details, commandLine, context.argv));
            const draw = curves ?? context.columns !== undefined;
            const text = showText(details, {
              draw,
              width: context.columns ?? LINE_WIDTH,
              unicode: showsUnicode(),
            });
            const more =
              page !== undefined
                ? `also written: ${page}`
                : details.series.size > 0
                  ? `${draw ? "" : "--curves draws the curves, "}--html writes every curve and ` +
                    "its meaning as a page"
                  : undefined;
            context.reporter.result(
              {
                ...details,
                series: Object.fromEntries(details.series),
                ...(page === undefined ? {} : { html: page }),
              },
              more === undefined ? text : `${text}\n\n${more}`,
            );
          },
        ),
      );
    command
      .command("diff")
      .description("what is different between two runs")
      .argument("<run>", "run folder")
      .argument("<other>", "run folder")
      .action(
        bind(async ({ values: [left, right], context }) => {
          const difference = diffRuns(left!, right!);
          context.reporter.result({ ...difference }, diffText(difference));
        }),
      );
  },
};

/** The list of runs, each with as many metrics as a line takes. */
function listText(runs: readonly RunOverview[], count = LIST_COUNT): string {
  const header = ["run", "command", "state", "step", "metrics", "begun (UTC)"];
  const rows = runs.map((run) => [
    relative(process.cwd(), run.folder),
    run.info.command,
    run.state,
    progressText(run),
    headlineText(run, count),
    run.info.created.slice(0, 16).replace("T", " "),
  ]);
  const fits = formatTable([header, ...rows], Infinity)
    .split("\n")
    .every((line) => line.length <= LINE_WIDTH);
  return fits || count === 1 ? formatHeadedTable(header, rows) : listText(runs, count - 1);
}

function progressText({ step, totalSteps }: RunOverview): string {
  return totalSteps === undefined ? String(step) : `${step}/${totalSteps}`;
}

function headlineText({ last }: RunOverview, count: number): string {
  const present = LIST_METRICS.filter((name) => last[name] !== undefined).slice(0, count);
  return present.map((name) => `${name} ${formatNumber(last[name]!)}`).join("  ");
}

function showText(
  run: RunDetails,
  { draw, width, unicode }: PlotOptions & { readonly draw: boolean },
): string {
  const { info } = run;
  const facts = [
    ["run", run.folder],
    ["command", info.command],
    ["state", run.state],
    ["step", progressText(run)],
    ["begun", info.created],
    ["seed", String(info.seed)],
    [
      "versions",
      Object.entries(info.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    ["data", info.dataHash],
    ["model", info.modelFingerprint],
  ];
  const metrics = section("metrics (first, course, last)", metricRows(run, { width, unicode }));
  const curves = draw ? runCurves(run).main : [];
  const checkpoints = run.checkpoints.map(({ step, score, folder }) => [
    String(step),
    score === undefined ? "" : `${score.metric} ${formatNumber(score.value)}`,
    relative(run.folder, folder),
  ]);
  return [
    section("", facts),
    section("options", flatten(run.config)),
    metrics,
    section("checkpoints", checkpoints),
    section(
      "warnings",
      run.warnings.map((warning) => [warning]),
    ),
    plotCurves(curves, { width, unicode }),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/**
 * Name, first finite value (with its step where it is not the first), course, last value and unit
 * of every metric, the course as wide as the line allows.
 */
function metricRows({ series }: RunDetails, { width, unicode }: PlotOptions): string[][] {
  const rows = [...series].map(([name, points]) => {
    const values = points.map(({ value }) => value);
    const first = points.find(({ value }) => Number.isFinite(value));
    const begun = first === points[0] ? "" : ` (step ${first?.step})`;
    return {
      values,
      words: [
        name,
        first === undefined ? "no finite value" : `${formatNumber(first.value)}${begun}`,
        first === undefined ? "" : formatNumber(values.at(-1)!),
        metricDefinition(name)?.unit ?? "",
      ],
    };
  });
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...rows.map(({ words }) => words[column]!.length)),
  );
  const room = width - INDENT.length - widths.reduce((sum, each) => sum + each + 2, 0);
  const course = Math.min(MOST_COURSE, Math.max(LEAST_COURSE, room));
  return rows.map(({ values, words: [name, first, last, unit] }) => [
    name!,
    first!,
    sparkline(values, { width: course, unicode }),
    last!,
    unit!,
  ]);
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  return title === ""
    ? formatTable(rows)
    : `${title}\n${formatTable(rows.map(([first, ...rest]) => [`${INDENT}${first}`, ...rest]))}`;
}

function diffText({ left, right, setup, metrics }: RunDifference): string {
  const header = ["", left.name, right.name];
  const options = setup.map(({ name, left, right }) => [name, left ?? "-", right ?? "-"]);
  return [
    options.length === 0
      ? "the same options, seed, data, model and versions"
      : `different\n${formatHeadedTable(header, options)}`,
    ...(metrics.length === 0
      ? []
      : [`last metrics\n${formatHeadedTable([...header, "difference"], metrics.map(metricRow))}`]),
  ].join("\n\n");
}

function metricRow({ name, left, right }: Difference<number>): string[] {
  const change = left === undefined || right === undefined ? "" : formatNumber(right - left);
  return [
    name,
    left === undefined ? "-" : formatNumber(left),
    right === undefined ? "-" : formatNumber(right),
    change.startsWith("-") || change === "" ? change : `+${change}`,
  ];
}
