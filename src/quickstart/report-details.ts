/** Everything else in the quickstart's report, folded: answers, texts, time, memory, options, data. */
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import type { Table } from "../evaluation/table.ts";
import { textStatistics, textStatisticsTable } from "../evaluation/text-statistics.ts";
import type { UsedOption } from "../report/provenance.ts";
import { formatDate, optionTable } from "../report/provenance.ts";
import { goldExamples } from "../report/report-sections.ts";
import { flatten } from "../runs/recorded.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import type { MemoryFigure } from "./method-memory.ts";
import { MEMORY_CASES } from "./method-memory.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { WorldRecipe } from "./recipe.ts";
import { chooseExamples } from "./report-examples.ts";

export function detailSections(
  result: PipelineResult,
  { memory, recipe }: { memory?: readonly MemoryFigure[] | undefined; recipe: WorldRecipe },
): ReportSection[] {
  const { models, world, answers } = result;
  const statistics = models.map(({ name }) => ({
    name,
    statistics: textStatistics(answers[name]!.map((text) => ({ text }))),
  }));
  const folded = (title: string, ...parts: ReportPart[]): ReportPart => ({
    kind: "folded",
    title,
    parts,
  });
  return [
    {
      title: "Everything else",
      parts: [
        folded("The same requests, answered by every model", {
          kind: "examples",
          examples: goldExamples(models, world.evaluation, {
            answers,
            chosen: chooseExamples(result),
          }),
        }),
        folded("How the answers are written: length, variety, repetition", {
          kind: "table",
          table: { ...textStatisticsTable(statistics), foldsFrom: 1 },
        }),
        folded("Stages, their time, their data and their versions", {
          kind: "table",
          table: stageTable(result),
        }),
        ...(memory ? [folded("Memory of four roles and of two", ...memoryParts(memory))] : []),
        folded("Options that are not at their defaults", {
          kind: "table",
          table: optionTable(recipeOptions(recipe)),
        }),
      ],
    },
  ];
}

const HASH_DIGITS = 16;

function stageTable({ clock, stages, evaluationSeconds }: PipelineResult): Table {
  const start = Math.min(...clock.stages.map(({ begin }) => begin));
  return {
    caption: "Stages and their time",
    columns: [
      { name: "stage" },
      { name: "folder" },
      { name: "begun", align: "right" },
      { name: "seconds", align: "right" },
      { name: "data, SHA-256" },
      { name: "options, SHA-256" },
      { name: "by attune" },
    ],
    rows: [
      ...clock.stages.map(({ name, title, seconds, begin }, i) => {
        const { dataHash, configHash, versions } = readRunInfo(stages[i]!.folder);
        return [
          title,
          name,
          `${((begin - start) / 1000).toFixed(0)} s`,
          seconds.toFixed(1),
          dataHash.slice(0, HASH_DIGITS),
          (configHash ?? "").slice(0, HASH_DIGITS),
          versions["attune"] ?? "",
        ];
      }),
      [
        "Evaluation: greedy answers of all models, judged by gold and by both reward models",
        "",
        "",
        evaluationSeconds.toFixed(1),
        "",
        "",
        "",
      ],
    ],
    note:
      `The first stage began ${formatDate(new Date(start))}; several work at once. Options of a ` +
      "stage: config.resolved.json in its folder.",
  };
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

function memoryParts(memory: readonly MemoryFigure[]): ReportPart[] {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return [
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
  ];
}
