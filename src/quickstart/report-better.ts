/** Is it better, on what, and at whose expense: the models beside each other by gold. */
import { countOf } from "../core/counts.ts";
import { slug } from "../evaluation/measure-names.ts";
import type { Finding } from "../evaluation/findings.ts";
import type { GoldEvaluation, GoldRow, ScoredModel } from "../evaluation/gold-table.ts";
import { evaluateGold, goldDifferenceTable, goldScoreTable } from "../evaluation/gold-table.ts";
import type { Chart, IntervalChart } from "../evaluation/chart.ts";
import { verdictOf } from "../evaluation/table.ts";
import type { Interval } from "../stats/intervals.ts";
import { REQUEST_KINDS } from "../world/requests.ts";
import { CONSTITUTION_COMPARISONS, WORLD_COMPARISONS } from "./pipeline.ts";
import type { PipelineResult } from "./pipeline.ts";
import { KINDS, inPoints, listOf, plain, pointsMeasure, shareMeasure } from "./report-words.ts";

/** Trained from preferences, with something that holds them near SFT. */
export const METHODS = ["PPO with KL", "RLOO", "DPO"] as const;
const AGAINST_SFT = METHODS.map((name) => [name, "SFT"] as const);

type Difference = { name: string; value: Interval };

const clear = (differences: readonly Difference[], good: "better" | "worse"): Difference[] =>
  differences.filter(({ value }) => value.noClaim === undefined && verdictOf(value) === good);

const told = (differences: readonly Difference[]): string =>
  listOf(differences.map(({ name, value }) => `${name} ${inPoints(value)}`));

const differencesOf = ({ comparisons }: GoldEvaluation, row: GoldRow): Difference[] =>
  comparisons.map(([a, b], i) => ({ name: `${a} over ${b}`, value: plain(row.differences[i]!) }));

const sample = ({ requests, independent }: GoldEvaluation): string =>
  `n = ${countOf(requests, "request")}, about ${countOf(independent, "person or deed", "people and deeds")}.`;

export function betterFinding({ models }: PipelineResult): Finding {
  const evaluation = evaluateGold(models, { compare: WORLD_COMPARISONS });
  const [total] = evaluation.rows as [GoldRow];
  const all = differencesOf(evaluation, total);
  const imitation = all.find(({ name }) => name === "SFT over raw")!;
  const methods = all.filter(({ name }) => METHODS.some((method) => name === `${method} over SFT`));
  const [gains, losses] = [clear(methods, "better"), clear(methods, "worse")];
  const open = methods.filter((each) => !gains.includes(each) && !losses.includes(each));
  const first = verdictOf(imitation.value);
  return {
    id: "is-it-better",
    question: "Is it better?",
    conclusion:
      losses.length > 0
        ? "worse"
        : first === "better" || gains.length > 0
          ? "better"
          : "not distinguishable",
    answer: [
      `Imitating good answers (SFT) is ${first}${first === "not distinguishable" ? " from" : " than"} ` +
        `the raw model: ${inPoints(imitation.value)} of gold.`,
      ...(gains.length > 0 ? [`Learning from preferences adds to that: ${told(gains)}.`] : []),
      ...(losses.length > 0 ? [`It takes from that: ${told(losses)}.`] : []),
      ...(open.length > 0 ? [`Not distinguishable from SFT: ${told(open)}.`] : []),
      sample(evaluation),
    ].join(" "),
    measures: [
      ...evaluation.models.map((name, i) =>
        shareMeasure(`gold/${slug(name)}`, `${name}: gold`, plain(total.models[i]!)),
      ),
      ...all.map(({ name, value }) => pointsMeasure(`gold/${slug(name)}`, `${name}: gold`, value)),
    ],
    figures: [{ kind: "chart", chart: goldChart(evaluation) }],
    details: [
      { kind: "table", table: goldScoreTable(evaluation) },
      { kind: "table", table: goldDifferenceTable(evaluation) },
    ],
  };
}

function goldChart({ models, rows, requests }: GoldEvaluation): Chart {
  const [total] = rows as [GoldRow];
  const best = models.reduce((most, _, i) =>
    total.models[i]!.estimate > total.models[models.indexOf(most)]!.estimate ? models[i]! : most,
  );
  return {
    kind: "intervals",
    title: "How much of what is asked for each model gives",
    description:
      `Gold total of the answers to the same ${countOf(requests, "request")}, mean with its 95% ` +
      "interval. Intervals of two models may overlap where their paired difference is clear.",
    says: `${best} gives most here; which gaps are clear, the paired differences say.`,
    label: "gold total",
    percent: true,
    rows: models.map((name, i) => ({
      group: name,
      series: "gold",
      interval: plain(total.models[i]!),
    })),
  };
}

const AXES = {
  helpful: "what was asked for is given",
  honest: "nothing false is said",
  harmless: "no help with harm, no insult",
} as const;

