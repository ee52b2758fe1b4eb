/**
 * Labelling in a real browser: fifty pairs by keyboard alone, undo, a closed tab, a dead server.
 * @module-tag dear
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, screenshot, seen, withoutBrowser } from "./support/browser.ts";
import type { TestStudio } from "./support/studio.ts";
import { beginStudio, enter, pairs, watch } from "./support/studio.ts";

describe.skipIf(withoutBrowser !== undefined)("labelling", () => {
  let browser: Browser;
  let studio: TestStudio;
  beforeAll(async () => {
    studio = await beginStudio();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });

  const judged = async (slug: string): Promise<Record<string, unknown>[]> =>
    studio.running.studio.database.rows(
      `SELECT j.judgement, j.sides, j.comment, j.flag, j.shown_ms, j.state
       FROM judgements j JOIN projects p ON p.id = j.project
       WHERE p.slug = $1 AND j.state = 'counted' ORDER BY j.created, j.id`,
      [slug],
    );
  const promptOf = (page: Page): Promise<string> => page.locator(".prompt .rendered").innerText();
  /** Presses a key, and waits for the next task to be there. */
  async function press(page: Page, key: string): Promise<void> {
    const before = await promptOf(page);
    await page.keyboard.press(key);
    await page.waitForFunction(
      (before) =>
        (globalThis as unknown as Asked).document.querySelector(".prompt .rendered")
          ?.textContent !== before,
      before,
    );
  }

  test("the host's link opens the page, and its token is nowhere afterwards", async () => {
    const context = await browser.newContext();
    const { page, faults } = await enter(context, studio);
    const token = studio.running.hostLink.split("/").at(-1)!;
    expect(page.url()).not.toContain(token);
    await page.goBack();
    expect(page.url()).not.toContain(token);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("fifty pairs by keyboard alone, an undo, a closed tab in between", async () => {
    const slug = await studio.project("compare", pairs(50), {
      settings: { guidelines: "Prefer the answer that is **true**." },
    });
    const context = await browser.newContext();
    const first = await enter(context, studio);
    let { page } = first;
    await page.goto(`${studio.running.url}/#/label/${slug}`);
    await page.waitForSelector(".answers");
    await page.screenshot({ path: screenshot("label-first") });
    const keys = ["a", "b", "t", "n", "1", "4", "5", "6", "9", "0", "ArrowLeft", "ArrowRight"];
    for (let n = 0; n < 25; n++) await press(page, keys[n % keys.length]!);
    // one is taken back, seen again as it was judged, and judged otherwise
    const before = await promptOf(page);
    await page.keyboard.press("u");
    await page.waitForFunction(
      (before) =>
        (globalThis as unknown as Asked).document.querySelector(".prompt .rendered")
          ?.textContent !== before,
      before,
    );
    await page.waitForSelector('[aria-pressed="true"]');
    await press(page, "b");
    await page.close();
    const again = await context.newPage();
    const faults = watch(again, studio);
    page = again;
    await page.goto(`${studio.running.url}/#/label/${slug}`);
    await page.waitForSelector(".answers");
    for (let n = 25; n < 49; n++) await press(page, keys[n % keys.length]!);
    await page.keyboard.press("a");
    await seen(page.getByText("All done"));
    await page.screenshot({ path: screenshot("label-done") });
    const rows = await judged(slug);
    expect(rows).toHaveLength(50);
    const choices = rows.map(({ judgement, sides }) => {
      const { choice } = judgement as { choice: number | string };
      return typeof choice === "number" ? (sides as number[]).indexOf(choice) : choice;
    });
    const meant = [0, 1, "tie", "both-bad", 0, 0, "tie", 1, 1, "both-bad", 0, 1];
    const wanted = Array.from({ length: 50 }, (_, n) => meant[n % 12]);
    wanted[24] = 1;
    wanted[49] = 0;
    expect(choices).toEqual(wanted);
    expect(rows[4]).toMatchObject({ judgement: { strength: "significantly" } });
    expect([...first.faults, ...faults]).toEqual([]);
    await context.close();
  });

  test("a dead server loses nothing: judgements wait, and are saved when it is back", async () => {
    const slug = await studio.project("compare", pairs(6));
    const context = await browser.newContext();
    const { page } = await enter(context, studio);
    await page.goto(`${studio.running.url}/#/label/${slug}`);
    await page.waitForSelector(".answers");
    await studio.restart(async () => {
      await press(page, "a");
      await page.keyboard.press("b");
      await seen(page.getByText("2 judgements not saved yet"));
      await seen(page.getByText("The studio is not reached"));
      await page.screenshot({ path: screenshot("label-away") });
    });
    await page.waitForSelector(".answers");
    for (const _ of [1, 2, 3]) await press(page, "t");
    await page.keyboard.press("t");
    await seen(page.getByText("All done"));
    expect(await judged(slug)).toHaveLength(6);
    await context.close();
  });

  test("the payload of a task names no model before the judgement", async () => {
    const slug = await studio.project("compare", pairs(8));
    const context = await browser.newContext();
    const { page } = await enter(context, studio);
    const said: Promise<string>[] = [];
    page.on("response", (response) => {
      if (response.url().includes("/api/")) said.push(response.text().catch(() => ""));
    });
    await page.goto(`${studio.running.url}/#/label/${slug}`);
    await page.waitForSelector(".answers");
    for (let n = 0; n < 7; n++) await press(page, "a");
    const text = (await Promise.all(said)).join("\n");
    expect(text).toContain("Question");
    expect(text).not.toMatch(/secret-model/);
    await context.close();
  });
});

/** What stands in the page under test. */
interface Asked {
  document: { querySelector(select: string): { textContent: string } | null };
}
