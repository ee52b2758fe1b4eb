/** The browser that journeys are made in: Debian's chromium, or what CHROMIUM names. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
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

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: executable!, args: ["--no-sandbox"] });

/** Where pictures of journeys are kept, to be looked at. */
export function screenshot(name: string): string {
  const folder = join(repositoryRoot, ".cache", "screenshots");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}
