/**
 * Coming in by invitation and from a crowd's platform, in a real browser; names and comments that
 * are attacks; what the server's Content-Security-Policy stops by itself.
 * @module-tag dear
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, screenshot, seen, withoutBrowser } from "./support/browser.ts";
import { PAYLOADS } from "./payloads.ts";
import type { TestStudio } from "./support/studio.ts";
import { beginStudio, enter, pairs, watch } from "./support/studio.ts";

const HOSTILE = [
  "<img src=x onerror=hit()>",
  "</script><script>hit()</script>",
  "[x](javascript:hit())",
  "<svg/onload=hit()>",
];

describe.skipIf(withoutBrowser !== undefined)("doors", () => {
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

  const judge = async (page: Page, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) {
      await seen(page.locator(".desk-bar"));
      await page.getByRole("button", { name: "A is better", exact: false }).first().click();
      await page.waitForFunction(
        `document.querySelector(".saved")?.textContent === "Saved" &&
         /^${n + 1} judgement/.test(document.querySelector(".progress")?.textContent ?? "")`,
      );
    }
  };

  test("somebody joins by a link that the owner makes, and judges", async () => {
    const slug = await studio.project("compare", pairs(3), { overlap: 2 });
    const owner = await browser.newContext();
    const { page, faults } = await enter(owner, studio);
    await page.goto(`${studio.running.url}/#/projects/${slug}/people`);
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.getByLabel("Link", { exact: true }).inputValue();
    expect(link).toMatch(/\/#\/join\/[\w-]{20,}$/);

    const guest = await browser.newContext();
    const other = await guest.newPage();
    const otherFaults = watch(other, studio);
    await other.goto(link);
    await other.getByLabel("Your name").fill("Ann");
    expect(other.url()).not.toContain(link.split("/").at(-1)!);
    await other.screenshot({ path: screenshot("join") });
    await other.getByRole("button", { name: "Join" }).click();
    await judge(other, 3);
    await seen(other.getByText("All done"));
    // an annotator sees no sections that are not his
    expect(await other.locator("nav.sections a").allInnerTexts()).toEqual(["Label", "Projects"]);

    await page.reload();
    await seen(page.getByRole("cell", { name: "Ann" }));
    await page.screenshot({ path: screenshot("people"), fullPage: true });
    expect([...faults, ...otherFaults]).toEqual([]);
    await owner.close();
    await guest.close();
  });

  test("a participant agrees, does what was asked, and leaves with the code", async () => {
    const slug = await studio.project("compare", pairs(5), {
      settings: {
        crowd: {
          open: true,
          consent: "You will compare **three** answers.",
          tasks: 3,
          completionCode: "DONE-1",
          screenOutCode: "OUT-1",
          minimumSeconds: 0,
        },
      },
    });
    const arrive = async (who: string): Promise<Page> => {
      const context = await browser.newContext();
      const page = await context.newPage();
      const query = `PROLIFIC_PID=${who}&STUDY_ID=study&SESSION_ID=session`;
      await page.goto(`${studio.running.url}/crowd/${slug}?${query}`);
      await seen(page.getByText("Before you begin"));
      // identifiers are nowhere in the address afterwards
      expect(page.url()).not.toContain(who);
      return page;
    };
    const page = await arrive("participant-1");
    await page.screenshot({ path: screenshot("crowd-consent") });
    await page.getByRole("button", { name: "I agree" }).click();
    await judge(page, 3);
    await seen(page.getByText("DONE-1"));
    await page.screenshot({ path: screenshot("crowd-finished") });
    expect(
      await page.getByRole("link", { name: "Back to the platform" }).getAttribute("href"),
    ).toBe("https://app.prolific.com/submissions/complete?cc=DONE-1");

    const declining = await arrive("participant-2");
    await declining.getByRole("button", { name: "I do not agree" }).click();
    await seen(declining.getByText("OUT-1"));
  });

  test("an address without the platform's identifiers says what it lacks", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${studio.running.url}/crowd/any?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID=s`);
    await seen(page.getByText("The address lacks PROLIFIC_PID, SESSION_ID"));
  });

  test("names, prompts and comments that are attacks are shown as they are", async () => {
    const slug = await studio.project(
      "compare",
      HOSTILE.map((text) => ({ content: { prompt: text, answers: [`${text} 1`, `${text} 2`] } })),
      { name: HOSTILE[0]!, settings: { guidelines: HOSTILE.join("\n\n") } },
    );
    await studio.ask("PUT", "/api/session/name", { name: HOSTILE[1]! });
    const context = await browser.newContext();
    await context.addInitScript(
      "globalThis.hits = 0; globalThis.hit = () => (globalThis.hits += 1);",
    );
    const { page, faults } = await enter(context, studio);
    await seen(page.getByText(HOSTILE[0]!));
    await page.goto(`${studio.running.url}/#/label/${slug}`);
    for (const _ of HOSTILE) {
      await seen(page.locator(".desk-bar"));
      await page.keyboard.press("c");
      await page.keyboard.type(HOSTILE[0]!);
      await page.keyboard.press("Escape");
      await page.keyboard.press("a");
    }
    await seen(page.getByText("All done"));
    await page.goto(`${studio.running.url}/#/projects/${slug}/people`);
    await seen(page.getByRole("cell", { name: "hit()" }));
    await page.screenshot({ path: screenshot("hostile-names") });
    expect(await page.evaluate("globalThis.hits")).toBe(0);
    expect(faults).toEqual([]);
    await studio.ask("PUT", "/api/session/name", { name: "Host" });
    await context.close();
  });

  test("no script of a text runs, even if it were put into the page as it is", async () => {
    const context = await browser.newContext();
    await context.addInitScript(
      "globalThis.hits = 0; globalThis.hit = () => (globalThis.hits += 1);",
    );
    const { page } = await enter(context, studio);
    const asked: string[] = [];
    page.on("requestfinished", (request) => asked.push(request.url()));
    // a policy for scripts keeps no page from being left, which the layers before it do
    for (const text of PAYLOADS.filter((each) => !each.includes("<meta")))
      await page.evaluate<unknown>(
        `{ const box = document.createElement("div"); box.innerHTML = ${JSON.stringify(text)};
           document.body.append(box); box.remove(); }`,
      );
    await page.waitForTimeout(300);
    expect(await page.evaluate("globalThis.hits")).toBe(0);
    expect(asked.filter((url) => url.includes("away.invalid"))).toEqual([]);
    await context.close();
  });
});
