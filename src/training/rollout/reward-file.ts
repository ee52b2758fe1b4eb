/**
 * A reward function from a user's file, `--reward ./reward.ts`. It runs in a thread of its own, so
 * that one that hangs can be ended, and one that ends its process ends only the thread.
 *
 * TypeScript is stripped by the compiler that Node itself uses for that
 * (docs/decisions/reward-functions.md): types go, line numbers stay, syntax that needs more than
 * stripping (enums) is refused. The file is the user's own program: it may do what the user may do.
 */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { AttuneError } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { notAFile } from "../../text/regular-file.ts";
import { REWARD_FORM } from "./reward-template.ts";
import type { RewardSource } from "./rewards.ts";
import { finiteScores, rewardCall, rewardFailed, rewardTimeout } from "./rewards.ts";

/** Whether a reward is a file with a function rather than a model. */
export const isRewardFile = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

/** Loads modules in TypeScript; runs beside the worker's own code. */
const HOOKS = `
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
let strip;
export function initialize({ compiler }) {
  strip = createRequire(compiler)(compiler).transformSync;
}
export async function load(url, context, next) {
  if (!/\\.m?ts$/.test(url)) return next(url, context);
  const filename = fileURLToPath(url);
  try {
    const text = await readFile(filename, "utf8");
    const { code } = strip(text, { mode: "strip-only", module: true, filename });
    return { format: "module", shortCircuit: true, source: code };
  } catch (error) {
    if (error.startLine === undefined) throw new SyntaxError(String(error.message ?? error));
    throw new SyntaxError(filename + ":" + error.startLine + ": " + error.message);
  }
}`;

/** The worker: imports the file, then answers calls. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { register } = require("node:module");
// of the stack, what lies in the user's own files
const isOurs = (line) =>
  /^ +at .*(\\[worker eval\\]|data:text\\/javascript|node:|\\(<anonymous>\\))/.test(line);
const withoutOurs = (stack) => stack.split("\\n").filter((line) => !isOurs(line)).join("\\n");
const tell = (error) =>
  error instanceof Error ? withoutOurs(error.stack ?? error.message) : String(error);
const { hooks, compiler } = workerData;
register("data:text/javascript," + encodeURIComponent(hooks), { data: { compiler } });
import(workerData.url).then((module) => {
  const reward = module.default ?? module.reward;
  if (typeof reward !== "function")
    return parentPort.postMessage({ exports: Object.keys(module) });
  parentPort.on("message", async (calls) => {
    try {
      const scores = await Promise.all(calls.map(async (call) => reward(call)));
      parentPort.postMessage({ scores });
    } catch (error) {
      parentPort.postMessage({ error: tell(error) });
    }
  });
  parentPort.postMessage({ ready: true });
}).catch((error) => parentPort.postMessage({ error: tell(error) }));`;

interface Reply {
  ready?: true;
  /** Names that the module exports, where none of them is a function to call. */
  exports?: string[];
  scores?: number[];
  error?: string;
}

/**
 * Seconds at least for loading a file: what it imports has to be read and stripped, however fast it
 * then judges.
 */
const LOADING = 60;

/**
 * Opens a reward function from a file, as `--reward ./reward.ts` does: the default export or
 * `reward` of a JavaScript or TypeScript module, run in a thread of its own, so that one that hangs
 * can be ended. Whoever opens it closes it.
 * @param timeout seconds for judging one roll-out
 * @throws AttuneError `data` where the file is missing, cannot be loaded, or exports no function
 */
