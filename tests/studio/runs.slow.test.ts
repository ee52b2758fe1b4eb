/**
 * Watching and driving runs in a real browser: a real training is begun from the page, watched,
 * stopped and gone on with; a run of a million values opens; reports are shown without scripts.
 * @module-tag dear
 */
import { AxeBuilder } from "@axe-core/playwright";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { startStudio } from "../../src/studio/listen.ts";
import type { RunningStudio } from "../../src/studio/listen.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { saveTinyModel } from "../cli/support.ts";
import type { Compiled } from "../support/compiled.ts";
import { compileSources } from "../support/compiled.ts";
import { repositoryRoot } from "../support/shared.ts";
import { launch, screenshot, withoutBrowser } from "./support/browser.ts";

const [LINES, METRICS] = [100_000, 10];

let folder: string;
let compiled: Compiled;
let studio: RunningStudio;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const faults: string[] = [];

const open = async (): Promise<void> => {
  studio = await startStudio({
    folder: join(folder, "studio"),
    runs: join(folder, "runs"),
    port: 0,
    host: "127.0.0.1",
    allowHosts: [],
    allowOrigins: [],
    databaseUrl: "",
    page: join(repositoryRoot, "dist", "page"),
    command: [process.execPath, compiled.module("cli/main")],
    warn: (id, message) => faults.push(`${id}: ${message}`),
  });
};

