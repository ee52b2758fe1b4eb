/**
 * Findings as JUnit XML, which systems of CI show: a suite for a page, a case for each finding and
 * for each thing that was asked of them.
 *
 * Source: the schema of Ant's JUnit report (windyroad/JUnit-Schema) and Jenkins's junit-10.xsd, both
 * of which take it.
 */
import { conclusionText } from "./conclusion.ts";
import type { Finding, Findings } from "./findings.ts";
import { measureText } from "./measure-text.ts";
import type { Requirement } from "./thresholds.ts";

export interface JunitOptions {
  /** What was asked, as `judgeFindings` gives it. */
  requirements: readonly Requirement[];
  /** The command, such as `attune compare`. */
  command: string;
  /** ISO 8601; when the run began, so that equal runs give equal bytes. */
  created: string;
}

/**
 * The whole file. A finding fails where the verdict of `--fail-on` says so, which is a case of its
 * own; one without a conclusion is skipped, with its reason.
 */
export function junitReport(
  findings: Findings,
  { requirements, command, created }: JunitOptions,
): string {
  const name = command.replaceAll(" ", ".");
  const cases = [
    ...findings.findings.map((finding) => caseOfFinding(finding, name)),
    ...requirements.map((requirement) => caseOfRequirement(requirement, name)),
  ];
  const failures = requirements.filter(({ met }) => !met).length;
  const skipped = findings.findings.filter(isSkipped).length;
  const output = [
    `${conclusionText(findings.verdict)}: ${findings.verdict.sentence}`,
    ...findings.findings.flatMap(({ measures }) =>
      measures.map((measure) => `${measure.id}: ${measureText(measure)}`),
    ),
  ].join("\n");
  const suite = attributes({
    name: findings.title,
    package: name,
    id: "0",
    hostname: "localhost",
    timestamp: created.slice(0, 19),
    tests: String(cases.length),
    failures: String(failures),
    errors: "0",
    skipped: String(skipped),
    time: "0",
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite${suite}>`,
    "    <properties>",
    ...findings.facts.map(
      ([fact, value]) => `      <property${attributes({ name: fact, value })}/>`,
    ),
    "    </properties>",
    ...cases,
    `    <system-out>${escapeXml(output)}</system-out>`,
    `    <system-err>${escapeXml(findings.warnings.join("\n"))}</system-err>`,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

const isSkipped = ({ conclusion }: Finding): boolean => conclusion === "no conclusion";

function caseOfFinding(finding: Finding, classname: string): string {
  const name = `${finding.question} ${conclusionText(finding)}`;
  return isSkipped(finding)
    ? testCase({ name, classname }, `<skipped${attributes({ message: finding.answer })}/>`)
    : testCase({ name, classname });
}

const caseOfRequirement = ({ name, met, sentence }: Requirement, classname: string): string =>
  testCase(
    { name, classname },
    met
      ? undefined
      : `<failure${attributes({ message: sentence, type: "threshold" })}>${escapeXml(sentence)}` +
          "</failure>",
  );

function testCase(names: { name: string; classname: string }, inner?: string): string {
  const opening = `    <testcase${attributes({ ...names, time: "0" })}`;
  return inner === undefined ? `${opening}/>` : `${opening}>${inner}</testcase>`;
}

const attributes = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(value).replaceAll(/\s+/g, " ")}"`)
    .join("");

/** What XML 1.0 has no characters for becomes a question mark, halves of pairs among it. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "?")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
