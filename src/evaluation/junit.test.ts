import { expect, test } from "vitest";
import { junitReport } from "./junit.ts";
import { SOME_FINDINGS } from "./testing.ts";
import { judgeFindings } from "./thresholds.ts";

const report = (failUnder: readonly string[] = [], failOn: readonly string[] = []): string =>
  junitReport(SOME_FINDINGS, {
    requirements: judgeFindings(SOME_FINDINGS, { failUnder, failOn }),
    command: "attune compare",
    created: "2026-01-02T03:04:05.678Z",
  });

/** Elements with their attributes, and whether they nest: enough of XML to see mistakes. */
function elements(xml: string): { name: string; attributes: Record<string, string> }[] {
  const open: string[] = [];
  const found: { name: string; attributes: Record<string, string> }[] = [];
  for (const [, closing, name, attributes, alone] of xml.matchAll(
    /<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g,
  )) {
    if (closing === "/") {
      expect(open.pop()).toBe(name);
      continue;
    }
    found.push({
      name: name!,
      attributes: Object.fromEntries(
        [...attributes!.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
      ),
    });
    if (alone !== "/") open.push(name!);
  }
  expect(open).toEqual([]);
  // what is neither an element nor text that is escaped
  expect(
    xml.replace(/^<\?.*\?>/, "").replaceAll(/<\/?[a-z-]+(?: [a-z]+="[^"<]*")*\/?>/g, ""),
  ).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot);)/);
  return found;
}

test("a case for each finding and each thing that was asked, counted in the suite", () => {
  const found = elements(
    report(["compare/dpo/win-rate=0.5", "compare/dpo/win-rate=0.6"], ["worse", "no-conclusion"]),
  );
  const [suite] = found.filter(({ name }) => name === "testsuite");
  expect(suite!.attributes).toMatchObject({
    name: "dpo against sft &lt;&amp;&gt;",
    package: "attune.compare",
    timestamp: "2026-01-02T03:04:05",
    tests: "6",
    failures: "2",
    errors: "0",
    skipped: "1",
  });
  expect(found.filter(({ name }) => name === "testcase")).toHaveLength(6);
  const failures = found.filter(({ name }) => name === "failure");
  expect(failures.map(({ attributes }) => attributes["message"])).toEqual([
    "win rate (compare/dpo/win-rate) is 64.0% [52.1, 74.4], n = 75: the lower end of its interval " +
      "does not reach 60.0%",
    "Is the judge sound? Nothing can be concluded: the judge &quot;??&quot; had no opinion.",
  ]);
  expect(found.filter(({ name }) => name === "skipped")).toHaveLength(1);
});

test("equal findings give equal bytes, and texts from outside cannot leave their place", () => {
  expect(report()).toBe(report());
  expect(report()).not.toContain("\u0000");
  expect(report()).not.toMatch(/[\ud800-\udfff]|NaN/);
});
