/** The report on a constitutional run: labels, agreement, biases, drift, and examples to read. */
import { countOf } from "../core/counts.ts";
import type { AiComparison } from "../constitution/compare.ts";
import type { RevisionChain } from "../constitution/revise.ts";
import { promptText } from "../text/messages.ts";
import { comparisonSummary, comparisonTables } from "../evaluation/ai-labels.ts";
import type { ComparisonSummary } from "../evaluation/ai-labels.ts";
import type { Fact } from "./made.ts";
import type { Report } from "./report.ts";
import type { Example, ReportSection } from "../evaluation/page.ts";
import { driftTable, phraseTable, revisionDrift } from "../evaluation/revision-drift.ts";
import type { RevisionDrift } from "../evaluation/revision-drift.ts";
import { formatMean, formatShare, formatTable } from "../evaluation/table.ts";
import type { Table } from "../evaluation/table.ts";
import type { Interval } from "../stats/intervals.ts";
import { isRefusal } from "../evaluation/text-style.ts";

export interface ConstitutionResults {
  chains: readonly RevisionChain[];
  comparisons: readonly AiComparison[];
  /** Examples of each kind. */
  examples: number;
}

export interface ConstitutionReport {
  drift?: RevisionDrift;
  labels?: ComparisonSummary;
  /** The report as text for the terminal. */
  text: string;
  report: Report;
}

export function constitutionReport(
  { chains, comparisons, examples }: ConstitutionResults,
  made: readonly Fact[],
): ConstitutionReport {
  const drift = revisionDrift(chains);
  const labels = comparisons.length === 0 ? undefined : comparisonSummary(comparisons);
  const sections: { title: string; tables: readonly Table[]; examples: readonly Example[] }[] = [
    ...(drift === undefined
      ? []
      : [
          {
            title: "Revisions",
            tables: [principleCounts(chains), driftTable(drift), phraseTable(drift.phrases)],
            examples: revisionExamples(chains, examples),
          },
        ]),
    ...(labels === undefined
      ? []
      : [
          {
            title: "AI labels",
            tables: comparisonTables(labels),
            examples: comparisonExamples(comparisons, examples),
          },
        ]),
  ];
  const text = sections
    .flatMap(({ tables, examples }) => [...tables.map(formatTable), ...examples.map(exampleText)])
    .join("\n\n");
  const report: Report = {
    title: "Constitutional AI",
    verdict: verdictOf(drift, labels),
    summary: summaryOf(chains, comparisons),
    sections: sections.map(({ title, tables, examples }): ReportSection => ({
      title,
      parts: [
        { kind: "examples", examples },
        ...tables.map((table) => ({ kind: "table" as const, table })),
      ],
    })),
    made,
  };
  return { ...(drift ? { drift } : {}), ...(labels ? { labels } : {}), text, report };
}

/** What revising changed, and whether people agree with the labels. */
function verdictOf(
  drift: RevisionDrift | undefined,
  labels: ComparisonSummary | undefined,
): NonNullable<Report["verdict"]> {
  const sentences = [
    ...(drift === undefined
      ? []
      : [
          `Of ${countOf(drift.pairs, "prompt")}, ${formatShare(drift.unchanged)} end with their ` +
            `first answer. ${lengthSentence(drift.words.difference)}`,
        ]),
    ...(labels === undefined
      ? []
      : [
          `The judge gave ${countOf(labels.labels, "label")}; asked in the other order, it named ` +
            `the other answer in ${formatShare(labels.flipped)} (n = ${labels.flipped.n}).`,
          labels.human === undefined
            ? "No person's labels were there to compare with."
            : `People agree with ${formatShare(labels.human.accuracy)} of its labels ` +
              `(n = ${labels.human.accuracy.n}); a rule that only counts words reaches ` +
              `${formatShare(labels.human.longestWins)}.`,
        ]),
  ];
  return sentences.length === 0
    ? { conclusion: "no conclusion", sentence: "Nothing was revised or compared." }
    : { conclusion: "measured", sentence: sentences.join(" ") };
}

/** "Last revisions are shorter than first answers by 0.4 [0.1, 0.7] words." */
function lengthSentence(difference: Interval): string {
  const { estimate, low, high, ...rest } = difference;
  const shorter = estimate < 0;
  const size = shorter ? { ...rest, estimate: -estimate, low: -high, high: -low } : difference;
  return (
    `Last revisions are ${shorter ? "shorter" : "longer"} than first answers by ` +
    `${formatMean(size, 1)} words in the mean.`
  );
}

