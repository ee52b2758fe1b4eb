/** What several parts of an evaluation found, as one page. */
import { countOf } from "../../core/counts.ts";
import type { IntervalChart } from "../../evaluation/chart.ts";
import type { Concluded } from "../../evaluation/conclusion.ts";
import { GRAVE, conclusionText, gravest } from "../../evaluation/conclusion.ts";
import type { Finding, Findings, Verdict } from "../../evaluation/findings.ts";
import { PARTS } from "./parts.ts";
import type { PartFindings } from "./part.ts";

interface FoundPart {
  name: string;
  subject: string;
  found: PartFindings;
}

export function togetherFindings(
  parts: readonly FoundPart[],
  { facts }: { facts: Findings["facts"] },
): Findings {
  const several = parts.length > 1;
  const picture =
    (several ? overview(parts) : undefined) ??
    parts.map(({ found }) => found.picture).find((each) => each !== undefined);
  return {
    title: titleOf(parts),
    verdict: verdictOf(parts),
    ...(picture ? { picture } : {}),
    findings: parts.flatMap(({ found }) => found.findings),
    warnings: parts.flatMap(({ name, found: { warnings = [] } }) =>
      several ? warnings.map((text) => `${PARTS[name]!.title}: ${text}`) : warnings,
    ),
    facts: [...facts, ...parts.flatMap(({ found }) => found.facts ?? [])],
  };
}

function titleOf(parts: readonly FoundPart[]): string {
  const subjects = [...new Set(parts.map(({ subject }) => subject))];
  return `${parts.map(({ name }) => PARTS[name]!.title).join(", ")}: ${subjects.join(", ")}`;
}

/** What each part says first; of several parts the gravest conclusion is that of the page. */
function verdictOf(parts: readonly FoundPart[]): Verdict {
  const said = parts.map(({ name, found }) => ({
    title: PARTS[name]!.title,
    ...firstFinding(found, parts.length > 1),
  }));
  const [one] = said;
  if (one !== undefined && said.length === 1) return verdictIn(one, one.sentence);
  const conclusion = gravest(said.map((each) => each.conclusion));
  const grave = said.find((each) => each.conclusion === conclusion);
  return verdictIn(
    grave ?? { conclusion },
    [
      ...(grave === undefined || conclusion === "measured"
        ? []
        : [`That is the gravest answer of ${countOf(said.length, "part")}: ${grave.title}.`]),
      ...said.map(partText),
    ].join("\n\n"),
  );
}

const verdictIn = ({ conclusion, than, conclusions }: Concluded, sentence: string): Verdict => ({
  conclusion,
  ...(than === undefined ? {} : { than }),
  ...(conclusions === undefined ? {} : { conclusions }),
  sentence,
});

/** The first share of each part beside each other; undefined where fewer than two parts have one. */
function overview(parts: readonly FoundPart[]): IntervalChart | undefined {
  const rows = parts.flatMap(({ name, found: { findings } }) => {
    const measure = findings
      .flatMap(({ measures }) => measures)
      .find(({ unit, value }) => unit === "share" && Number.isFinite(value.estimate));
    if (measure === undefined) return [];
    const less = measure.good === "lower" ? ", less is better" : "";
    return [
      {
        group: `${PARTS[name]!.title}: ${measure.name}${less}`,
        series: "share",
        interval: measure.value,
      },
    ];
  });
  if (rows.length < 2) return undefined;
  return {
    kind: "intervals",
    title: "The first number of each part",
    description:
      "Shares with their 95% intervals. They are of different things, and not to be compared with " +
      "each other.",
    label: "share",
    percent: true,
    rows,
  };
}

/** A part with its conclusion, where it has one to be told: the page's is of one of them. */
function partText(said: Verdict & { title: string }): string {
  const concluded = said.conclusion === "measured" ? "" : ` (${conclusionText(said)})`;
  return `${said.title}${concluded}: ${said.sentence}`;
}

/**
 * The first finding in short, and the gravest of the others where it is graver.
 * @param brief without the first one's numbers where there is a graver one
 */
function firstFinding({ findings }: PartFindings, brief: boolean): Verdict {
  const [first, ...others] = findings;
  if (!first) return { conclusion: "no conclusion", sentence: "Nothing was found." };
  const grave = GRAVE.slice(0, GRAVE.indexOf(first.conclusion) + 1 || GRAVE.length)
    .flatMap((each) => others.find(({ conclusion }) => conclusion === each) ?? [])
    .at(0);
  if (!grave || grave.conclusion === first.conclusion) return verdictIn(first, inShort(first));
  return verdictIn(
    grave,
    `${grave.question} ${inShort(grave)}${brief ? "" : ` ${inShort(first)}`}`,
  );
}

const inShort = ({ brief, answer }: Finding): string => brief ?? answer;