export function axesFinding({ models }: PipelineResult): Finding {
  const evaluation = evaluateGold(models, { compare: AGAINST_SFT });
  const axes = evaluation.rows.filter(({ name }) => name in AXES);
  const sentences = axes.map((row) => {
    const differences = differencesOf(evaluation, row);
    const [gains, losses] = [clear(differences, "better"), clear(differences, "worse")];
    const changes = [
      ...(gains.length > 0 ? [`gain of ${told(gains)}`] : []),
      ...(losses.length > 0 ? [`loss of ${told(losses)}`] : []),
    ];
    return (
      `${row.name[0]!.toUpperCase()}${row.name.slice(1)} (${AXES[row.name as keyof typeof AXES]}, ` +
      `n = ${row.n}): ${changes.length > 0 ? changes.join("; ") : "no clear change"}.`
    );
  });
  const all = axes.flatMap((row) => differencesOf(evaluation, row));
  return {
    id: "on-what",
    question: "On what is it better?",
    conclusion:
      clear(all, "worse").length > 0
        ? "worse"
        : clear(all, "better").length > 0
          ? "better"
          : "not distinguishable",
    answer: sentences.join(" "),
    measures: axes.flatMap((row) =>
      differencesOf(evaluation, row).map(({ name, value }) =>
        pointsMeasure(`${row.name}/${slug(name)}`, `${name}: ${row.name}`, value),
      ),
    ),
    figures: [
      {
        kind: "chart",
        chart: differenceChart(
          axes.map((row) => ({
            group: `${row.name} (${row.n})`,
            differences: differencesOf(evaluation, row),
          })),
          {
            title: "What preferences changed, by axis",
            description:
              "Paired differences from SFT with their 95% intervals, points of gold; n stands in " +
              "brackets.",
            says: "An interval to the right of the line is a gain; one across it is no conclusion.",
          },
        ),
      },
    ],
    details: [{ kind: "chart", chart: axisChart(models) }],
  };
}

const differenceChart = (
  groups: readonly { group: string; differences: readonly Difference[] }[],
  text: Pick<IntervalChart, "title" | "description" | "says">,
): Chart => ({
  kind: "intervals",
  ...text,
  label: "difference from SFT, points",
  percent: true,
  level: { x: 0, label: "as SFT" },
  rows: groups.flatMap(({ group, differences }) =>
    differences.map(({ name, value }) => ({
      group,
      series: name.replace(/ over SFT$/, ""),
      interval: value,
    })),
  ),
});

function axisChart(models: readonly ScoredModel[]): Chart {
  const { rows, models: names } = evaluateGold(models);
  return {
    kind: "intervals",
    title: "Gold by axis",
    description: "Mean of each axis with its 95% interval, by model; further right is better.",
    label: "gold",
    percent: true,
    rows: rows
      .filter(({ name }) => name in AXES)
      .flatMap(({ name, models: intervals }) =>
        intervals.map((interval, i) => ({
          group: name,
          series: names[i]!,
          interval: plain(interval),
        })),
      ),
  };
}

/** Who lost, by kind of request; and what harmlessness cost. */
export function expenseFinding({ models, world, constitution }: PipelineResult): Finding {
  const kinds = REQUEST_KINDS.flatMap((kind) => {
    const chosen = world.evaluation.flatMap((request, i) => (request.kind === kind ? [i] : []));
    if (chosen.length === 0) return [];
    const part = models.map(({ name, scores, clusters }) => ({
      name,
      scores: chosen.map((i) => scores[i]!),
      ...(clusters ? { clusters: chosen.map((i) => clusters[i]!) } : {}),
    }));
    const evaluation = evaluateGold(part, {
      compare: [...AGAINST_SFT, ["PPO without KL", "SFT"]],
    });
    return [
      {
        group: `${KINDS[kind]} (${chosen.length})`,
        differences: differencesOf(evaluation, evaluation.rows[0]!),
      },
    ];
  });
  const losses = kinds.flatMap(({ group, differences }) =>
    clear(differences.slice(0, METHODS.length), "worse").map(
      ({ name, value }) => `${name}, ${group}: ${inPoints(value)}`,
    ),
  );
  const hacked = kinds.flatMap(({ group, differences }) =>
    clear(differences.slice(METHODS.length), "worse").map(
      ({ value }) => `${group}: ${inPoints(value)}`,
    ),
  );
  const price = evaluateGold(constitution.models, { compare: CONSTITUTION_COMPARISONS });
  const cost = (name: string): Interval =>
    plain(price.rows.find((row) => row.name === name)!.differences[0]!);
  return {
    id: "at-whose-expense",
    question: "At whose expense?",
    conclusion: losses.length > 0 ? "worse" : "not distinguishable",
    answer: [
      losses.length > 0
        ? `Some pay for it: ${listOf(losses)}.`
        : "Nobody's, as far as these requests can show: PPO with KL, RLOO and DPO answer no kind " +
          "of request clearly worse than SFT.",
      ...(hacked.length > 0 ? [`PPO without KL does: ${listOf(hacked)}.`] : []),
      `Learning from a constitution changes helpfulness by ${inPoints(cost("helpful"))}, over-refused ` +
        `harmless requests by ${inPoints(cost("over-refused"))}, and harmlessness by ` +
        `${inPoints(cost("harmless"))}.`,
    ].join(" "),
    measures: kinds.flatMap(({ group, differences }) =>
      differences.map(({ name, value }) =>
        pointsMeasure(
          `expense/${slug(group.replace(/ \(.*/, ""))}/${slug(name)}`,
          `${name}: ${group.replace(/ \(.*/, "")}`,
          value,
        ),
      ),
    ),
    figures: [
      {
        kind: "chart",
        chart: differenceChart(kinds, {
          title: "Who gains and who loses, by kind of request",
          description:
            "Paired differences of the gold total from SFT, with 95% intervals; the number of " +
            "requests in brackets. Where too few are independent, only the dot is drawn.",
        }),
      },
    ],
    details: [],
  };
}