function summaryOf(chains: readonly RevisionChain[], comparisons: readonly AiComparison[]): string {
  const hashes = [
    ...new Set([...chains, ...comparisons].map(({ constitution }) => constitution.slice(0, 12))),
  ];
  const critics = [...new Set([...chains, ...comparisons].map(({ critic }) => critic))];
  return [
    ...(chains.length > 0
      ? [`${countOf(chains.length, "prompt")} answered, criticised and revised.`]
      : []),
    ...(comparisons.length > 0
      ? [`${countOf(comparisons.length, "pair")} of answers judged in both orders.`]
      : []),
    `Constitution ${hashes.join(", ")}; critic ${critics.join(", ")}.`,
  ].join(" ");
}

function principleCounts(chains: readonly RevisionChain[]): Table {
  const steps = chains.flatMap((chain) =>
    chain.steps.map((step, index) => ({
      ...step,
      before: index === 0 ? chain.answer : chain.steps[index - 1]!.revision,
    })),
  );
  const names = [...new Set(steps.map(({ principle }) => principle))].toSorted();
  return {
    caption: "Revisions by principle",
    columns: [
      { name: "principle" },
      ...["revisions", "changed nothing"].map((name) => ({ name, align: "right" as const })),
    ],
    rows: names.map((name) => {
      const own = steps.filter(({ principle }) => principle === name);
      return [
        name,
        String(own.length),
        String(own.filter(({ revision, before }) => revision === before || revision === "").length),
      ];
    }),
  };
}

/**
 * Some chains at even distances, so that nobody picked them; what the reader should look at is
 * remarked.
 */
function revisionExamples(chains: readonly RevisionChain[], count: number): Example[] {
  return spread(
    chains.filter(({ steps }) => steps.length > 0),
    count,
  ).map(({ prompt, answer, steps }) => ({
    prompt: promptText(prompt),
    answers: [
      { name: "first answer", text: answer, remarks: isRefusal(answer) ? ["refuses"] : [] },
      ...steps.flatMap(({ principle, critique, revision }, index) => [
        { name: `critique ${index + 1}`, text: critique, remarks: [principle] },
        {
          name: `revision ${index + 1}`,
          text: revision,
          remarks: [
            ...(isRefusal(revision) ? ["refuses"] : []),
            ...(revision === (index === 0 ? answer : steps[index - 1]!.revision)
              ? ["unchanged"]
              : []),
          ],
        },
      ]),
    ],
  }));
}

/** The surest labels, and among those with people's labels the surest that people contradict. */
function comparisonExamples(comparisons: readonly AiComparison[], count: number): Example[] {
  const surest = comparisons
    .filter(({ p }) => p !== undefined)
    .toSorted((a, b) => Math.abs(b.raw! - 0.5) - Math.abs(a.raw! - 0.5));
  const wrong = surest.filter(
    ({ p, human }) => human !== undefined && human !== 0.5 && human > 0.5 !== p! > 0.5,
  );
  const chosen = new Set([...surest.slice(0, count), ...wrong.slice(0, count)]);
  return [...chosen].map((comparison) => ({
    prompt: promptText(comparison.prompt),
    answers: [
      { name: "first", text: comparison.first, remarks: remarksOf(comparison, true) },
      { name: "second", text: comparison.second, remarks: remarksOf(comparison, false) },
      ...comparison.readings
        .filter(({ reasoning }) => reasoning !== undefined)
        .map(({ principle, shownFirst, reasoning }) => ({
          name: `reasoning, ${shownFirst} shown as A`,
          text: reasoning!,
          remarks: [principle],
        })),
    ],
  }));
}

function remarksOf({ p, human, readings }: AiComparison, isFirst: boolean): string[] {
  const own = isFirst ? p! : 1 - p!;
  const people = human === undefined ? undefined : isFirst ? human : 1 - human;
  const principles = [...new Set(readings.map(({ principle }) => principle))].join(", ");
  return [
    `judge ${(100 * own).toFixed(0)}% by ${principles}`,
    ...(people !== undefined && people > 0.5 ? ["preferred by people"] : []),
  ];
}

/** Items at even distances. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from(
    { length: count },
    (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!,
  );
}

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");

function exampleText({ prompt, answers }: Example): string {
  return [
    `--- ${prompt.split("\n").join("\n    ")}`,
    ...answers.map(({ name, text, remarks = [] }) => {
      const remarked = remarks.length > 0 ? ` (${remarks.join("; ")})` : "";
      return `  ${name}${remarked}:\n${indent(text === "" ? "(nothing)" : text)}`;
    }),
  ].join("\n");
}
