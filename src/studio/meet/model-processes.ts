/**
 * Models in processes of their own (`attune serve`), so that a graph that runs holds nobody up, and
 * one that fails takes nothing else with it. A few are open at once; the one that was used longest
 * ago makes room. One that died is opened again when it is next asked. They end with the studio,
 * however it ends.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { ModelAddress, ModelHost, ModelLease } from "./model-host.ts";
import { ModelError } from "./model-host.ts";

const WITH_PARENT = fileURLToPath(new URL("with-parent.mjs", import.meta.url));
/** What every model is called in its server's answers. */
const NAME = "model";
/** Longest answer where a request names none: as long as fits. */
const MOST_TOKENS = 8192;
/** Answers at once of one model. */
const SLOTS = 4;
/** Milliseconds for a process to end before it is killed. */
const PATIENCE = 8_000;
const TAIL = 2_000;

export interface ModelProcessesOptions {
  /** Program and first arguments of an attune. */
  command: readonly string[];
  /** Models open at once. */
  most?: number;
  warn: (id: string, message: string) => void;
}

interface Entry {
  model: string;
  child: ChildProcess;
  ended: Promise<void>;
  address: Promise<ModelAddress>;
  users: number;
  used: number;
  /** Ends it is meant to. */
  closing: boolean;
}

const MOST = 3;

export class ModelProcesses implements ModelHost {
  private readonly options: ModelProcessesOptions;
  private readonly entries = new Map<string, Entry>();
  private clock = 0;
  private closed = false;

  constructor(options: ModelProcessesOptions) {
    this.options = options;
  }

  /** Models that are open or opening. */
  get open(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Process of a model; undefined where it is not open. */
  pidOf(model: string): number | undefined {
    return this.entries.get(model)?.child.pid;
  }

  async lease(model: string, signal?: AbortSignal): Promise<ModelLease> {
    if (this.closed) throw new ModelError("the studio is closing");
    const entry = this.entries.get(model) ?? this.begin(model);
    entry.users++;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      entry.users--;
      entry.used = ++this.clock;
    };
    try {
      return { address: await orAborted(entry.address, signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @throws ModelError where all places are taken by models that are answering */
  private begin(model: string): Entry {
    const { most = MOST, command, warn } = this.options;
    while (this.entries.size >= most) {
      const idle = [...this.entries.values()]
        .filter(({ users }) => users === 0)
        .toSorted((a, b) => a.used - b.used)[0];
      if (idle === undefined)
        throw new ModelError(
          `${most} models are answering, which is as many as are open at once: try again in a while`,
        );
      void this.end(idle);
    }
    const token = randomBytes(32).toString("base64url");
    const [program, ...first] = command as [string, ...string[]];
    const serving = `serve --name ${NAME} --host 127.0.0.1 --port 0 --slots ${SLOTS}`;
    const argv = `${serving} --max-tokens ${MOST_TOKENS} --no-pack --json`.split(" ");
    const child = spawn(program, ["--import", WITH_PARENT, ...first, ...argv, `--model=${model}`], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ATTUNE_SERVE_TOKEN: token },
    });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const entry: Entry = {
      model,
      child,
      ended,
      address: addressOf(child, token),
      users: 0,
      used: ++this.clock,
      closing: false,
    };
    // whoever asked is told; nobody else need be
    entry.address.catch(() => undefined);
    this.entries.set(model, entry);
    void ended.then(() => {
      if (this.entries.get(model) === entry) this.entries.delete(model);
      if (!entry.closing) warn("meet", `the process of a model has ended: ${model}`);
    });
    return entry;
  }

  private async end(entry: Entry): Promise<void> {
    entry.closing = true;
    if (this.entries.get(entry.model) === entry) this.entries.delete(entry.model);
    entry.child.kill("SIGTERM");
    const timer = setTimeout(() => entry.child.kill("SIGKILL"), PATIENCE);
    await entry.ended;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.entries.values()].map((entry) => this.end(entry)));
  }
}

/** Reads where the server listens from what it prints. */
function addressOf(child: ChildProcess, token: string): Promise<ModelAddress> {
  return new Promise((resolve, reject) => {
    let [line, tail] = ["", ""];
    let said: string | undefined;
    child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
      const lines = (line + piece).split("\n");
      line = lines.pop()!.slice(-TAIL);
      for (const each of lines) {
        const value = parsed(each);
        if (value?.["type"] === "result" && typeof value["url"] === "string")
          resolve({ baseUrl: value["url"], token, name: NAME });
        if (value?.["type"] === "error") said = String(value["message"] ?? "");
      }
    });
    child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
      tail = (tail + piece).slice(-TAIL);
    });
    child.once("error", (error) => reject(new ModelError(error.message)));
    child.once("close", (code) =>
      reject(new ModelError(said ?? (tail.trim() || `its process ended with ${code}`))),
    );
  });
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
