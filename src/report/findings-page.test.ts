import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, expect, test } from "vitest";
import { CONCLUSIONS } from "../evaluation/conclusion.ts";
import { findingsReport, writeFindingsPage } from "./findings-page.ts";
import { renderReport } from "./report.ts";
import { findingOf, findingsOf } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-findings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("verdict and picture come first, then a section for each question, warnings, and how it was made", async () => {
  const path = join(folder, "findings.html");
  await writeFindingsPage(path, findingsOf());
  const { document } = parseHTML(readFileSync(path, "utf8"));
  const header = document.querySelector("header")!;
  expect([...header.children].map(({ tagName }) => tagName)).toEqual([
    "H1",
    "P",
    "P",
    "FIGURE",
    "P",
  ]);
  expect(header.querySelector(".chip")!.textContent).toBe("better");
  expect(header.querySelector(".says")!.textContent).toContain("Better than the baseline");
  expect([...document.querySelectorAll("main h2")].map(({ textContent }) => textContent)).toEqual([
    ...CONCLUSIONS.map((conclusion) => `Is it ${conclusion}?`),
    "What may mislead",
  ]);
  const footer = document.querySelector("footer")!;
  expect(footer.querySelector("p")!.textContent).toBe("seed 1: attune compare dpo against sft");
  expect(footer.querySelector("details")!.textContent).toContain("seed1");
  const first = document.querySelector("#section-1")!;
  expect(first.querySelector(".verdict")!.textContent).toContain("55.0% [45.2, 64.4]");
  const row = [...first.querySelectorAll("tbody tr")][0]!;
  expect(row.textContent).toContain("55.0% [45.0, 65.0]100");
  expect(first.querySelector("details")!.textContent).toContain(
    "compare/dpo/win-ratehigher is better",
  );
  expect(document.querySelector("nav .chip-hacked")).not.toBeNull();
});

test("every conclusion has an icon and a form of its own, and its word", async () => {
  const html = await renderReport(findingsReport(findingsOf()));
  const { document } = parseHTML(html);
  const style = document.querySelector("style")!.textContent!;
  const chips = CONCLUSIONS.map((conclusion) =>
    document.querySelector(`main .chip-${conclusion.replaceAll(" ", "-")}`)!,
  );
  expect(chips.map(({ textContent }) => textContent)).toEqual([...CONCLUSIONS]);
  expect(new Set(chips.map((chip) => chip.querySelector("svg")!.innerHTML)).size).toBe(
    CONCLUSIONS.length,
  );
  const rules = CONCLUSIONS.map(
    (conclusion) =>
      new RegExp(String.raw`\.chip-${conclusion.replaceAll(" ", "-")} \{([^}]*)\}`).exec(
        style,
      )![1]!,
  );
  expect(new Set(rules).size).toBe(CONCLUSIONS.length);
});

test("the chip of a comparison says of what with", async () => {
  const better = { ...findingOf("better"), than: '"longest wins"' };
  const page = { ...findingsOf(), findings: [better, findingOf("measured"), findingOf("equal")] };
  const { document } = parseHTML(await renderReport(findingsReport(page)));
  for (const place of ["nav", "main"])
    expect(document.querySelector(`${place} .chip-better`)!.textContent).toBe(
      'better than "longest wins"',
    );
});

test("nothing that was measured is shown as NaN, and why stands there", async () => {
  const nothing = { estimate: NaN, low: NaN, high: NaN, n: 0, noClaim: "one prompt only" };
  const finding = {
    ...findingOf("no conclusion"),
    measures: [{ ...findingOf("measured").measures[0]!, value: nothing }],
  };
  const html = await renderReport(findingsReport({ ...findingsOf(), findings: [finding] }));
  expect(html).not.toMatch(/NaN|undefined/);
  expect(html).toContain("one prompt only");
});

test("hostile names stay text", async () => {
  const html = await renderReport(
    findingsReport(findingsOf(`<script>alert(1)</script>"><img src=x onerror=alert(2)>`)),
  );
  const { document } = parseHTML(html);
  expect(document.querySelectorAll("script, img").length).toBe(0);
  expect(html.match(/<script|<img/gi)).toBeNull();
});

test("an answer that the verdict has said already is not said again beneath it", async () => {
  const found = findingsOf();
  const [first, ...rest] = found.findings;
  const more = `${found.verdict.sentence} A second judge agrees.`;
  const page = async (answer: string) =>
    parseHTML(
      await renderReport(findingsReport({ ...found, findings: [{ ...first!, answer }, ...rest] })),
    ).document.querySelector("#section-1")!;
  expect((await page(more)).textContent).toContain("A second judge agrees.");
  expect((await page(more)).textContent).not.toContain(found.verdict.sentence);
  // who comes from the list of contents finds the chip all the same
  const same = await page(found.verdict.sentence);
  expect(same.querySelector(".verdict")!.textContent).toBe("better As the page begins.");
  expect((await page("Another answer.")).querySelector(".verdict")!.textContent).toContain(
    "Another answer.",
  );
});

test("the picture of the verdict is not drawn again in the first question", async () => {
  const found = findingsOf();
  const figures = [{ kind: "chart" as const, chart: found.picture! }];
  const findings = found.findings.map((finding) => ({ ...finding, figures }));
  const html = await renderReport(findingsReport({ ...found, findings }));
  const { document } = parseHTML(html);
  expect(document.querySelectorAll("header figure")).toHaveLength(1);
  expect(document.querySelectorAll("main figure")).toHaveLength(0);
});
