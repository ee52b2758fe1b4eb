/** `attune studio`: label, watch runs and meet models in a browser. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AttuneError } from "../../core/errors.ts";
import { parseConfig } from "../../config/sources.ts";
import { startStudio } from "../../studio/listen.ts";
import { studioConfig } from "../../studio/studio.config.ts";
import type { CommandModule } from "../command.ts";
import { FOLDER_VARIABLE } from "../inputs/studio-data.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";

/** This program, to begin others with. */
const PROGRAM = fileURLToPath(new URL("../main.js", import.meta.url));
const PAGE = fileURLToPath(new URL("../../page", import.meta.url));

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true }),
  );

export const command: CommandModule = {
  stopping: "what was judged is kept, and trainings that the studio began go on",
  configure(command, bind) {
    addConfigOptions(command, studioConfig);
    command.action(
      bind<Record<string, unknown>>(async ({ options, context }) => {
        const { resolved: config } = parseConfig(studioConfig, {
          flags: readConfigFlags(studioConfig, options),
        });
        const { reporter, signal } = context;
        // trainings that it begins read its projects, wherever it lies
        process.env[FOLDER_VARIABLE] = resolve(config.folder);
        await buildPage(reporter.note.bind(reporter));
        const studio = await startStudio({
          ...config,
          allowHosts: config.allowHost,
          allowOrigins: [],
          databaseUrl: process.env["DATABASE_URL"] ?? "",
          page: PAGE,
          beginWithVillage: true,
          command: [process.execPath, PROGRAM],
          warn: (id, message) => reporter.warn(id, message),
          ...(config.logRequests
            ? {
                onRequest: ({ method, path, status }) =>
                  reporter.note(`${method} ${path} ${status}`),
              }
            : {}),
        });
        try {
          reporter.result(
            { url: studio.url, link: studio.hostLink },
            `The studio is open. Only you have this link:\n\n  ${studio.hostLink}\n\n` +
              "Ctrl-C ends it; judgements are kept, and trainings go on.",
          );
          if (config.open && context.columns !== undefined) openBrowser(studio.hostLink);
          await aborted(signal);
        } finally {
          await studio.close();
        }
      }),
    );
  },
};

/** In a copy of the repository the page is built when it is first wanted: training needs none. */
async function buildPage(say: (text: string) => void): Promise<void> {
  const script = fileURLToPath(new URL("../../../scripts/build-page.mjs", import.meta.url));
  if (!existsSync(script)) return;
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (output += piece.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code === 0) {
    if (output.includes("built")) say("The studio's page was built.");
    return;
  }
  if (!existsSync(join(PAGE, "index.html")))
    throw new AttuneError("usage", "the studio's page cannot be built", {
      got: output.trim().slice(-500),
      hint: "npm ci, then again",
    });
}

function openBrowser(url: string): void {
  const [program, ...rest] =
    process.platform === "darwin"
      ? ["open"]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", ""]
        : ["xdg-open"];
  // where there is none the link stands in the terminal
  spawn(program!, [...rest, url], { stdio: "ignore", detached: true })
    .on("error", () => undefined)
    .unref();
}
