/**
 * The constitutional part of the quickstart's report: what self-critique did to harm, and some
 * critiques to read, good and bad.
 */
import { countOf } from "../core/counts.ts";
import type { RevisionChain } from "../constitution/revise.ts";
import { promptText } from "../text/messages.ts";
import { PRINCIPLES } from "../world/critiques.ts";
import type { World } from "../world/index.ts";
import type { GoldScore } from "../world/gold.ts";
import { goldScore } from "../world/gold.ts";
import { slug } from "../evaluation/measure-names.ts";
import { evaluateGold, goldDifferenceTable, goldScoreTable } from "../evaluation/gold-table.ts";
import type { GoldEvaluation, GoldRow } from "../evaluation/gold-table.ts";
import type { Chart } from "../evaluation/chart.ts";
import type { Finding } from "../evaluation/findings.ts";
import type { Example } from "../evaluation/page.ts";
import { goldExamples } from "../report/report-sections.ts";
import { driftTable, revisionDrift } from "../evaluation/revision-drift.ts";
import type { Table } from "../evaluation/table.ts";
import { formatPoints, formatShare, formatTable } from "../evaluation/table.ts";
import type { ConstitutionResult, PipelineResult } from "./pipeline.ts";
import { helpfulLabels } from "./constitution.ts";
import { CONSTITUTION_COMPARISONS } from "./pipeline.ts";
import { CONSTITUTION_ROWS, constitutionPrice, weighed } from "./report-better.ts";
import { plainInterval } from "../stats/intervals.ts";
import { inPoints, pointsMeasure } from "./report-words.ts";

/** What became of the requests that invite harm, by gold, which the critic never saw. */
interface Outcome {
  kind: "harmful" | "lookalike";
  before: GoldScore;
  after: GoldScore;
}

function outcomes({ village, redTeam }: World, chains: readonly RevisionChain[]): Outcome[] {
  return chains.map(({ id, answer, steps }) => {
    const request = redTeam[id]!;
    return {
      kind: request.kind as Outcome["kind"],
      before: goldScore(village, request, answer),
      after: goldScore(village, request, steps.at(-1)?.revision ?? answer),
    };
  });
}

export function constitutionFinding(result: PipelineResult): Finding {
  const { constitution, world } = result;
  const { models, answers, chains } = constitution;
  const evaluation = evaluateGold(models, {
    compare: CONSTITUTION_COMPARISONS,
    rows: CONSTITUTION_ROWS,
  });
  const happened = outcomes(world, chains);
  const drift = revisionDrift(chains);
  const kinds = ["harmful", "lookalike", "question"]
    .map((kind) => world.evaluation.findIndex((request) => request.kind === kind))
    .filter((index) => index >= 0);
  const row = (name: string): GoldRow => evaluation.rows.find((each) => each.name === name)!;
  const price = constitutionPrice(result);
  const gains = price.harmless.verdict === "better";
  const costs = [price.helpful, price["over-refused"]].some(({ verdict }) => verdict === "worse");
  return {
    id: "can-it-correct-itself",
    question: "Can a model correct itself by written principles?",
    ...weighed(gains, costs || price.harmless.verdict === "worse"),
    answer:
      `${gains ? "Yes" : "Not clearly"}: learning from its own revisions changes harmlessness by ` +
      `${inPoints(price.harmless.value)} (n = ${price.harmless.value.n}), without a label of a person ` +
      `on harm.\n\n${costs ? "It has a price" : "A price is not shown"}: helpfulness changes by ` +
      `${inPoints(price.helpful.value)} (n = ${price.helpful.value.n}).`,
    measures: ["harmless", "helpful", "over-refused"].flatMap((name) =>
      CONSTITUTION_COMPARISONS.map(([a, b], i) =>
        pointsMeasure(
          `constitution/${slug(a)}-over-${slug(b)}/${name}`,
          `${a} over ${b}: ${name}`,
          plainInterval(row(name).differences[i]!),
          name === "over-refused" ? "lower" : "higher",
        ),
      ),
    ),
    figures: [{ kind: "chart", chart: constitutionChart(evaluation) }],
    details: [
      { kind: "text", text: constitutionText(result) },
      { kind: "table", table: goldScoreTable(evaluation) },
      { kind: "table", table: goldDifferenceTable(evaluation) },
      { kind: "table", table: outcomeTable(happened) },
      ...(drift ? [{ kind: "table" as const, table: driftTable(drift) }] : []),
      { kind: "text", text: "Critiques and revisions, good and bad:" },
      { kind: "examples", examples: chainExamples(result, 2) },
      { kind: "text", text: "The same requests of the evaluation, answered by each model:" },
      {
        kind: "examples",
        examples: goldExamples(models, world.evaluation, { answers, chosen: kinds }),
      },
    ],
  };
}

const constitutionText = ({ constitution: { chains, labels }, world }: PipelineResult): string =>
  "A model that was taught to help with anything answered " +
  `${countOf(chains.length, "request")}, of which some invite harm, criticised each ` +
  "answer by a principle drawn from the village's constitution, and rewrote it. It " +
  `learned to criticise from ${world.critiques.length} worked examples, none on a deed ` +
  "that it was asked about. No person said of any answer to these requests whether it " +
  `does harm. "AI labels" learned from ${labels} pairs of revision over first answer, ` +
  `"human labels" from ${labels} pairs of the same requests judged by the simulated ` +
  `people; both learned from ${countOf(helpfulLabels(world, labels).length, "pair")} on ` +
  "requests that do nobody harm too, judged by people, as in the paper.";

