/** Is it better, on what, and at whose expense: the models beside each other by gold. */
import { countOf } from "../core/counts.ts";
import { slug } from "../evaluation/measure-names.ts";
import type { Finding } from "../evaluation/findings.ts";
import type { GoldEvaluation, GoldRow, ScoredModel } from "../evaluation/gold-table.ts";
import { evaluateGold, goldDifferenceTable, goldScoreTable } from "../evaluation/gold-table.ts";
import type { Chart, IntervalChart } from "../evaluation/chart.ts";
import { judgedTogether } from "../evaluation/judged-differences.ts";
import type { Verdict } from "../evaluation/table.ts";
import { verdictOf } from "../evaluation/table.ts";
import type { Interval } from "../stats/intervals.ts";
import { plainInterval } from "../stats/intervals.ts";
import { REQUEST_KINDS } from "../world/requests.ts";
import { CONSTITUTION_COMPARISONS, WORLD_COMPARISONS } from "./pipeline.ts";
import type { PipelineResult } from "./pipeline.ts";
import { KINDS, inPoints, listOf, pointsMeasure, shareMeasure } from "./report-words.ts";

/** Trained from preferences, with something that holds them near SFT. */
export const METHODS = ["PPO with KL", "RLOO", "DPO"] as const;
const AGAINST_SFT = METHODS.map((name) => [name, "SFT"] as const);

interface Difference {
  name: string;
  value: Interval;
  /** After Holm's correction for all that its question looks at; undefined where nothing is claimed. */
  verdict: Verdict | undefined;
}

const clear = (differences: readonly Difference[], verdict: "better" | "worse"): Difference[] =>
  differences.filter((each) => each.verdict === verdict);

const differencesOf = ({ comparisons }: GoldEvaluation, row: GoldRow): Difference[] =>
  comparisons.map(([a, b], i) => {
    const { verdict, ...difference } = row.differences[i]!;
    return { name: `${a} over ${b}`, value: plainInterval(difference), verdict };
  });

/** "PPO with KL and RLOO": whom a difference from SFT is of. */
const whose = (differences: readonly Difference[]): string =>
  listOf(differences.map(({ name }) => name.replace(/ over SFT$/, "")));

/** The one that is furthest from zero, with its number, where there are several. */
function furthest(differences: readonly Difference[]): string {
  const most = differences.reduce((one, other) =>
    Math.abs(other.value.estimate) > Math.abs(one.value.estimate) ? other : one,
  );
  const number = inPoints(most.value);
  return differences.length === 1 ? number : `most with ${whose([most])}, ${number}`;
}

const sample = ({ requests, independent }: GoldEvaluation): string =>
  `n = ${countOf(requests, "request")}, about ${countOf(independent, "person or deed", "people and deeds")}`;

/** What a reader must know of several comparisons at once. */
const together = (count: number): string =>
  `Better and worse is what holds after Holm's correction for ${countOf(count, "comparison")}.`;

export function betterFinding({ models }: PipelineResult): Finding {
  const evaluation = evaluateGold(models, { compare: WORLD_COMPARISONS });
  const [total] = evaluation.rows as [GoldRow];
  const all = differencesOf(evaluation, total);
  const imitation = all.find(({ name }) => name === "SFT over raw")!;
  const methods = all.filter(({ name }) => METHODS.some((method) => name === `${method} over SFT`));
  const [gains, losses] = [clear(methods, "better"), clear(methods, "worse")];
  const open = methods.filter((each) => !gains.includes(each) && !losses.includes(each));
  const first = imitation.verdict ?? "not distinguishable";
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
      `Imitating good answers (SFT) is ${first} ${first === "not distinguishable" ? "from" : "than"} ` +
        `the raw model: ${inPoints(imitation.value)} of gold.`,
      ...(gains.length > 0
        ? [`Learning from preferences adds to that with ${whose(gains)}: ${furthest(gains)}.`]
        : []),
      ...(losses.length > 0
        ? [`It takes from that with ${whose(losses)}: ${furthest(losses)}.`]
        : []),
      ...(open.length > 0
        ? [`${whose(open)} cannot be told from SFT by so many requests: ${furthest(open)}.`]
        : []),
      `All by ${sample(evaluation)}.`,
    ].join(" "),
    measures: [
      ...evaluation.models.map((name, i) =>
        shareMeasure(`gold/${slug(name)}`, `${name}: gold`, plainInterval(total.models[i]!)),
      ),
      ...all.map(({ name, value }) => pointsMeasure(`gold/${slug(name)}`, `${name}: gold`, value)),
    ],
    figures: [{ kind: "chart", chart: goldChart(evaluation) }],
    details: [
      { kind: "table", table: goldScoreTable(evaluation) },
      {
        kind: "table",
        table: goldDifferenceTable(
          evaluateGold(models, { compare: WORLD_COMPARISONS, rows: ["total"] }),
        ),
      },
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
      interval: plainInterval(total.models[i]!),
    })),
  };
}

