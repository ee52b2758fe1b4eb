/**
 * Nothing on a page is wider than its page, as Chromium lays it out, where there is one.
 * @module-tag dear
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { widePage } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-layout-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Widths of what is wider than the frame that it is shown in, as Chromium lays it out. */
function widerThan(html: string, width: number): string {
  const path = join(folder, `page-${width}.html`);
  // the test's own page may run a script; the report's policy forbids it one
  const open = html
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "")
    .replace("</style>", ".strip { display: block; }</style>")
    .replaceAll("<details", "<details open");
  writeFileSync(join(folder, `report-${width}.html`), open);
  writeFileSync(
    path,
    `<body><iframe src="report-${width}.html" style="width:${width}px;height:900px"></iframe>
<pre></pre><script>onload = () => {
  const page = document.querySelector("iframe").contentDocument.documentElement;
  const wide = [...page.querySelectorAll("body *")].filter((each) =>
    each.getBoundingClientRect().right > page.clientWidth + 1 && !each.closest("svg, .unseen, thead"));
  document.querySelector("pre").textContent = JSON.stringify([page.scrollWidth <= page.clientWidth,
    wide.slice(0, 3).map((each) => each.outerHTML.slice(0, 120))]);
}</script>`,
  );
  const dom = execFileSync(
    CHROMIUM!,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--allow-file-access-from-files",
      `--user-data-dir=${join(folder, "profile")}`,
      "--dump-dom",
      `file://${path}`,
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 60_000 },
  );
  return /<pre>(.*?)<\/pre>/s.exec(dom)![1]!;
}

describe.skipIf(CHROMIUM === undefined)("in Chromium (skipped where there is none)", () => {
  test("nothing runs off a page of 360, 800 or 1280 pixels", async () => {
    const html = await widePage();
    for (const width of [360, 800, 1280])
      expect(widerThan(html, width), `${width}`).toBe("[true,[]]");
  });
});
