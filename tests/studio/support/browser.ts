/** The browser that journeys are made in: Debian's chromium, or what CHROMIUM names. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, Locator } from "playwright-core";
import { repositoryRoot } from "../../support/shared.ts";

const PLACES = [
  process.env["CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const executable = PLACES.find((path) => path !== "" && existsSync(path));

/** Why no journey can be made; undefined where one can. */
export const withoutBrowser =
  executable === undefined
    ? "no chromium at /usr/bin/chromium, and CHROMIUM names none"
    : undefined;
if (withoutBrowser !== undefined) console.log(`skipped: tests in a browser: ${withoutBrowser}`);

/** No wait of it ends before the test's own: a loaded machine is slow. */
const PATIENCE = 1_800_000;

export async function launch(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: executable!,
    args: ["--no-sandbox"],
    timeout: PATIENCE,
  });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    context.setDefaultTimeout(PATIENCE);
    return context;
  };
  return browser;
}

/** Waits until it is there to be seen. */
export const seen = (place: Locator): Promise<void> => place.first().waitFor();

/** Where pictures of journeys are kept, to be looked at. */
export function screenshot(name: string): string {
  const folder = join(repositoryRoot, ".cache", "screenshots");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}
