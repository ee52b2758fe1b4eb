/**
 * How a page was made: what was typed, seed, versions, hashes. Every page says it in the same words,
 * folded at its end, with the command in the open.
 */
import type { RunSummary } from "../runs/run-info.ts";
import { versions } from "../runs/versions.ts";
import { escapeHtml } from "./escape.ts";
import { formatDate } from "./provenance.ts";
import { renderFacts } from "./render-part.ts";
import type { Wording } from "./wording.ts";

export type Fact = readonly [name: string, value: string];

export interface Made {
  /** What was typed to make the page. */
  command: string;
  seed?: number;
  date?: Date;
  /** What else it takes to make it again, or tells how it went. */
  more?: readonly Fact[];
  /** Of what went in, by name. */
  hashes?: readonly Fact[];
}

const HASH_DIGITS = 16;

/** In the order in which every page says it. */
export const madeFacts = ({ command, seed, date, more = [], hashes = [] }: Made): Fact[] => [
  ["command", command],
  ...(seed === undefined ? [] : [["seed", String(seed)] as const]),
  ...(date ? [["made", formatDate(date)] as const] : []),
  ...more,
  ...hashes
    .filter(([, hash]) => hash !== "")
    .map(([name, hash]) => [`SHA-256 of ${name}`, hash.slice(0, HASH_DIGITS)] as const),
  ...Object.entries(versions()),
];

/** What a run's folder says of how it was made, for pages about it. */
export const runFacts = (
  { folder, info }: RunSummary,
  command: (argv: readonly string[]) => string,
): Pick<Required<Made>, "more" | "hashes"> => ({
  more: [
    ["run", folder],
    ["the run's command", command(info.argv)],
    ["the run's seed", String(info.seed)],
    ["begun", formatDate(new Date(info.created))],
    [
      "the run's versions",
      Object.entries(info.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
  ],
  hashes: [
    ["its data", info.dataHash],
    ["its model", info.modelFingerprint],
    ["its options", info.configHash ?? ""],
  ],
});

/** The end of a page; empty where nothing is known. */
export function renderMade(facts: readonly Fact[], wording: Wording): string {
  if (facts.length === 0) return "";
  const of = (name: string): string | undefined => facts.find(([each]) => each === name)?.[1];
  const [command, seed, version] = [of("command"), of("seed"), of("attune") ?? of("version")];
  const line = [
    ...(version === undefined ? [] : [`attune ${version}`]),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
  ].join(", ");
  return [
    "<footer>",
    `<p>${escapeHtml([line, command].filter(Boolean).join(": "))}</p>`,
    "<details>",
    "<summary>How this page was made: command, seed, dates, hashes and versions</summary>",
    renderFacts(facts, wording.fold()),
    "</details>",
    "</footer>",
  ].join("\n");
}
