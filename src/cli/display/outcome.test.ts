import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { junitReport } from "../../evaluation/junit.ts";
import { SOME_FINDINGS } from "../../evaluation/testing.ts";
import { findingsReport } from "../../report/findings-page.ts";
import { renderReport } from "../../report/report.ts";
import { TextSink } from "../testing.ts";
import { findingsText } from "./findings.ts";
import { tellFindings } from "./outcome.ts";
import { createReporter } from "./output.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-outcome-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function tell(
  config: { failUnder?: string[]; failOn?: string[]; junit?: string } = {},
  json = false,
): Promise<{ out: string; err: string; error: unknown }> {
  const [stdout, stderr] = [new TextSink(), new TextSink()];
  const reporter = await createReporter({ json, quiet: false, stdout, stderr });
  const outcome = await tellFindings(
    {
      findings: SOME_FINDINGS,
      command: "compare",
      config: { failUnder: [], failOn: [], junit: "", ...config },
      folder,
      created: "2026-01-02T03:04:05.678Z",
    },
    { reporter, columns: undefined },
  );
  let error: unknown;
  try {
    outcome.decide();
  } catch (thrown) {
    error = thrown;
  }
  return { out: stdout.text, err: stderr.text, error };
}

test("the verdict comes last, no line is wider than the terminal, and nothing is NaN", () => {
  for (const width of [60, 80, 200]) {
    const text = findingsText(SOME_FINDINGS, width);
    expect(text).not.toMatch(/NaN/);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
    expect(text.replaceAll(/\s+/g, " ")).toMatch(
      /Verdict: better dpo is better than sft: .* 75 prompts\.$/,
    );
  }
  expect(findingsText(SOME_FINDINGS)).toContain("64.0% [52.1, 74.4]");
});

test("the page, the terminal, JSON and JUnit have one word and one number for a question", async () => {
  const [first, ...others] = SOME_FINDINGS.findings;
  const findings = {
    ...SOME_FINDINGS,
    verdict: { ...SOME_FINDINGS.verdict, than: "guessing" },
    findings: [{ ...first!, than: "guessing" }, ...others],
  };
  const junit = junitReport(findings, {
    requirements: [],
    command: "attune compare",
    created: "2026-01-02T03:04:05.678Z",
  });
  const page = await renderReport(findingsReport(findings));
  const texts = { page, junit, terminal: findingsText(findings, 200) };
  for (const [where, text] of Object.entries(texts)) {
    const plain = text.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    expect(where === "junit" ? text : plain, where).toContain("better than guessing");
    for (const { value } of first!.measures) {
      const estimate = value.estimate < 1 ? (100 * value.estimate).toFixed(1) : "12.5";
      expect(plain, where).toContain(estimate);
    }
  }
});

test("files, terminal and JSON tell the same", async () => {
  const { out, error } = await tell();
  expect(error).toBeUndefined();
  expect(out).toContain("Verdict: better");
  const text = readFileSync(join(folder, "findings.json"), "utf8");
  expect(text).not.toContain("NaN");
  const kept = JSON.parse(text) as typeof SOME_FINDINGS;
  expect(kept.findings[1]!.measures[0]!.value.estimate).toBeNull();
  expect(readFileSync(join(folder, "findings.html"), "utf8")).toContain(
    "dpo against sft &lt;&amp;&gt;",
  );
  const { out: lines } = await tell({}, true);
  const events = lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  const results = events.filter(({ type }) => type === "result");
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject(kept as object);
});

test("a requirement that is not reached ends with 1, after everything was told and written", async () => {
  const junit = join(folder, "ci", "junit.xml");
  const { out, error } = await tell({ failUnder: ["compare/dpo/win-rate=0.6"], junit });
  expect(error).toMatchObject({ code: "threshold", exitCode: 1 });
  expect((error as Error).message).toContain("64.0% [52.1, 74.4], n = 75");
  expect(out).toContain("NOT reached: compare/dpo/win-rate >= 0.6");
  expect(readFileSync(junit, "utf8")).toContain("<failure");
  expect((await tell({ failUnder: ["compare/dpo/win-rate=0.5"] })).error).toBeUndefined();
  expect((await tell({ failOn: ["better"] })).error).toMatchObject({ exitCode: 1 });
  expect((await tell({ failUnder: ["win-rate=0.5"] })).error).toMatchObject({ exitCode: 2 });
});

test("what steers a terminal in a model's name is shown", () => {
  const evil = "gpt\u001b[2J\u009b31m";
  const [finding] = SOME_FINDINGS.findings;
  const text = findingsText({
    ...SOME_FINDINGS,
    title: `${evil} against sft`,
    warnings: [evil],
    verdict: { conclusion: "better", sentence: `${evil} is better` },
    findings: [
      {
        ...finding!,
        answer: evil,
        measures: finding!.measures.map((measure) => ({ ...measure, name: evil })),
        figures: [
          { kind: "table", table: { caption: evil, columns: [{ name: evil }], rows: [[evil]] } },
        ],
      },
    ],
  });
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(text.split("gpt\\x1b[2J\\x9b31m").length).toBeGreaterThanOrEqual(7);
});
