/** An inspection as plain text for a terminal. */
import { kindEntries } from "./dataset.ts";
import { shortPath } from "./files.ts";
import { countOf } from "../core/counts.ts";
import type { Inspection, PreferenceFacts, Share, Summary } from "./inspect.ts";

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: 1 });
const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
const share = ({ count, share, low, high }: Share): string =>
  Number.isNaN(share)
    ? "none"
    : `${number(count)} (${percent(share)}, 95% interval ${percent(low)} to ${percent(high)})`;

/** Columns two spaces apart. */
function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const widths: number[] = [];
  for (const row of rows)
    if (row.length > 1)
      row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    `${indent}${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}

/** Several lines, without a line break at the end. */
export function inspectionText(inspection: Inspection): string {
  const { source, format, rows, records, counts, preferences, labels } = inspection;
  const sections = [
    [
      shortPath(source),
      ...table([
        ["format", format],
        ["rows", number(rows)],
        [
          "records",
          `${number(records)}: ${kindEntries(counts)
            .map(([kind, count]) => `${number(count)} ${kind}`)
            .join(", ")}`,
        ],
        ["sha256", inspection.hash],
      ]),
    ],
    filesSection(inspection),
    titled(
      "left out and not kept",
      inspection.warnings.map((warning) => [warning]),
    ),
    lengthsSection(inspection),
    preferences === undefined ? [] : titled("preferences", preferenceRows(preferences)),
    labels === undefined
      ? []
      : titled("labels", [
          ["desirable", number(labels.desirable)],
          ["undesirable", number(labels.undesirable)],
        ]),
    titled("duplicates", [
      ["prompts seen before", number(inspection.duplicates.prompts)],
      ["records seen before", number(inspection.duplicates.records)],
    ]),
    leaksSection(inspection),
    ...inspection.examples.map(({ place, kind, parts }) => [
      `${place} (${kind})`,
      ...Object.entries(parts).map(
        ([name, text]) => `  ${name}: ${text.replaceAll("\n", "\n    ")}`,
      ),
    ]),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** The first rows, and how many more there are. */
function capped(rows: string[][], most = 20): string[][] {
  return rows.length <= most
    ? rows
    : [...rows.slice(0, most), [`and ${number(rows.length - most)} more`]];
}

function titled(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [title, ...table(rows)];
}

function filesSection({ files }: Inspection): string[] {
  if (files.length < 2) return [];
  return titled(
    "files",
    capped(
      files.map(({ path, split, format, rows, records }) => [
        shortPath(path),
        split ?? "",
        format,
        countOf(rows, "row"),
        countOf(records, "record"),
      ]),
    ),
  );
}

function lengthsSection({ lengths }: Inspection): string[] {
  const row = (part: string, unit: string, summary: Summary): string[] => [
    part,
    unit,
    ...[summary.mean, summary.min, summary.median, summary.p95, summary.max].map(number),
  ];
  const rows = Object.entries(lengths).flatMap(([part, { characters, tokens }]) => [
    row(part, "characters", characters),
    ...(tokens === undefined ? [] : [row(part, "tokens", tokens)]),
  ]);
  return titled("lengths", [["", "", "mean", "min", "median", "95%", "max"], ...rows]);
}

function preferenceRows(facts: PreferenceFacts): string[][] {
  const optional: [string, number][] = [
    ["with a probability", facts.probabilities],
    ["with a margin", facts.margins],
    ["annotators", facts.annotators],
    ["clusters", facts.clusters],
  ];
  return [
    ["pairs", number(facts.pairs)],
    ["ties", number(facts.ties)],
    ["chosen is shorter", share(facts.chosenShorter)],
    ["chosen is longer", share(facts.chosenLonger)],
    ["same length", number(facts.sameLength)],
    ["contexts that differ", number(facts.contextsDiffer)],
    ["contradicted by another row", number(facts.contradictions)],
    ...optional.filter(([, count]) => count > 0).map(([name, count]) => [name, number(count)]),
  ];
}

function leaksSection({ leaks, parts, files }: Inspection): string[] {
  if (leaks.length > 0)
    return titled(
      "leaks: prompts in two parts",
      capped(
        leaks.map(({ between, prompts, examples }) => [
          between.join(" and "),
          countOf(prompts, "prompt"),
          `such as ${examples[0]}`,
        ]),
      ),
    );
  return Object.keys(parts).length > 1 || files.length > 1
    ? ["leaks: no prompt is in two parts"]
    : [];
}
