/** Nothing on a page is wider than its page, by its structure. */
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { neededWidth, renderTable } from "./render-table.ts";
import { STYLE } from "./report-style.ts";
import { TABLE_WIDTHS } from "./style-tables.ts";
import { WIDE_TABLE, widePage } from "./testing.ts";
import { Wording } from "./wording.ts";

describe("tables", () => {
  test("know the width that they need, and are cards where the page is narrower", () => {
    const columns = WIDE_TABLE.columns.slice(0, 3);
    const narrow = neededWidth(
      columns,
      WIDE_TABLE.rows.map((row) => row.slice(0, 3)),
    )!;
    expect(TABLE_WIDTHS).toContain(narrow);
    expect(neededWidth([{ name: "a" }], [["b"]])).toBeLessThan(narrow);
    // six models beside each other are cards everywhere
    expect(neededWidth(WIDE_TABLE.columns, WIDE_TABLE.rows)).toBeUndefined();
    for (const width of TABLE_WIDTHS)
      expect(STYLE).toContain(`@container (max-width: ${width}rem)`);
    expect(STYLE).not.toContain("overflow-x: auto");
  });

  test("name the column of every cell, and fold away rows and columns that say nothing", () => {
    const { document } = parseHTML(
      renderTable(
        {
          ...WIDE_TABLE,
          columns: [...WIDE_TABLE.columns, { name: "empty", align: "right" }],
          rows: WIDE_TABLE.rows.map((row) => [...row, "–"]),
        },
        new Wording(),
      ).replace(/^/, "<body>"),
    );
    const [shown, folded] = [...document.querySelectorAll("tbody")];
    expect(shown!.children.length).toBe(4);
    expect(folded!.children.length).toBe(2);
    expect(document.querySelector("summary")!.textContent).toBe(
      "2 rows in which nothing differs: over-refused, insulting",
    );
    for (const cell of document.querySelectorAll("td"))
      expect(WIDE_TABLE.columns.map(({ name }) => name)).toContain(cell.getAttribute("data-label"));
    expect(document.querySelector(".note")!.textContent).toContain(
      "Without a value, and left out: empty.",
    );
  });
});

test("a strip is there without :has and on paper, where a control is of no use", () => {
  const [, without] = STYLE.split("@supports not selector(:has(*)) {");
  expect(without!.split("\n}\n")[0]).toContain(".strip { display: block; }");
  const paper = STYLE.slice(STYLE.indexOf("@media print"));
  expect(paper).toContain(".strip { display: block; }");
});

test("names of rows are broken between words, and a verdict stays on one sheet", () => {
  expect(STYLE).toMatch(/tbody th \{[^}]*overflow-wrap: break-word; min-width: 6em/);
  expect(STYLE.slice(STYLE.indexOf("@media print"))).toContain(".verdict { break-inside: avoid; }");
});

describe("a way with stops", () => {
  test("has one control without a script, and a strip that says everything", async () => {
    const html = await widePage();
    const { document } = parseHTML(html);
    const way = document.querySelector(".journey")!;
    expect(way.querySelectorAll("input[type=radio]").length).toBe(3);
    expect(way.querySelectorAll("input[checked]").length).toBe(1);
    // it opens where the point is
    expect(way.querySelector(".stop-2 input")!.hasAttribute("checked")).toBe(true);
    expect(way.querySelector(".stop-2 input")!.getAttribute("aria-label")).toBe(
      "roll-out 10: <b>guard</b>",
    );
    expect(way.querySelector(".stop-2 .signs")!.textContent).toBe("PG");
    expect(way.querySelectorAll(".moment").length).toBe(3);
    for (const i of [0, 1, 2]) {
      expect(html).toContain(`.journey:has(.stop-${i} :checked)`);
      expect(way.querySelectorAll(`.wide .at-${i}`).length).toBe(2);
    }
    const strip = [...way.querySelectorAll(".strip dt")].map(({ textContent }) => textContent);
    expect(strip).toEqual(["roll-out 0 to 5", "roll-out 10"]);
    expect(document.querySelectorAll("b, i, script").length).toBe(0);
  });

  test("headings go down one step at a time", async () => {
    const { document } = parseHTML(await widePage());
    const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(({ tagName }) =>
      Number(tagName[1]),
    );
    for (const [i, level] of levels.slice(1).entries())
      expect(level - levels[i]!, `heading ${i + 2}`).toBeLessThanOrEqual(1);
  });
});
