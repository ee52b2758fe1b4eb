/** A studio of its own for journeys: the shipped server, the built page, a project of every kind. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { addTasks } from "../../../src/labelling/exchange/add-tasks.ts";
import type { NewTask } from "../../../src/labelling/exchange/new-task.ts";
import type { KindName } from "../../../src/labelling/kinds/index.ts";
import type { RunningStudio } from "../../../src/studio/listen.ts";
import { startStudio } from "../../../src/studio/listen.ts";
import { repositoryRoot } from "../../support/shared.ts";

export interface TestStudio {
  readonly running: RunningStudio;
  /** What the log says went wrong. */
  readonly warnings: string[];
  /** The host's own API. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
  /** @returns its slug */
  project(kind: KindName, tasks: readonly NewTask[], given?: object): Promise<string>;
  /** As if the machine had been turned off and on: the same folder, the same address. */
  restart(between?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function beginStudio(): Promise<TestStudio> {
  execFileSync(process.execPath, [join(repositoryRoot, "scripts", "build-page.mjs")]);
  const folder = mkdtempSync(join(tmpdir(), "attune-studio-"));
  const warnings: string[] = [];
  const start = (port: number): Promise<RunningStudio> =>
    startStudio({
      folder: join(folder, "studio"),
      runs: join(folder, "runs"),
      command: [process.execPath, join(repositoryRoot, "dist", "cli", "main.js")],
      host: "127.0.0.1",
      port,
      allowHosts: [],
      allowOrigins: [],
      databaseUrl: "",
      page: join(repositoryRoot, "dist", "page"),
      warn: (id, message) => warnings.push(`${id}: ${message}`),
    });
  let running = await start(0);
  let cookie = "";
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(running.url + path, {
      method,
      headers: { "content-type": "application/json", cookie },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    const value: unknown = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
    return value;
  };
  await ask("POST", "/api/session", { token: running.hostLink.split("/").at(-1) });
  let made = 0;
  return {
    get running() {
      return running;
    },
    warnings,
    ask,
    async project(kind, tasks, given = {}) {
      const slug = `${kind}-${++made}`;
      await ask("POST", "/api/projects", { slug, name: `Project ${made}`, kind, ...given });
      const { database } = running.studio;
      const [row] = await database.rows("SELECT id FROM projects WHERE slug = $1", [slug]);
      await addTasks(database, { id: Number(row!["id"]), kind }, tasks);
      return slug;
    },
    async restart(between = async () => undefined) {
      const { port } = new URL(running.url);
      await running.close();
      await between();
      running = await start(Number(port));
    },
    async close() {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Comes in as the host, and keeps what the page asks of elsewhere or says went wrong. */
export async function enter(
  context: BrowserContext,
  studio: TestStudio,
): Promise<{ page: Page; faults: string[] }> {
  const page = await context.newPage();
  const faults = watch(page, studio);
  await page.goto(studio.running.hostLink);
  await page.waitForURL(/#\/projects$/);
  return { page, faults };
}

/** @returns a list that grows: requests to elsewhere, errors, refused scripts and styles */
export function watch(page: Page, studio: TestStudio): string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(studio.running.url) && !url.startsWith("data:"))
      faults.push(`asked ${url}`);
  });
  page.on("pageerror", (error) => faults.push(`error ${error.message}`));
  page.on("console", (message) => {
    // a server that is away is what some journeys are about
    if (message.type() === "error" && !message.text().includes("ERR_CONNECTION_REFUSED"))
      faults.push(`console ${message.text()}`);
  });
  return faults;
}

export const pairs = (count: number): NewTask[] =>
  Array.from({ length: count }, (_, index) => ({
    content: {
      prompt: `Question ${index + 1}: what does the baker of the village like to drink?`,
      answers: [
        `The baker likes **tea**. Number ${index + 1}.`,
        `I think that the baker likes coffee, or perhaps water. Number ${index + 1}.`,
      ],
    },
    hidden: { models: ["secret-model-one", "secret-model-two"] },
  }));
