/**
 * A function from a user's file, in a thread of its own, so that one that hangs can be ended, and
 * one that ends its process ends only the thread.
 *
 * TypeScript is stripped by the compiler that Node itself uses for that
 * (docs/decisions/reward-functions.md): types go, line numbers stay, syntax that needs more than
 * stripping (enums) is refused. The file is the user's own program: it may do what the user may do.
 */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { AttuneError } from "../../core/errors.ts";
import { notAFile } from "../../text/regular-file.ts";

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
const { hooks, compiler, names } = workerData;
register("data:text/javascript," + encodeURIComponent(hooks), { data: { compiler } });
import(workerData.url).then((module) => {
  const name = names.find((each) => typeof module[each] === "function");
  if (name === undefined) return parentPort.postMessage({ exports: Object.keys(module) });
  parentPort.on("message", async ({ number, calls }) => {
    const say = (reply) => parentPort.postMessage({ number, ...reply });
    // each as it comes, so that one that fails or hangs takes no other with it
    await Promise.all(calls.map(async (call, index) => {
      try {
        const value = await module[name](...call);
        say({ index, value });
      } catch (error) {
        say({ index, error: tell(error) });
      }
    }));
    say({ done: true });
  });
  parentPort.postMessage({ ready: name });
}).catch((error) => parentPort.postMessage({ error: tell(error) }));`;

interface Reply {
  /** Name of the function that is called. */
  ready?: string;
  /** Names that the module exports, where none of them is a function to call. */
  exports?: string[];
  /** Of the calls that it belongs to: what was given up may answer later. */
  number?: number;
  /** Of the call that gave a value or failed. */
  index?: number;
  value?: unknown;
  error?: string;
  /** All calls have ended. */
  done?: true;
}

/** What one call came to. */
export type Settled = { value: unknown } | { error: AttuneError };

/** What is thrown, in the words of whoever opens the file. */
export interface FunctionErrors {
  late: (seconds: number) => AttuneError;
  failed: (cause: unknown) => AttuneError;
}

export interface FunctionFile {
  /** What the function is: "reward function", "judge". */
  kind: string;
  /** Names of exports that may be called, the preferred one first. */
  names: readonly string[];
  /** What it should look like. */
  form: string;
  /** What to do where there is none, or none in the file. */
  hints: { missing: string; empty: string };
  errors: FunctionErrors;
}

/** A function of a user's file. Calls wait for each other. */
export interface UserFunction {
  /** Which export is called. */
  readonly export: string;
  /**
   * Calls it once for each list of arguments, at once.
   * @throws AttuneError where one call throws, all together are late, or the thread has ended
   */
  call(calls: readonly (readonly unknown[])[]): Promise<unknown[]>;
  /** The same, where calls that gave a value are worth keeping though others failed. */
  settle(calls: readonly (readonly unknown[])[]): Promise<Settled[]>;
  /** @throws AttuneError where it has failed since somebody asked */
  check(): void;
  close(): Promise<void>;
}

/**
 * Seconds at least for loading a file: what it imports has to be read and stripped, however fast it
 * then judges.
 */
const LOADING = 60;

/**
 * Loads the file. Whoever opens it closes it.
 * @param timeout seconds for calls that are made together
 * @throws AttuneError `data` where the file is missing, cannot be loaded, or exports no function
 */
export async function openFunction(
  path: string,
  timeout: number,
  { kind, names, form, hints, errors }: FunctionFile,
): Promise<UserFunction> {
  const file = resolve(path);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile())
    throw new AttuneError("data", `this is ${notAFile(stats)!}, not a file with a ${kind}`, {
      file: path,
    });
  if (stats === undefined)
    throw new AttuneError("data", `there is no such ${kind}`, { file: path, hint: hints.missing });
  const workerData = {
    url: pathToFileURL(file).href,
    hooks: HOOKS,
    compiler: createRequire(import.meta.url).resolve("@swc/wasm-typescript"),
    names,
  };
  const worker = new Worker(WORKER, { eval: true, workerData, stdout: true });
  // What the function prints must not mix with results.
  worker.stdout.on("data", (chunk: Uint8Array) => process.stderr.write(chunk));
  const thread = new FunctionThread(worker, errors);
  try {
    const first = await thread.reply(Math.max(timeout, LOADING));
    if (first.exports)
      throw new AttuneError("data", `the file has no ${kind}`, {
        file: path,
        got: first.exports.length === 0 ? "no exports" : `exports ${first.exports.join(", ")}`,
        expected: form,
        hint: hints.empty,
      });
    if (first.error !== undefined)
      throw new AttuneError("data", `the ${kind} cannot be loaded`, {
        file: path,
        got: first.error,
      });
    // Waiting for an answer keeps the process alive by its timer; an idle thread does not.
    worker.unref();
    const settle = (calls: readonly (readonly unknown[])[]): Promise<Settled[]> =>
      thread.settle(calls, timeout);
    return {
      export: first.ready!,
      settle,
      call: async (calls) =>
        (await settle(calls)).map((settled) => {
          if ("error" in settled) throw settled.error;
          return settled.value;
        }),
      check: () => thread.check(),
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

/**
 * The thread, whose end or error may come at any moment: from a timer, say, when nobody waits for
 * an answer.
 */
class FunctionThread {
  private readonly worker: Worker;
  private readonly errors: FunctionErrors;
  private failure: AttuneError | undefined;
  private closing = false;
  private asked = 0;
  /** Whoever waits for messages. */
  private waiting:
    | { hear: (message: Reply) => void; fail: (error: AttuneError) => void }
    | undefined;

  constructor(worker: Worker, errors: FunctionErrors) {
    this.worker = worker;
    this.errors = errors;
    worker.on("message", (message: Reply) => this.waiting?.hear(message));
    worker.on("error", (error) => this.fail(errors.failed(error)));
    worker.on("exit", () => this.fail(errors.failed("it ended its thread")));
  }

  /** @throws AttuneError `data` where it has failed since somebody asked */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** The first message, or the error that came instead. */
  reply(seconds: number): Promise<Reply> {
    return this.listen(seconds, (message, done) => done(message));
  }

  /** What each call came to, in their order. */
  async settle(calls: readonly (readonly unknown[])[], seconds: number): Promise<Settled[]> {
    const number = ++this.asked;
    const settled: (Settled | undefined)[] = calls.map(() => undefined);
    const heard = this.listen<void>(seconds, ({ number: of, index, value, error, done }, end) => {
      if (of !== number) return;
      if (done) return end();
      settled[index!] = error === undefined ? { value } : { error: this.errors.failed(error) };
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.worker.postMessage({ number, calls });
    try {
      await heard;
    } catch (error) {
      // what was answered before counts
      return settled.map((each) => each ?? { error: error as AttuneError });
    }
    return settled as Settled[];
  }

  private async listen<T>(
    seconds: number,
    hear: (message: Reply, done: (result: T) => void) => void,
  ): Promise<T> {
    this.check();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((done, fail) => {
        this.waiting = { hear: (message) => hear(message, done), fail };
        timer = setTimeout(() => fail(this.errors.late(seconds)), seconds * 1000);
      });
    } finally {
      clearTimeout(timer);
      this.waiting = undefined;
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    // nobody waits for what will not be said any more
    this.failure ??= this.errors.failed("it was closed");
    this.waiting?.fail(this.failure);
    await this.worker.terminate();
  }

  private fail(error: AttuneError): void {
    if (this.closing) return;
    this.failure ??= error;
    this.waiting?.fail(this.failure);
  }
}
