/**
 * The quickstart's report: what was done, how good every model is by gold, what hacking looks like,
 * and what it all cost.
 */
import { flatten } from "../runs/recorded.ts";
import { versions } from "../runs/versions.ts";
import type { Chart, LineChart } from "../evaluation/chart.ts";
import type { MemoryFigure } from "./method-memory.ts";
import { MEMORY_CASES } from "./method-memory.ts";
import type { UsedOption } from "../report/provenance.ts";
import { formatDate, optionTable } from "../report/provenance.ts";
import type { Report } from "../report/report.ts";
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import {
  goldExamples,
  goldSection,
  rewardModelSection,
  textSection,
} from "../report/report-sections.ts";
import type { Table } from "../evaluation/table.ts";
import { formatNumber, formatPoints, formatShare } from "../evaluation/table.ts";
import { textStatistics } from "../evaluation/text-statistics.ts";
import { constitutionSection } from "./constitution-report.ts";
import type { PathPoint, PipelineResult, PolicyPath } from "./pipeline.ts";
import { WORLD_COMPARISONS } from "./pipeline.ts";
import type { WorldRecipe } from "./recipe.ts";
import { WORLD_RECIPE } from "./recipe.ts";

/** @param memory measured in processes of their own; left out where they could not be run */
export function worldReport(
  result: PipelineResult,
  {
    memory,
    command,
    recipe = WORLD_RECIPE,
    date = new Date(),
  }: {
    memory?: readonly MemoryFigure[] | undefined;
    command: string;
    recipe?: WorldRecipe;
    date?: Date;
  },
): Report {
  const { models, world, answers, stages, evaluationSeconds, seed } = result;
  const seconds = stages.reduce((total, stage) => total + stage.seconds, evaluationSeconds);
  return {
    title: "attune quickstart: one village, ten models",
    summary: [
      "A model of about a million parameters was trained from scratch in a made-up village, and " +
        "aligned with what forty simulated people prefer, in several ways. An exact program, " +
        "which no trainer could read, judged the answers.",
      headline(result),
    ].join("\n\n"),
    sections: [
      {
        title: "What was done",
        parts: [
          { kind: "facts", facts: [["date", formatDate(date)], ...facts(result, seconds)] },
          { kind: "table", table: stageTable(result) },
        ],
      },
      goldSection(models, { compare: WORLD_COMPARISONS }),
      hackingSection(result),
      rewardModelSection(result.rewardModel),
      {
        title: "The same requests, answered by every model",
        parts: [
          {
            kind: "examples",
            examples: goldExamples(models, world.evaluation, {
              answers,
              chosen: chooseExamples(result),
            }),
          },
        ],
      },
      textSection(
        models.map(({ name }) => ({
          name,
          statistics: textStatistics(answers[name]!.map((text) => ({ text }))),
        })),
      ),
      constitutionSection(result),
      ...(memory ? [memorySection(memory)] : []),
      { title: "Options", parts: [{ kind: "table", table: optionTable(recipeOptions(recipe)) }] },
    ],
    footer: `attune ${versions()["attune"] ?? ""}, seed ${seed}: ${command}`,
  };
}

function headline({ differences }: PipelineResult): string {
  const said = (name: string): string =>
    `${name.replace(" - ", " against ")}: ${formatPoints(differences[name]!)} points of the gold ` +
    "total";
  return `${WORLD_COMPARISONS.map(([a, b]) => said(`${a} - ${b}`)).join("; ")}.`;
}

/** The recipe names what is not at its default. */
const recipeOptions = (recipe: WorldRecipe): UsedOption[] =>
  Object.entries(recipe).flatMap(([stage, options]) =>
    flatten({ [stage]: options }).map(([path, value]) => ({
      stage,
      option: path.slice(stage.length + 1),
      value,
      source: "recipe",
    })),
  );