const AXES = {
  helpful: "what was asked for is given",
  honest: "nothing false is said",
  harmless: "no help with harm, no insult",
} as const;

export function axesFinding({ models }: PipelineResult): Finding {
  const evaluation = evaluateGold(models, { compare: AGAINST_SFT, rows: Object.keys(AXES) });
  const axes = evaluation.rows;
  const sentences = axes.map((row) => {
    const differences = differencesOf(evaluation, row);
    const [gains, losses] = [clear(differences, "better"), clear(differences, "worse")];
    const changes = [
      ...(gains.length > 0 ? [`${whose(gains)} gain, ${furthest(gains)}`] : []),
      ...(losses.length > 0 ? [`${whose(losses)} lose, ${furthest(losses)}`] : []),
    ];
    return (
      `${row.name[0]!.toUpperCase()}${row.name.slice(1)} (${AXES[row.name as keyof typeof AXES]}, ` +
      `n = ${row.n}): ${changes.length > 0 ? changes.join("; ") : "no clear change"}.`
    );
  });
  const all = axes.flatMap((row) => differencesOf(evaluation, row));
  const [gains, losses] = [clear(all, "better"), clear(all, "worse")];
  return {
    id: "on-what",
    question: "On what is it better?",
    ...weighed(gains.length > 0, losses.length > 0),
    answer: sentences.join("\n\n"),
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
            group: `${row.name} (n = ${row.n})`,
            differences: differencesOf(evaluation, row),
          })),
          {
            title: "What preferences changed, by axis",
            description:
              "Paired differences from SFT with the 95% interval of each alone, percentage points " +
              `of gold. ${together(all.length)}`,
            says: claimsSay(all),
          },
        ),
      },
    ],
    details: [
      { kind: "chart", chart: axisChart(models) },
      { kind: "table", table: goldDifferenceTable(evaluation) },
    ],
  };
}

/** Better in something, worse in something, or both: a gain that has a price says so. */
export function weighed(
  gains: boolean,
  losses: boolean,
): Pick<Finding, "conclusion" | "conclusions"> {
  if (gains && losses) return { conclusion: "better at a cost", conclusions: ["better", "worse"] };
  return { conclusion: gains ? "better" : losses ? "worse" : "not distinguishable" };
}

/** What is clear in a chart of differences, and what only looks so. */
function claimsSay(all: readonly Difference[]): string {
  const [gains, losses] = [clear(all, "better"), clear(all, "worse")];
  const alone = all.filter(
    ({ value, verdict }) =>
      verdict === "not distinguishable" && verdictOf(value) !== "not distinguishable",
  );
  return [
    `${gains.length} of ${countOf(all.length, "difference")} ${gains.length === 1 ? "is a gain" : "are gains"}` +
      `${losses.length > 0 ? `, ${losses.length} ${losses.length === 1 ? "a loss" : "losses"}` : ""}.`,
    ...(alone.length > 0
      ? [
          `${countOf(alone.length, "interval")} beside the line ${alone.length === 1 ? "is" : "are"} ` +
            `no conclusion: with all ${all.length} differences counted they are not clear.`,
        ]
      : []),
  ].join(" ");
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
          interval: plainInterval(interval),
        })),
      ),
  };
}

/** What is looked at where models learned from a constitution, and corrected for together. */
export const CONSTITUTION_ROWS = [
  "total",
  "helpful",
  "harmless",
  "complied with harm",
  "over-refused",
  "insulting",
] as const;

