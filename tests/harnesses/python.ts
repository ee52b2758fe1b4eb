/**
 * The harnesses' Python: ATTUNE_HARNESSES_PYTHON, or an environment in `.cache/harnesses/python` of
 * the packages of requirements.txt, made where it is not there. PyTorch's Linux package brings CUDA
 * libraries of some 4 GB, which are never used.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../support/shared.ts";

export const CACHE =
  process.env["ATTUNE_HARNESSES_CACHE"] || join(repositoryRoot, ".cache", "harnesses");
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

export const WANTED = process.env["ATTUNE_HARNESSES"] === "1";

/** What clients of a registry say where it is not reached. */
const UNREACHED = new RegExp(
  [
    "NewConnectionError|ConnectTimeout|ReadTimeout|name resolution|unreachable|ProxyError",
    "ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ERR_SOCKET_TIMEOUT",
  ].join("|"),
);

/**
 * Runs a client of a registry.
 * @returns why it could not be reached, or undefined where all went well
 * @throws where it was reached, and failed
 */
export function installWith(
  command: string,
  given: readonly string[],
  folder: string,
): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(command, given, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status === 0) return undefined;
  if (error) return `${command} cannot be run: ${error.message}`;
  const said = `${stdout}${stderr}`;
  const reason = said.split("\n").find((line) => UNREACHED.test(line));
  if (reason !== undefined) return `its registry is not reached: ${reason.trim().slice(0, 200)}`;
  throw new Error(`${command} ${given.join(" ")} failed:\n${said.slice(-4000)}`);
}

/**
 * Path of a Python with the harnesses; undefined, with the reason printed, where there is none. Two
 * files of tests must not install at once, so they run one after the other (`test:harnesses`).
 */
export function findPython(): string | undefined {
  const named = process.env["ATTUNE_HARNESSES_PYTHON"];
  if (named) return named;
  const skip = (reason: string): undefined =>
    console.log(`skipped: lm_eval and Inspect AI: ${reason}`) as undefined;
  const folder = join(CACHE, "python");
  const python = join(folder, "bin", "python");
  const installed = join(folder, "installed.txt");
  const wanted = readFileSync(REQUIREMENTS, "utf8");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return python;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(python)) {
    const made = spawnSync("python3", ["-m", "venv", folder], { encoding: "utf8" });
    if (made.status !== 0)
      return skip(`python3 -m venv failed: ${made.error?.message ?? made.stderr.trim()}`);
  }
  const reason = installWith(
    python,
    ["-m", "pip", "install", "--quiet", "--retries", "2", "-r", REQUIREMENTS],
    folder,
  );
  if (reason !== undefined) return skip(reason);
  writeFileSync(installed, wanted);
  return python;
}

/** Nothing is asked of a hub, nothing is told to anybody, and no home is written. */
export const isolated = (home: string): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: home,
  HF_HOME: join(home, "huggingface"),
  HF_HUB_OFFLINE: "1",
  HF_DATASETS_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  HF_HUB_DISABLE_TELEMETRY: "1",
  DO_NOT_TRACK: "1",
  TOKENIZERS_PARALLELISM: "false",
  // the server decodes beside it
  OMP_NUM_THREADS: "1",
});

/**
 * Runs a program to its end, while this process goes on.
 * @throws with what it said, where it fails
 */
export function runProgram(
  command: string,
  given: readonly string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, given, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", reject);
    child.once("close", (status) =>
      status === 0
        ? resolve(said)
        : reject(new Error(`${command} ${given.join(" ")}\n${said.slice(-6000)}`)),
    );
  });
}
