import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, describe, expect, test } from "vitest";
import { drawChart } from "./charts.ts";
import type { Chart } from "../evaluation/chart.ts";
import { escapeHtml } from "./escape.ts";
import { renderChart } from "./render-chart.ts";
import { renderTable } from "./render-table.ts";
import { STYLE } from "./report-style.ts";
import { renderReport, writeReport } from "./report.ts";
import type { Report } from "./report.ts";
import { Wording } from "./wording.ts";

const interval = (estimate: number) => ({
  estimate,
  low: estimate - 0.1,
  high: estimate + 0.1,
  n: 50,
});

function charts(text: string): Chart[] {
  const words = { title: text, description: text };
  return [
    {
      kind: "intervals",
      ...words,
      label: text,
      percent: true,
      rows: [
        { group: text, series: "a", interval: interval(0.5) },
        { group: text, series: text, interval: interval(0.6) },
        {
          group: text,
          series: "a",
          interval: { estimate: NaN, low: -Infinity, high: Infinity, n: 0 },
        },
      ],
    },
    {
      kind: "lines",
      ...words,
      xLabel: text,
      yLabel: text,
      series: [
        {
          name: text,
          points: [
            { x: 0, y: 0 },
            { x: 1, y: 2, low: 1, high: 3 },
            { x: 2, y: NaN },
          ],
        },
        {
          name: "b",
          points: [
            { x: 0, y: 1 },
            { x: 1, y: 1 },
          ],
          dashed: true,
        },
      ],
      marks: [{ x: 1, y: 2, label: text }],
    },
    {
      kind: "reliability",
      ...words,
      bins: [{ from: 0, to: 1, predicted: 0.6, observed: interval(0.7) }],
    },
    { kind: "bars", ...words, label: text, bars: [{ name: text, value: 3.125 }] },
  ];
}

function reportOf(text: string): Report {
  return {
    title: text,
    summary: `${text}\n\n${text}`,
    made: [["command", text]],
    sections: [
      {
        title: text,
        parts: [
          { kind: "text", text },
          { kind: "facts", facts: [[text, text]] },
          {
            kind: "table",
            table: {
              caption: text,
              columns: [{ name: text }, { name: text, align: "right" }],
              rows: [[text, { text, verdict: "not distinguishable" }]],
              note: text,
            },
          },
        ],
      },
      { title: text, parts: charts(text).map((chart) => ({ kind: "chart" as const, chart })) },
      {
        title: text,
        parts: [
          {
            kind: "examples",
            examples: [
              {
                prompt: text,
                answers: [
                  { name: text, text, remarks: [text] },
                  { name: "empty", text: "" },
                ],
              },
            ],
          },
        ],
      },
    ],
  };
}

const HOSTILE =
  `&quot;&lt;</svg></style></title><script>alert(1)</script><img src=x onerror="alert(2)"> & ` +
  `'single' "double" ]]> <!-- \${x} javascript:x`;