export async function openRewardFile(path: string, timeout: number): Promise<RewardSource> {
  const file = resolve(path);
  const name = basename(file);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile())
    throw new AttuneError(
      "data",
      `this is ${notAFile(stats)!}, not a file with a reward function`,
      { file: path },
    );
  if (stats === undefined)
    throw new AttuneError("data", "there is no such reward function", {
      file: path,
      hint: "check the path after --reward, or `--reward --init` for a file to start from",
    });
  const workerData = {
    url: pathToFileURL(file).href,
    hooks: HOOKS,
    compiler: createRequire(import.meta.url).resolve("@swc/wasm-typescript"),
  };
  const worker = new Worker(WORKER, { eval: true, workerData, stdout: true });
  // What the function prints must not mix with results.
  worker.stdout.on("data", (chunk: Uint8Array) => process.stderr.write(chunk));
  const thread = new RewardThread(worker, name);
  try {
    const first = await thread.reply(Math.max(timeout, LOADING));
    if (first.exports)
      throw new AttuneError("data", "the file has no reward function", {
        file: path,
        got: first.exports.length === 0 ? "no exports" : `exports ${first.exports.join(", ")}`,
        expected: REWARD_FORM,
        hint: "`--reward --init` writes a commented file to start from",
      });
    if (first.error !== undefined)
      throw new AttuneError("data", "the reward function cannot be loaded", {
        file: path,
        got: first.error,
      });
  } catch (error) {
    await thread.close();
    throw error;
  }
  // Waiting for an answer keeps the process alive by its timer; an idle thread does not.
  worker.unref();
  return {
    name,
    kind: "function",
    async score(rollouts) {
      const answer = thread.reply(timeout);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a
      // window
      worker.postMessage(rollouts.map(rewardCall));
      const { scores, error } = await answer;
      if (error !== undefined) throw rewardFailed(name, error);
      return scores!;
    },
    async release() {
      thread.check();
    },
    close: () => thread.close(),
  };
}

/** Judged before any model is read: a mistake in the function should cost a second. */
const TRIAL = "A trial answer, written by nobody.";

/**
 * Tries a reward on one row of the data.
 * @throws AttuneError `data` or `numeric` with what the function did instead of giving a finite
 * number, and its form
 */
export async function tryReward(source: RewardSource, record: PromptRecord): Promise<void> {
  try {
    await finiteScores(source, [
      {
        prompt: { record, ids: new Int32Array() },
        ids: new Int32Array(),
        stopped: true,
        text: TRIAL,
      },
    ]);
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    // there is no checkpoint yet
    const [otherwise = ""] = (error.details.hint ?? "").split(/(?:; )?the last checkpoint is kept/);
    const hint =
      "mend the function, which was given the answer " +
      `${JSON.stringify(TRIAL)}${otherwise === "" ? "" : `; or: ${otherwise}`}`;
    throw new AttuneError(
      "data",
      `${error.what}, on the first row of the data, before any model was read`,
      { ...error.details, expected: REWARD_FORM, hint, cause: error },
    );
  }
}

/**
 * The thread, whose end or error may come at any moment: from a timer, say, when nobody waits for
 * an answer.
 */
class RewardThread {
  private readonly worker: Worker;
  private readonly name: string;
  private failure: AttuneError | undefined;
  private closing = false;
  /** Whoever waits for the next message. */
  private waiting:
    | { done: (message: Reply) => void; fail: (error: AttuneError) => void }
    | undefined;

  constructor(worker: Worker, name: string) {
    this.worker = worker;
    this.name = name;
    worker.on("message", (message: Reply) => this.waiting?.done(message));
    worker.on("error", (error) => this.fail(rewardFailed(name, error)));
    worker.on("exit", () => this.fail(rewardFailed(name, "it ended its thread")));
  }

  /** @throws AttuneError `data` where it has failed since somebody asked */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** The next message, or the error that came instead. */
  async reply(seconds: number): Promise<Reply> {
    this.check();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((done, fail) => {
        this.waiting = { done, fail };
        timer = setTimeout(() => fail(rewardTimeout(this.name, seconds)), seconds * 1000);
      });
    } finally {
      clearTimeout(timer);
      this.waiting = undefined;
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.worker.terminate();
  }

  private fail(error: AttuneError): void {
    if (this.closing) return;
    this.failure ??= error;
    this.waiting?.fail(this.failure);
  }
}