const constitutionChart = ({ models, rows }: GoldEvaluation): Chart => ({
  kind: "intervals",
  title: "Harmless, helpful, and what is refused without need",
  description: "Shares with their 95% intervals, by model, judged by gold.",
  label: "share",
  percent: true,
  rows: rows
    .filter(({ name }) => ["harmless", "helpful", "over-refused"].includes(name))
    .flatMap(({ name, n, models: intervals }) =>
      intervals.map((interval, i) => ({
        group: `${name} (n = ${n})`,
        series: models[i]!,
        interval: plainInterval(interval),
      })),
    ),
});

/** Critiques to read: so many of each kind. */
export function chainExamples(
  { constitution: { chains }, world }: PipelineResult,
  each: number,
): Example[] {
  const happened = outcomes(world, chains);
  return chooseChains(happened, each).map((index) =>
    chainExample(chains[index]!, happened[index]!),
  );
}

function outcomeTable(happened: readonly Outcome[]): Table {
  const row = (
    title: string,
    of: readonly Outcome[],
    holds: (score: GoldScore) => boolean,
  ): string[] => [
    title,
    String(of.length),
    ...(["before", "after"] as const).map((when) =>
      String(of.filter((each) => holds(each[when])).length),
    ),
  ];
  const [harmful, lookalike] = (["harmful", "lookalike"] as const).map((kind) =>
    happened.filter((each) => each.kind === kind),
  ) as [Outcome[], Outcome[]];
  return {
    caption: "First answers and last revisions, judged by gold",
    columns: [
      { name: "requests" },
      ...["in all", "first answer", "last revision"].map((name) => ({
        name,
        align: "right" as const,
      })),
    ],
    rows: [
      row("harmful, helped with", harmful, (score) => score.compliedWithHarm),
      row("only seem harmful, refused", lookalike, (score) => score.overRefused),
    ],
  };
}

/** Two of each: harm mended, harm overlooked, a refusal that nobody needed. */
export function chooseChains(happened: readonly Outcome[], each = 2): number[] {
  const those = (test: (outcome: Outcome) => boolean): number[] =>
    happened.flatMap((outcome, index) => (test(outcome) ? [index] : [])).slice(0, each);
  return [
    ...those(
      ({ kind, before, after }) =>
        kind === "harmful" && before.compliedWithHarm && after.harmless === 1,
    ),
    ...those(({ kind, after }) => kind === "harmful" && after.compliedWithHarm),
    ...those(
      ({ kind, before, after }) => kind === "lookalike" && !before.overRefused && after.overRefused,
    ),
  ];
}

function chainExample(
  { prompt, answer, steps }: RevisionChain,
  { before, after }: Outcome,
): Example {
  const remarks = (score: GoldScore): string[] =>
    score.compliedWithHarm
      ? ["helps with harm"]
      : score.overRefused
        ? ["refuses without need"]
        : [];
  return {
    prompt:
      typeof prompt === "string"
        ? prompt
        : prompt.length === 1
          ? prompt[0]!.content
          : promptText(prompt),
    answers: [
      { name: "first answer", text: answer, remarks: remarks(before) },
      ...steps.flatMap(({ principle, critique, revision }, index) => [
        { name: `principle ${index + 1}, drawn by lot`, text: principleText(principle) },
        { name: `critique ${index + 1}`, text: critique },
        {
          name: `revision ${index + 1}`,
          text: revision,
          remarks: index === steps.length - 1 ? remarks(after) : [],
        },
      ]),
    ],
  };
}

/** What the principle asks, and what it has changed. */
function principleText(id: string): string {
  const found = PRINCIPLES.find((each) => each.id === id);
  return found ? `${found.critique} ${found.revision}` : id;
}

/** For the terminal: harm, over-refusal and helpfulness of the four models, and what changed. */
export function constitutionLines({ models, labels, chains }: ConstitutionResult): string {
  const evaluation = evaluateGold(models, { compare: CONSTITUTION_COMPARISONS });
  const row = (name: string): GoldRow => evaluation.rows.find((each) => each.name === name)!;
  const names = ["harmless", "complied with harm", "over-refused", "helpful"];
  const scores = {
    caption:
      `Constitutional AI: ${countOf(chains.length, "answer")} criticised and rewritten; AI and ` +
      `human labels: ${labels} pairs each`,
    columns: [{ name: "" }, ...models.map(({ name }) => ({ name, align: "right" as const }))],
    rows: names.map((name) => [
      name,
      ...row(name).models.map((interval) => formatShare(interval, 1)),
    ]),
  };
  const changes = names
    .slice(0, 3)
    .map((name) => `${name} ${formatPoints(row(name).differences[0]!)}`);
  return [
    formatTable(scores),
    `constitutional against helpful only: ${changes.join("; ")} points`,
  ].join("\n");
}
