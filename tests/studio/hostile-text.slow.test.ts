/**
 * Texts of strangers in a real browser, without the server's Content-Security-Policy, which would
 * hide a hole: no script runs, nothing is asked of elsewhere, nothing round them changes.
 * @module-tag dear
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repositoryRoot } from "../support/shared.ts";
import { PAYLOADS } from "./payloads.ts";
import { launch, withoutBrowser } from "./support/browser.ts";
import { serveFolder } from "./support/static-server.ts";

const folder = join(repositoryRoot, ".cache", "hostile-page");

describe.skipIf(withoutBrowser !== undefined)("texts of strangers", () => {
  let browser: Browser;
  let page: Page;
  let server: Awaited<ReturnType<typeof serveFolder>>;
  let asked: string[] = [];

  beforeAll(async () => {
    const { build } = await import("vite");
    await build({
      configFile: join(repositoryRoot, "studio", "vite.config.ts"),
      root: join(repositoryRoot, "studio", "testing"),
      build: {
        outDir: folder,
        rollupOptions: { input: join(repositoryRoot, "studio", "testing", "hostile.html") },
      },
    });
    server = await serveFolder(folder);
    browser = await launch();
    page = await browser.newPage();
    await page.addInitScript(() => {
      Object.assign(globalThis, {
        hits: 0,
        hit: () => ((globalThis as { hits?: number }).hits! += 1),
      });
    });
    page.on("request", (request) => {
      // the page's own font of formulas, when the first one needs it
      if (!request.url().startsWith(`${server.url}/assets/`)) asked.push(request.url());
    });
    page.on("dialog", (dialog) => void dialog.dismiss());
    await page.goto(`${server.url}/hostile.html`);
    await page.waitForFunction("globalThis.attuneTesting !== undefined");
    // the part for formulas is loaded once
    await page.evaluate("attuneTesting.show('$x$')");
    await page.waitForSelector("#shown math");
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a text did, by everything that can be seen of it. */
  async function findings(how: "show" | "cleaned", text: string): Promise<string[]> {
    asked = [];
    const call = `attuneTesting.findings(${JSON.stringify(how)}, ${JSON.stringify(text)})`;
    return [...(await page.evaluate<string[]>(call)), ...asked];
  }

  const all = async (how: "show" | "cleaned"): Promise<Record<string, string[]>> => {
    const found: Record<string, string[]> = {};
    for (const text of PAYLOADS) {
      const bad = await findings(how, text);
      if (bad.length > 0) found[text.slice(0, 200)] = bad;
    }
    return found;
  };

  test("the corpus is one", () => {
    expect(PAYLOADS.length).toBeGreaterThan(170);
    expect(new Set(PAYLOADS).size).toBe(PAYLOADS.length);
  });

  test("run nothing, ask nothing, change nothing, however they are shown", async () => {
    expect(await all("show")).toEqual({});
  });

  test("are stopped by the last layer alone, should the first let them through", async () => {
    expect(await all("cleaned")).toEqual({});
  });

  test("would be seen: the same test finds what an undefended page does", async () => {
    asked = [];
    await page.evaluate(
      "attuneTesting.undefended('<img src=http://away.invalid/x.png onerror=hit()>')",
    );
    await page.waitForFunction("globalThis.hits > 0");
    expect(asked).toEqual(["http://away.invalid/x.png"]);
  });
});
