/**
 * Lanes: threads in which stages of the quickstart run beside each other. A model of a million
 * parameters is fastest on one core, so two stages at once take half the time of one after the
 * other. Each lane holds the world once, and runs one stage at a time.
 */
import { Worker } from "node:worker_threads";
import type { ErrorCode, ErrorDetails } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { Stage } from "../runs/pipeline.ts";
import type { World } from "../world/index.ts";
import type { WorldRecipe } from "./recipe.ts";

/** What a lane is told when it begins. */
export interface LaneData {
  seed: number;
  world: World;
  recipe: WorldRecipe;
  /** The pipeline's folder. */
  folder: string;
}

export type LaneRequest =
  | { type: "stage"; name: string; action: "start" | "resume"; folder: string }
  | { type: "abort" }
  | { type: "end" };
export type LaneReply =
  | { type: "event"; event: TrainingEvent }
  | { type: "done" }
  | { type: "failed"; error: PlainError };

/** An error as it crosses between threads, which know no classes. */
export interface PlainError {
  code?: ErrorCode;
  what: string;
  details: Omit<ErrorDetails, "cause">;
  stack: string | undefined;
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof AttuneError))
    return {
      what: String(error),
      details: {},
      stack: error instanceof Error ? error.stack : undefined,
    };
  const { cause: _, ...details } = error.details;
  return { code: error.code, what: error.what, details, stack: error.stack };
}

export function fromPlainError({ code, what, details, stack }: PlainError): Error {
  const error = code === undefined ? new Error(what) : new AttuneError(code, what, details);
  if (stack !== undefined) error.stack = stack;
  return error;
}

interface Hooks {
  onEvent?: ((event: TrainingEvent, stage: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Whether this program runs from compiled files, as threads need. */
export const canOpenLanes = (): boolean => import.meta.url.endsWith(".js");

export class Lanes {
  private readonly data: LaneData;
  private readonly hooks: Hooks;
  private readonly idle: Worker[] = [];
  private readonly all: Worker[] = [];
  private readonly abort = (): void =>
    this.all.forEach((worker) => worker.postMessage({ type: "abort" } satisfies LaneRequest));

  constructor(data: LaneData, hooks: Hooks) {
    this.data = data;
    this.hooks = hooks;
    hooks.signal?.addEventListener("abort", this.abort, { once: true });
  }

  /** The stage, to be worked on in a lane. */
  through(stage: Stage): Stage {
    const run = (action: "start" | "resume") => (folder: string) =>
      this.run({ type: "stage", name: stage.name, action, folder });
    return { ...stage, start: run("start"), resume: run("resume") };
  }

  async close(): Promise<void> {
    this.hooks.signal?.removeEventListener("abort", this.abort);
    // they end by themselves: a thread that is stopped from outside may be in the middle of native
    // code
    await Promise.all(this.all.map((worker) => ended(worker)));
  }

  private async run(request: LaneRequest & { type: "stage" }): Promise<void> {
    const worker = this.idle.pop() ?? this.open();
    try {
      await this.ask(worker, request);
    } finally {
      this.idle.push(worker);
    }
  }

  private open(): Worker {
    const worker = new Worker(new URL("./lane.js", import.meta.url), {
      workerData: this.data,
      execArgv: [],
    });
    this.all.push(worker);
    return worker;
  }

  private ask(worker: Worker, request: LaneRequest & { type: "stage" }): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        worker.off("message", onReply).off("error", onError).off("exit", onExit);
        end();
      };
      const onReply = (reply: LaneReply): void => {
        if (reply.type === "event") return this.hooks.onEvent?.(reply.event, request.name);
        settle(() => (reply.type === "done" ? resolve() : reject(fromPlainError(reply.error))));
      };
      const onError = (error: Error): void => settle(() => reject(error));
      const onExit = (code: number): void =>
        settle(() =>
          reject(
            new AttuneError("internal", `the thread of stage ${request.name} ended by itself`, {
              got: `exit code ${code}`,
            }),
          ),
        );
      worker.on("message", onReply).on("error", onError).on("exit", onExit);
      worker.postMessage(request);
    });
  }
}

function ended(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.threadId === -1) return resolve();
    worker.once("exit", () => resolve());
    worker.postMessage({ type: "end" } satisfies LaneRequest);
  });
}