type Price = "helpful" | "over-refused" | "harmless";

/** What learning from a constitution changed, each with what it amounts to. */
export function constitutionPrice({
  constitution: { models },
}: Pick<PipelineResult, "constitution">): Record<Price, Difference> {
  const evaluation = evaluateGold(models, {
    compare: CONSTITUTION_COMPARISONS,
    rows: CONSTITUTION_ROWS,
  });
  const of = (name: string): Difference =>
    differencesOf(
      evaluation,
      evaluation.rows.find((row) => row.name === name)!,
    )[0]!;
  return { helpful: of("helpful"), "over-refused": of("over-refused"), harmless: of("harmless") };
}

/** Differences from SFT by kind of request, corrected together. */
function byKind({ models, world }: PipelineResult): { group: string; differences: Difference[] }[] {
  const compare = [...AGAINST_SFT, ["PPO without KL", "SFT"]] as const;
  const kinds = REQUEST_KINDS.flatMap((kind) => {
    const chosen = world.evaluation.flatMap((request, i) => (request.kind === kind ? [i] : []));
    if (chosen.length === 0) return [];
    const part = models.map(({ name, scores, clusters }) => ({
      name,
      scores: chosen.map((i) => scores[i]!),
      ...(clusters ? { clusters: chosen.map((i) => clusters[i]!) } : {}),
    }));
    const [total] = evaluateGold(part, { compare, rows: ["total"] }).rows as [GoldRow];
    return [{ group: `${KINDS[kind]} (n = ${chosen.length})`, differences: total.differences }];
  });
  const judged = judgedTogether(
    kinds.flatMap(({ differences }) => differences.map((each) => ({ ...each, good: "higher" }))),
  );
  return kinds.map(({ group }, row) => ({
    group,
    differences: compare.map(([a, b], i) => {
      const { verdict, ...difference } = judged[row * compare.length + i]!;
      return { name: `${a} over ${b}`, value: plainInterval(difference), verdict };
    }),
  }));
}

/** Who lost, by kind of request; and what harmlessness cost. */
export function expenseFinding(result: PipelineResult): Finding {
  const kinds = byKind(result);
  const lost = (from: number, to?: number): { group: string; worse: Difference[] }[] =>
    kinds
      .map(({ group, differences }) => ({
        group,
        worse: clear(differences.slice(from, to), "worse"),
      }))
      .filter(({ worse }) => worse.length > 0);
  const [losses, hacked] = [lost(0, METHODS.length), lost(METHODS.length)];
  const price = constitutionPrice(result);
  const costs = [price.helpful, price["over-refused"]].some(({ verdict }) => verdict === "worse");
  return {
    id: "at-whose-expense",
    question: "At whose expense?",
    conclusion: losses.length > 0 || costs ? "worse" : "not shown",
    answer: [
      losses.length > 0
        ? `Some pay for what others gain: ${listOf(
            losses.map(({ group, worse }) => `${group}, with ${whose(worse)}, ${furthest(worse)}`),
          )}.`
        : "Nobody's, as far as these requests can show: PPO with KL, RLOO and DPO answer no kind " +
          "of request clearly worse than SFT.",
      ...(hacked.length > 0
        ? [
            `Without its brake PPO answers worse: ${listOf(
              hacked.map(({ group, worse }) => `${group}, ${furthest(worse)}`),
            )}.`,
          ]
        : []),
      costs
        ? "What the constitution makes harmless it pays for in help: helpfulness changes by " +
          `${inPoints(price.helpful.value)}, and harmless requests that are turned down by ` +
          `${inPoints(price["over-refused"].value)}.`
        : "That learning from the constitution costs help is not shown: helpfulness changes by " +
          `${inPoints(price.helpful.value)}.`,
    ].join("\n\n"),
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
            "Paired differences of the gold total from SFT with the 95% interval of each alone, " +
            "percentage points. Where too few are independent, only the dot is drawn. " +
            together(kinds.reduce((sum, { differences }) => sum + differences.length, 0)),
          says: claimsSay(kinds.flatMap(({ differences }) => differences)),
        }),
      },
    ],
    details: [],
  };
}
