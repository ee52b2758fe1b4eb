/**
 * Every page of labelling and projects, light and dark, wide and narrow: axe finds nothing, nothing
 * is asked of elsewhere, nothing is wider than the screen. Pictures are kept to be looked at.
 * @module-tag dear
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KindName } from "../../src/labelling/kinds/index.ts";
import { KIND_NAMES } from "../../src/labelling/kinds/index.ts";
import { launch, screenshot, seen, withoutBrowser } from "./support/browser.ts";
import { GUIDELINES, SAMPLES } from "./support/sample-tasks.ts";
import type { TestStudio } from "./support/studio.ts";
import { beginStudio, enter } from "./support/studio.ts";

const SCREENS = {
  wide: { width: 1280, height: 800 },
  phone: { width: 390, height: 800 },
} as const;

describe.skipIf(withoutBrowser !== undefined)("pages are pleasant", () => {
  let browser: Browser;
  let studio: TestStudio;
  const slugs = {} as Record<KindName, string>;
  beforeAll(async () => {
    studio = await beginStudio();
    browser = await launch();
    for (const kind of KIND_NAMES)
      slugs[kind] = await studio.project(kind, SAMPLES[kind], {
        settings: { guidelines: GUIDELINES, ...(kind === "compare" ? { differences: true } : {}) },
      });
    slugs.compare = await studio.project("compare", SAMPLES.compare, {
      name: "Mathematics, and how to say it",
      overlap: 3,
      settings: { guidelines: GUIDELINES, axes: [] },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });

  /** What is wrong with a page as it stands. */
  async function wrongWith(page: Page, name: string): Promise<string[]> {
    await page.waitForTimeout(250);
    await page.screenshot({ path: screenshot(name), fullPage: true });
    const { violations } = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
      .analyze();
    const wide = await page.evaluate<boolean>(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    return [
      ...violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]!.html.slice(0, 200)}`),
      ...(wide ? [`${name}: wider than the screen`] : []),
    ];
  }

  const projectPages = ["", "/people", "/data", "/settings"] as const;

  describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
    test.each(["wide", "phone"] as const)("%s", async (screen) => {
      const context = await browser.newContext({
        colorScheme,
        viewport: SCREENS[screen],
        ...(screen === "phone" ? { hasTouch: true, isMobile: true } : {}),
      });
      const { page, faults } = await enter(context, studio);
      const go = (path: string): Promise<unknown> => page.goto(`${studio.running.url}/#${path}`);
      const wrong: string[] = [];
      const look = async (name: string): Promise<void> =>
        void wrong.push(...(await wrongWith(page, `${name}-${screen}-${colorScheme}`)));
      await seen(page.locator("table, .empty"));
      await look("projects");
      await go("/projects/new");
      await seen(page.locator("form"));
      await page.locator("summary", { hasText: "Settings" }).click();
      await look("project-new");
      for (const part of projectPages) {
        await go(`/projects/${slugs.compare}${part}`);
        await seen(page.locator(".tabs"));
        await look(`project${part.replace("/", "-")}`);
      }
      await go("/label");
      await seen(page.locator(".project-list"));
      await look("label-home");
      for (const kind of KIND_NAMES) {
        await go(`/label/${slugs[kind]}`);
        await seen(page.locator(".desk-bar"));
        await look(`label-${kind}`);
      }
      await go(`/label/${slugs.compare}`);
      await seen(page.locator(".desk-bar"));
      await page.keyboard.press("?");
      await seen(page.locator("dialog"));
      await look("label-help");
      await page.keyboard.press("Escape");
      await page.keyboard.press("f");
      await seen(page.locator("dialog"));
      await look("label-flag");
      await page.keyboard.press("Escape");
      expect(wrong).toEqual([]);
      expect(faults).toEqual([]);
      await context.close();
    });
  });
});