/** By the host's link; what it leads to is there before anything else is asked for. */
async function comeIn(): Promise<void> {
  await page.goto(studio.hostLink);
  await until(async () => /#\/(projects|label)/.test(page.url()));
}

const goTo = (place: string): Promise<unknown> => page.goto(`${studio.url}/#${place}`);
const look = (name: string): Promise<Buffer> =>
  page.screenshot({ path: screenshot(name), fullPage: true });

/** A run of an earlier day, by its files. */
function oldRun(name: string): string {
  const run = join(folder, "runs", name);
  mkdirSync(run, { recursive: true });
  const info = {
    schema: 1,
    command: "sft",
    argv: ["sft", "--model", "<img src=x onerror=alert(1)>"],
    workingFolder: folder,
    status: "completed",
    seed: 1,
    versions: { attune: "0.1.0" },
    dataHash: "d",
    modelFingerprint: "m",
    keepLast: 2,
    created: "2026-01-01T00:00:00.000Z",
  };
  writeFileSync(join(run, "run.json"), JSON.stringify(info));
  writeFileSync(join(run, "config.resolved.json"), '{"seed":1}');
  return run;
}

async function millionPoints(): Promise<void> {
  const file = createWriteStream(join(oldRun("million"), "metrics.jsonl"));
  const names = ["loss", "grad_norm", "learning_rate", "epoch", "entropy", "mean_token_accuracy"];
  const more = ["num_tokens", "objective/kl", "objective/scores", "objective/entropy"];
  const random = Random.for(1, "million");
  for (let step = 1; step <= LINES; step++) {
    const values = [...names, ...more].map((name) => [
      name,
      Math.sin(step / 5000) + random.uniform(),
    ]);
    const line = `${JSON.stringify({ step, ...Object.fromEntries(values) })}\n`;
    if (!file.write(line)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

/** Steps that the page says are done. */
async function stepShown(): Promise<number> {
  const text = await page.locator(".run-progress").first().textContent();
  return Number(/^[\d,]+/.exec(text ?? "")?.[0].replaceAll(",", "") ?? 0);
}

async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await sleep(100);
}

const seen = (place: Locator): Promise<void> => until(() => place.first().isVisible());
const hasChip = (text: string) => async (): Promise<boolean> =>
  (await page.locator(".runs-head .chip").allTextContents()).includes(text);

describe.skipIf(withoutBrowser !== undefined)("runs in a browser", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "attune-runs-"));
    compiled = compileSources();
    const built = spawnSync(process.execPath, [join(repositoryRoot, "scripts", "build-page.mjs")]);
    expect(built.stderr.toString()).toBe("");
    const words = "the mill stands by river bridge and old baker sells warm bread".split(" ");
    const random = Random.for(3, "sentences");
    const sentence = (): string => Array.from({ length: 5 }, () => random.pick(words)).join(" ");
    const rows = Array.from({ length: 60 }, () => ({ prompt: sentence(), completion: sentence() }));
    writeFileSync(
      join(folder, "--rows.jsonl"),
      rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
    );
    const tokenizer = worldTokenizer(rows.flatMap((row) => Object.values(row)));
    await saveTinyModel(join(folder, "model"), tokenizer);
    mkdirSync(join(folder, "runs"));
    await open();
    browser = await launch();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(0);
    page = await context.newPage();
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    await comeIn();
  });

  afterAll(async () => {
    await browser?.close();
    await studio?.close();
    compiled?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a training is begun, watched, and goes on after the page is loaded again", async () => {
    await goTo("/runs");
    await seen(page.getByText("There are no runs yet"));
    await page.getByRole("link", { name: "Begin a run" }).click();
    await page.getByLabel("Name", { exact: true }).fill("mine");
    await page
      .getByLabel(/^model/i)
      .first()
      .fill(join(folder, "model"));
    await page.getByLabel(/^data/i).first().fill(join(folder, "--rows.jsonl"));
    await page.getByLabel(/^epochs/i).fill("20000");
    await page.getByLabel(/^max length/i).fill("64");
    await page.getByRole("button", { name: "Begin", exact: true }).click();
    await until(hasChip("live"));
    await seen(page.locator(".chart canvas").first());
    await until(async () => (await stepShown()) > 5);
    const readout = page.locator(".chart output").first();
    const before = await readout.textContent();
    await until(async () => (await readout.textContent()) !== before);
    await page.reload();
    await until(hasChip("live"));
    const again = await stepShown();
    await until(async () => (await stepShown()) > again);
    await look("runs-live");
    const given = readFileSync(join(folder, "runs", "mine", "run.json"), "utf8");
    expect(JSON.parse(given)).toMatchObject({ command: "sft" });
    expect(given).toContain(`--data=${join(folder, "--rows.jsonl")}`);
  });

  test("a second waits for the first, and is taken back", async () => {
    await goTo("/runs/new/mine");
    await page.getByLabel("Name", { exact: true }).fill("second");
    await page.getByRole("button", { name: "Begin", exact: true }).click();
    await seen(page.getByText("It begins once the one before it has ended."));
    await goTo("/runs");
    await seen(page.getByText("two trainings on one machine only slow each other"));
    await look("runs-queue");
    await page.getByRole("button", { name: "Do not begin" }).click();
    await seen(page.getByText("stopped, as asked"));
    expect(existsSync(join(folder, "runs", "second"))).toBe(false);
  });

  test("it outlives the studio, and is stopped and gone on with from the page", async () => {
    await studio.close();
    await open();
    await comeIn();
    await goTo("/runs/run/mine");
    await until(hasChip("live"));
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop", exact: true }).click();
    await until(hasChip("stopped"));
    const stopped = await stepShown();
    expect(
      JSON.parse(readFileSync(join(folder, "runs", "mine", "run.json"), "utf8")),
    ).toMatchObject({ status: "interrupted" });
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Go on" }).click();
    await until(hasChip("live"));
    await until(async () => (await stepShown()) > stopped);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End at once" }).click();
    await until(hasChip("cut off"));
    await look("runs-cut-off");
  });

  test("what is wrong is told: by the form's own server, and by the training's last lines", async () => {
    await goTo("/runs/new");
    await page.getByLabel("Name", { exact: true }).fill("wrong");
    await page
      .getByLabel(/^model/i)
      .first()
      .fill(join(folder, "nothing"));
    await page.getByLabel(/^data/i).first().fill(join(folder, "--rows.jsonl"));
    await page.getByRole("button", { name: "Begin", exact: true }).click();
    await seen(page.getByText("what it was given is wrong"));
    expect(await page.locator(".job-log pre").first().textContent()).toContain("nothing");
    await look("runs-wrong");
  });

  test("a run of a million values opens with a drawn chart, without a million values sent", async () => {
    await millionPoints();
    let bytes = 0;
    page.on("response", (response) => {
      if (response.url().includes("/curves"))
        void response.body().then((body) => (bytes += body.length));
    });
    const begun = performance.now();
    await goTo("/runs/run/million");
    await seen(page.locator(".chart canvas").first());
    const first = performance.now() - begun;
    await until(async () => bytes > 0);
    await goTo("/runs");
    const again = performance.now();
    await goTo("/runs/run/million");
    await seen(page.locator(".chart canvas").first());
    const second = performance.now() - again;
    await until(async () => bytes > 0);
    const size = statSync(join(folder, "runs", "million", "metrics.jsonl")).size;
    console.log(
      `${LINES * METRICS} values, ${size} bytes of log: drawn after ${Math.round(first)} ms, ` +
        `again after ${Math.round(second)} ms, ${bytes} bytes of curves for both`,
    );
    expect(bytes).toBeLessThan(1_000_000);
    await page.locator(".chart-box").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("+");
    await page.getByRole("button", { name: "Whole run" }).click();
    await look("runs-million");
  });

  test("a report is shown in place, and nothing in it runs", async () => {
    writeFileSync(
      join(folder, "runs", "million", "evil.html"),
      `<title>evil</title><h1>A report</h1><script>top.document.title = "taken"</script>
       <img src=x onerror="top.document.title = 'taken'"><form action="/api/session"></form>`,
    );
    await page.reload();
    await page.getByRole("button", { name: "Open in place: evil.html" }).click();
    const frame = page.frameLocator("iframe.report");
    await seen(frame.getByText("A report"));
    expect(await page.title()).toBe("attune studio");
    const blocked = faults
      .splice(0)
      .filter((text) => /script|sandbox|Content Security/i.test(text));
    expect(blocked.length).toBeGreaterThan(0);
  });

  test("the lists and charts are for everybody, light and dark, wide and narrow", async () => {
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        for (const [name, place] of [
          ["list", "/runs"],
          ["run", "/runs/run/million"],
          ["new", "/runs/new"],
        ] as const) {
          await goTo(place);
          await seen(page.getByRole("heading", { level: 1 }));
          if (name === "run") await seen(page.locator(".chart canvas").first());
          await look(`runs-${name}-${colorScheme}-${width}`);
          const { violations } = await new AxeBuilder({ page }).analyze();
          expect(violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]!.html}`)).toEqual(
            [],
          );
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          expect(wide).toBeLessThanOrEqual(width);
        }
      }
    expect(faults).toEqual([]);
  });
});
