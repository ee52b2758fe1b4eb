/**
 * Pictures of the studio for the README: `node scripts/screenshots.mjs [RUNS]` writes
 * docs/images/studio-*.png, light and dark, with Debian's chromium. RUNS is a folder of runs, such
 * as the quickstart's; without one there is no picture of them.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const images = join(root, "docs", "images");
const given = process.argv[2];
if (given?.startsWith("-")) {
  console.log("usage: node scripts/screenshots.mjs [RUNS]");
  process.exit(given === "--help" ? 0 : 2);
}

await import("./set-up.mjs");
await import("./build-page.mjs");
const { startStudio } = await import("../dist/studio/listen.js");
const { addTasks } = await import("../dist/labelling/exchange/add-tasks.js");

const PAIR = {
  prompt: "How do I find the roots of $ax^2 + bx + c = 0$? Please show the code too.",
  answers: [
    `The roots are given by the **quadratic formula**:

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$

\`\`\`python
def roots(a, b, c):
    d = (b * b - 4 * a * c) ** 0.5
    return (-b + d) / (2 * a), (-b - d) / (2 * a)
\`\`\``,
    `You can use the quadratic formula for this, I believe:

x = (-b ± sqrt(b² - 4ac)) / 2a

| case | roots |
|------|-------|
| b² > 4ac | two |
| b² = 4ac | one |

There is no need for code.`,
  ],
};
const GUIDELINES = `Judge what the person asked for.

- **True** before pleasant: an answer with a mistake loses.
- *Short* is good where nothing is missing.
- Both bad is a good answer when both are.`;

const folder = mkdtempSync(join(tmpdir(), "attune-pictures-"));
const running = await startStudio({
  folder,
  runs: given === undefined ? join(folder, "runs") : resolve(given),
  command: [process.execPath, join(root, "dist", "cli", "main.js")],
  host: "127.0.0.1",
  port: 0,
  allowHosts: [],
  allowOrigins: [],
  databaseUrl: "",
  beginWithVillage: true,
  page: join(root, "dist", "page"),
  warn: (id, message) => console.error(`${id}: ${message}`),
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

/** Asks the API as the host, from within the page. */
const ask = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const response = await fetch(path, {
        method,
        headers: { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    },
    [method, path, body],
  );

async function prepare(page) {
  const body = { slug: "mathematics", name: "Mathematics", kind: "compare", overlap: 3 };
  await ask(page, "POST", "/api/projects", { ...body, settings: { guidelines: GUIDELINES } });
  const [row] = await running.studio.database.rows(
    "SELECT id FROM projects WHERE slug = 'mathematics'",
  );
  // whichever comes first looks the same: what differs is not seen
  const tasks = Array.from({ length: 40 }, (_, n) => ({
    content: { ...PAIR, prompt: PAIR.prompt + " ".repeat(n) },
  }));
  await addTasks(running.studio.database, { id: Number(row.id), kind: "compare" }, tasks);
}

/** Name of the picture, where it is, what must be there, and how large. */
const SCENES = [
  { name: "label", at: "/label/mathematics", wait: ".desk-bar", size: [1280, 860] },
  { name: "label-phone", at: "/label/mathematics", wait: ".desk-bar", size: [390, 844] },
  { name: "projects", at: "/projects", wait: "table", size: [1280, 520] },
  { name: "village", at: "/label/village", wait: ".desk-bar", size: [1280, 860] },
  ...(given === undefined
    ? []
    : [{ name: "runs", at: "/runs", wait: "main a", size: [1280, 860] }]),
];

try {
  mkdirSync(images, { recursive: true });
  let prepared = false;
  for (const colorScheme of ["light", "dark"])
    for (const { name, at, wait, size } of SCENES) {
      const [width, height] = size;
      const viewport = { width, height };
      const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(running.hostLink);
      await page.waitForURL(/#\/projects$/);
      if (!prepared) await prepare(page);
      prepared = true;
      await page.goto(`${running.url}/#${at}`);
      await page.locator(wait).first().waitFor();
      await page.waitForTimeout(1_000);
      await page.mouse.move(0, 0);
      const path = join(images, `studio-${name}-${colorScheme}.png`);
      await page.screenshot({ path });
      console.log(path);
      await context.close();
    }
} finally {
  await browser.close();
  await running.close();
  rmSync(folder, { recursive: true, force: true });
}