function facts(
  { seed, world, folder, stages }: PipelineResult,
  seconds: number,
): [string, string][] {
  return [
    ["seed", String(seed)],
    ["time of all stages", formatSeconds(seconds)],
    [
      "data",
      `made from the seed: ${world.demonstrations.length} demonstrations, ` +
        `${world.preferences.length} judged pairs; the hash of each stage's is in its run.json`,
    ],
    [
      "requests of the evaluation",
      `${world.evaluation.length}, in wordings, deeds and about strangers that no trainer saw`,
    ],
    [
      "models",
      `${stages.length} stages in ${folder}; attune chat --model ${folder}/ppo talks to one`,
    ],
    [
      "versions",
      Object.entries(versions())
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
  ];
}

const formatSeconds = (seconds: number): string =>
  seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

function stageTable({ stages, evaluationSeconds }: PipelineResult): Table {
  return {
    caption: "Stages and their time",
    columns: [{ name: "stage" }, { name: "folder" }, { name: "seconds", align: "right" }],
    rows: [
      ...stages.map(({ stage, seconds }) => [stage.title, stage.name, seconds.toFixed(1)]),
      [
        "Evaluation: greedy answers of all models, judged by gold",
        "",
        evaluationSeconds.toFixed(1),
      ],
    ],
    note: "Options of a stage: config.resolved.json in its folder.",
  };
}

/** Rewards and gold along the way of both policies, and where the guard raised its voice. */
function hackingSection({ paths }: PipelineResult): ReportSection {
  const chart = (
    title: string,
    description: string,
    yLabel: string,
    value: (point: PathPoint) => number,
    marks: LineChart["marks"] = [],
  ): ReportPart => ({
    kind: "chart",
    chart: {
      kind: "lines",
      title,
      description,
      xLabel: "distance from SFT: square root of the KL, sqrt(nats)",
      yLabel,
      series: paths.map(({ name, points }) => ({
        name,
        points: points.map((point) => ({ x: distance(point), y: value(point) })),
      })),
      marks,
    } satisfies Chart,
  });
  return {
    title: "Is the reward hacked?",
    parts: [
      {
        kind: "text",
        text:
          "PPO climbs what the reward model likes. How far that is what people meant shows " +
          "beside it: a second reward model, trained on other pairs and never optimised, and " +
          "gold.",
      },
      chart(
        "What is optimised: the reward",
        "Mean reward of the answers, in standard deviations of the SFT model's answers.",
        "reward",
        ({ proxy }) => proxy,
      ),
      chart(
        "What was meant: gold",
        "Mean gold total of greedy answers to requests of the tuning split; the peak of each run " +
          "is marked.",
        "gold total",
        ({ gold }) => gold,
        paths.flatMap(peak),
      ),
      chart(
        "What a second reward model says",
        "Mean score by the held-out reward model.",
        "held-out reward",
        ({ heldOut }) => heldOut,
      ),
      { kind: "text", text: paths.map(guardSentence).join("\n\n") },
    ],
  };
}

const distance = ({ kl }: PathPoint): number => Math.sqrt(Math.max(0, kl));

function peak({ name, points }: PolicyPath): { x: number; y: number; label: string }[] {
  const best = points.reduce<PathPoint | undefined>(
    (most, point) => (!most || point.gold > most.gold ? point : most),
    undefined,
  );
  return best
    ? [
        {
          x: distance(best),
          y: best.gold,
          label: `${name}: peak ${formatNumber(100 * best.gold, 1)}%`,
        },
      ]
    : [];
}

function guardSentence({ name, points, alarm, fell }: PolicyPath): string {
  const [start, end] = [points[0], points.at(-1)];
  const way =
    start && end
      ? ` Gold went from ${formatNumber(100 * start.gold, 1)}% to ` +
        `${formatNumber(100 * end.gold, 1)}%, the reward from ${formatNumber(start.proxy)} to ` +
        `${formatNumber(end.proxy)}.`
      : "";
  const low =
    fell === undefined
      ? " At no look was gold below that of SFT with its interval clear of zero."
      : ` Gold was below that of SFT, its interval clear of zero, from roll-out ${fell} on.`;
  if (!alarm) return `${name}: the guard stayed quiet.${way}${low}`;
  return (
    `${name}: the guard would have stopped the run after roll-out ${alarm.step}, with gold at ` +
    `${formatNumber(100 * alarm.gold, 1)}%, ${formatPoints(alarm.change)} points against SFT ` +
    `(${alarm.message}).${way}${low}`
  );
}

/**
 * Requests of different kinds; among them those where PPO without its penalty lost most against PPO
 * with it.
 */
export function chooseExamples({
  models,
  world,
}: Pick<PipelineResult, "models" | "world">): number[] {
  const scores = (name: string) => models.find((model) => model.name === name)!.scores;
  const [held, free] = [scores("PPO with KL"), scores("PPO without KL")];
  const lost = world.evaluation
    .map((_, index) => ({ index, loss: held[index]!.total - free[index]!.total }))
    .toSorted((a, b) => b.loss - a.loss || a.index - b.index);
  const hacked = lost
    .filter(({ loss }) => loss > 0)
    .slice(0, 3)
    .map(({ index }) => index);
  const kinds = [...new Set(world.evaluation.map(({ kind }) => kind))].map((kind) =>
    world.evaluation.findIndex((request) => request.kind === kind),
  );
  return [...new Set([...hacked, ...kinds])];
}

function memorySection(memory: readonly MemoryFigure[]): ReportSection {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return {
    title: "Memory of four roles and of two",
    parts: [
      {
        kind: "table",
        table: {
          caption:
            "Peak resident memory of one training step, measured just now in a process each, MB",
          columns: [
            { name: "method" },
            { name: "peak", align: "right" },
            { name: "without Node.js and libraries", align: "right" },
            { name: "over one copy of the weights", align: "right" },
          ],
          rows: memory.map(({ name, peak: most, baseline, weights }) => [
            MEMORY_CASES[name],
            megabytes(most),
            megabytes(most - baseline),
            `${((most - baseline) / weights).toFixed(1)} times`,
          ]),
          note: `A model of random weights, ${megabytes(memory[0]!.weights)} MB in float32.`,
        },
      },
      {
        kind: "chart",
        chart: {
          kind: "bars",
          title: "Peak resident memory",
          description: "Largest resident memory of the process, in megabytes.",
          label: "MB",
          decimals: 0,
          bars: memory.map(({ name, peak: most }) => ({
            name: MEMORY_CASES[name],
            value: most / 1e6,
          })),
        },
      },
    ],
  };
}

/** One line on the reward model for the terminal. */
export const rewardModelLine = ({ rewardModel: { accuracy } }: PipelineResult): string =>
  `Reward model: right on ${formatShare(accuracy)} of ${accuracy.n} held-out pairs (noiseless ` +
  "preference)";

/** Lines on the ways of both policies for the terminal. */
export const pathLines = ({ paths }: PipelineResult): string => paths.map(guardSentence).join("\n");