describe("the page", () => {
  test("shows hostile text as text, wherever it stands", async () => {
    const html = await renderReport(reportOf(HOSTILE));
    const { document } = parseHTML(html);
    expect(document.querySelectorAll("script, img, iframe, object, link, base, form").length).toBe(
      0,
    );
    for (const element of document.querySelectorAll("*")) {
      for (const name of element.getAttributeNames())
        expect(name.startsWith("on"), `${element.tagName} ${name}`).toBe(false);
    }
    expect(html.match(/<script/gi)).toBeNull();
    expect(html.match(/<img/gi)).toBeNull();
    for (const place of [
      "h1",
      "h2",
      "caption",
      "thead th",
      "tbody th",
      ".facts dt",
      ".facts dd",
      ".note",
      "figcaption",
      ".legend li:nth-child(2)",
      "blockquote",
      ".example dt",
      ".remark",
      ".example bdi",
      "footer",
    ]) {
      expect(document.querySelector(place)?.textContent, place).toContain(
        "&quot;&lt;</svg></style></title><script>alert(1)</script>",
      );
    }
    for (const svg of document.querySelectorAll("figure svg.chart"))
      expect(svg.getAttribute("aria-label")).toContain("<script>alert(1)</script>");
    expect(
      [...document.querySelectorAll("svg text")].some((text) =>
        text.textContent!.includes("<script>"),
      ),
    ).toBe(true);
  });

  test("needs nothing from outside: no address, no script, and a policy that forbids both", async () => {
    const html = await renderReport(reportOf("plain"));
    expect(html).toContain("default-src 'none'");
    expect(html.replaceAll(/xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(
      /https?:|url\(|@import|\ssrc=/,
    );
    expect(html.match(/\shref="[^#]/)).toBeNull();
  });

  test("holds every part, in order, with headings and cells that a screen reader knows", async () => {
    const { document } = parseHTML(await renderReport(reportOf("plain")));
    expect(document.documentElement.getAttribute("lang")).toBe("en");
    expect(document.querySelectorAll("section h2").length).toBe(3);
    expect(document.querySelectorAll("nav a").length).toBe(3);
    expect(document.querySelectorAll("figure .wide svg").length).toBe(4);
    expect(document.querySelectorAll("figure .narrow svg").length).toBe(4);
    for (const svg of document.querySelectorAll("figure svg.chart"))
      expect(svg.getAttribute("aria-label")).toBe("plain. plain");
    expect(document.querySelector("tbody th")!.getAttribute("scope")).toBe("row");
    expect(document.querySelector("td .not-distinguishable")!.textContent).toBe(
      "not distinguishable: plain",
    );
    expect(document.querySelector(".nothing")!.textContent).toBe("(nothing)");
  });

  test("a row without a name of its own has that of the row above, for cards alone", () => {
    const html = renderTable(
      {
        caption: "",
        columns: [{ name: "a" }, { name: "b" }],
        rows: [
          ["x", "1"],
          ["", "2"],
        ],
      },
      new Wording(),
    );
    const { document } = parseHTML(html);
    const names = [...document.querySelectorAll("tbody th")];
    expect(names.map(({ textContent }) => textContent)).toEqual(["x", "x"]);
    expect(names.map((each) => each.querySelector(".carried") !== null)).toEqual([false, true]);
    expect(STYLE).toMatch(/^\.carried \{ display: none; \}$/m);
  });

  test("a legend has the mark as it is drawn: a line's dashes, and no shape for a curve", async () => {
    const text = {
      title: "t",
      description: "d",
      xLabel: "x",
      yLabel: "y",
    };
    const points = [0, 1].map((x) => ({ x, y: x }));
    const chart = async (drawn: Chart) => {
      const wording = new Wording();
      const { document } = parseHTML(await renderChart(drawn, wording, { level: 3 }));
      return [...document.querySelectorAll(".legend li")];
    };
    const [first, second] = await chart({
      kind: "lines",
      ...text,
      series: [
        { name: "a", points },
        { name: "b", points },
      ],
    });
    expect(first!.querySelector("path")!.getAttribute("stroke-dasharray")).toBe("none");
    expect(second!.querySelector("path")!.getAttribute("stroke-dasharray")).toBe("6 3");
    const [point, curve] = await chart({
      kind: "scatter",
      ...text,
      points: [{ name: "", series: "seen", x: { estimate: 1 }, y: { estimate: 1 } }],
      curves: [{ name: "law", points }],
    });
    expect([point!.querySelector("svg"), point!.className]).toEqual([null, "series-1"]);
    expect(curve!.className).toBe("series-2 no-point");
    expect(curve!.querySelector("path")!.getAttribute("stroke")).toBe("var(--series-2)");
  });

  test("has the same bytes every time", async () => {
    expect(await renderReport(reportOf("x"))).toBe(await renderReport(reportOf("x")));
  });

  test("control characters and broken surrogates become visible, line ends stay", () => {
    expect(escapeHtml("a\u0000b\u001b[31mc\ud800d\r\ne\tf\u0085😀")).toBe(
      "a\ufffdb\ufffd[31mc\ufffdd\ne\tf\ufffd😀",
    );
  });
});

describe("charts", () => {
  test("name their series in the order of their colours, and only where there are several", async () => {
    const [intervals, lines, reliability, bars] = await Promise.all(
      charts("t").map((chart) => drawChart(chart)),
    );
    expect([intervals!.legend, lines!.legend, reliability!.legend, bars!.legend]).toEqual([
      ["a", "t"],
      ["t", "b"],
      [],
      [],
    ]);
    for (const colour of ["var(--series-1)", "var(--series-2)"])
      for (const { svg } of [intervals!, lines!]) expect(svg).toContain(colour);
    expect(bars!.svg).toContain("3.1<");
  });

  test("no coordinate is NaN or infinite, even where values are", async () => {
    for (const drawing of await Promise.all(charts("t").map((chart) => drawChart(chart))))
      expect(drawing.svg).not.toMatch(/NaN|Infinity/);
  });

  test("a peak is drawn where it lies", async () => {
    const { svg } = await drawChart({
      kind: "lines",
      title: "",
      description: "",
      xLabel: "x",
      yLabel: "y",
      series: [
        {
          name: "s",
          points: [
            { x: 0, y: 0 },
            { x: 10, y: 10 },
          ],
        },
      ],
      marks: [{ x: 5, y: 5, label: "peak" }],
    });
    const { document } = parseHTML(svg);
    const ring = [...document.querySelectorAll("circle")].find(
      (circle) => circle.getAttribute("r") === "7",
    )!;
    const [width, left, right] = [720, 56, 40];
    expect(Number(ring.getAttribute("cx"))).toBeCloseTo((left + width - right) / 2, 0);
  });

  test("have no tick between two steps, and cut off what lies outside the range", async () => {
    const of = (points: { x: number; y: number }[], yRange?: [number, number]) =>
      drawChart({
        kind: "lines",
        title: "",
        description: "",
        xLabel: "step",
        yLabel: "y",
        wholeX: true,
        ...(yRange === undefined ? {} : { yRange }),
        series: [{ name: "s", points }],
      });
    const texts = (svg: string, axis: string): string[] =>
      [
        ...parseHTML(svg).document.querySelectorAll(`[aria-label="${axis}-axis tick label"] text`),
      ].map(({ textContent }) => textContent!);
    const few = (
      await of([
        { x: 1, y: 0 },
        { x: 3, y: 9 },
      ])
    ).svg;
    expect(texts(few, "x")).toEqual(["1", "2", "3"]);
    expect(few).not.toContain("clip-path");
    expect(
      texts(
        (
          await of([
            { x: 1, y: 0 },
            { x: 1000, y: 9 },
          ])
        ).svg,
        "x",
      ),
    ).toContain("200");
    const cut = (
      await of(
        [
          { x: 1, y: 0 },
          { x: 2, y: 1 },
          { x: 3, y: 1e9 },
        ],
        [0, 1],
      )
    ).svg;
    expect(texts(cut, "y").at(-1)).toBe("1.0");
    expect(cut).toContain("clip-path");
    expect(
      texts(
        (
          await of(
            [
              { x: 1, y: 0 },
              { x: 2, y: 1e-4 },
            ],
            [0, 1e-4],
          )
        ).svg,
        "y",
      ),
    ).toEqual(expect.arrayContaining(["0", "5e-5", "1e-4"]));
  });

  test("empty charts are drawn, not refused", async () => {
    const empty = { title: "t", description: "d" };
    for (const chart of [
      { kind: "bars", ...empty, label: "x", bars: [] },
      { kind: "lines", ...empty, xLabel: "x", yLabel: "y", series: [] },
      { kind: "intervals", ...empty, label: "x", rows: [] },
      { kind: "reliability", ...empty, bins: [] },
    ] satisfies Chart[]) {
      expect((await drawChart(chart)).svg).toContain("<svg");
    }
  });
});

describe("colours", () => {
  /** WCAG 2 contrast of two #rrggbb colours. */
  function contrast(a: string, b: string): number {
    const luminance = (colour: string): number => {
      const [r, g, blue] = [1, 3, 5]
        .map((i) => Number.parseInt(colour.slice(i, i + 2), 16) / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * blue!;
    };
    const [x, y] = [luminance(a), luminance(b)].toSorted((p, q) => q - p);
    return (x! + 0.05) / (y! + 0.05);
  }
  const blocks = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) =>
    Object.fromEntries(
      [...block!.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name!, value!]),
    ),
  );

  test("of light, dark and paper contrast with their background: text 4.5 to 1, marks 3 to 1", () => {
    expect(blocks.length).toBe(3);
    expect(blocks[2]).toEqual(blocks[0]);
    for (const colours of blocks) {
      for (const name of ["ink", "soft", "link", "better", "worse"])
        for (const ground of ["paper", "panel"])
          expect(
            contrast(colours[name]!, colours[ground]!),
            `${name} on ${ground}`,
          ).toBeGreaterThan(4.5);
      for (let i = 1; i <= 8; i++)
        expect(contrast(colours[`series-${i}`]!, colours["paper"]!), `series ${i}`).toBeGreaterThan(
          3,
        );
    }
  });
});

describe("the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "attune-report-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("is written whole, into folders made for it, and replaces an older one", async () => {
    const path = join(folder, "a", "report.html");
    await writeReport(path, reportOf("first"));
    await writeReport(path, reportOf("second"));
    expect(readFileSync(path, "utf8")).toBe(await renderReport(reportOf("second")));
    expect(readdirSync(join(folder, "a"))).toEqual(["report.html"]);
  });

  test("a report that cannot be drawn leaves the old one alone", async () => {
    const path = join(folder, "kept.html");
    writeFileSync(path, "old");
    const broken = {
      ...reportOf("x"),
      sections: [
        { title: "t", parts: [{ kind: "chart" as const, chart: undefined as unknown as Chart }] },
      ],
    };
    await expect(writeReport(path, broken)).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(existsSync(path)).toBe(true);
  });
});
