/**
 * The models that are served: one base in memory, adapters over it by name, and of each that is
 * used an engine of its own with slots and a cache. Engines are opened when they are asked for;
 * beyond a number of them, the one that was used longest ago makes room. What waits for a slot is
 * bounded, engine by engine.
 */
import { countOf } from "../core/counts.ts";
import type { Model } from "../models/model.ts";
import { BatchingEngine } from "../sampling/engine.ts";
import type { Encoder } from "../text/encoder.ts";
import { ApiError, serverStopping } from "./api-error.ts";

export interface ServedModel {
  readonly name: string;
  readonly model: Model;
  /** Changes whenever what the model computes may. */
  readonly fingerprint: string;
  /** Name of the model that this one is an adapter of. */
  readonly parent?: string;
}

export interface EngineLimits {
  /** Answers that an engine decodes together. */
  slots: number;
  /** Tokens of prompt and answer together. */
  room: number;
  /** Answers that wait for a slot of an engine. */
  queue: number;
  /** Engines open at once. */
  openModels: number;
  /** See {@link BatchingEngine}. */
  prepack: boolean;
  /**
   * Tokens of prompts that are read between two steps; default as many as take the time of a step.
   */
  readTokens?: number;
  /** Awaited between two steps. */
  between?: () => Promise<void>;
}

/** The right to put answers into an engine, until it is given back. */
export interface Lease {
  readonly engine: BatchingEngine;
  release(): void;
}

/** What a model's engine is doing. */
export interface EngineLoad {
  name: string;
  /** Answers that were let in. */
  admitted: number;
  /** Those that are decoded, and those that wait for a slot. */
  running: number;
  waiting: number;
}

interface Open {
  engine: Promise<BatchingEngine>;
  /** The engine, once it is open. */
  opened?: BatchingEngine;
  /** Answers that were let in, decoded or waiting: all, and by client. */
  admitted: number;
  readonly clients: Map<string, number>;
  /** Number of the last use; the lowest was used longest ago. */
  used: number;
}

/** Seconds after which a client that was turned away may come again. */
const COME_AGAIN = 1;

export class Engines {
  readonly limits: EngineLimits;
  readonly encoder: Encoder;
  private readonly models: ReadonlyMap<string, ServedModel>;
  private readonly open = new Map<string, Open>();
  private uses = 0;
  /** The last opening or closing: one at a time, so that memory stays within the limit. */
  private changing: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** @param models the first is the base, the others its adapters */
  constructor(models: readonly ServedModel[], encoder: Encoder, limits: EngineLimits) {
    this.models = new Map(models.map((model) => [model.name, model]));
    this.encoder = encoder;
    this.limits = limits;
  }

  get list(): readonly ServedModel[] {
    return [...this.models.values()];
  }

  /** Whether any engine decodes answers. */
  get isDecoding(): boolean {
    return [...this.open.values()].some(({ opened }) => opened !== undefined && opened.active > 0);
  }

  /** What each open engine is doing. */
  get load(): EngineLoad[] {
    return [...this.open].map(([name, { admitted, opened }]) => ({
      name,
      admitted,
      running: opened?.active ?? 0,
      waiting: opened?.waiting ?? 0,
    }));
  }

  /** @throws ApiError 404 */
  find(name: string): ServedModel {
    const found = this.models.get(name);
    if (found) return found;
    throw new ApiError(
      404,
      `there is no model ${JSON.stringify(name.slice(0, 100))}; there are ` +
        `${[...this.models.keys()].join(", ")}`,
      { param: "model", code: "model_not_found" },
    );
  }

  /**
   * Lets so many answers in, and opens the model's engine where it is not.
   * @param client while there are others, one has at most half of the places
   * @throws ApiError 429 where the queue is full, 503 where every engine is busy or the server
   * stops
   */
  async lease(
    name: string,
    { answers, client }: { answers: number; client: string },
  ): Promise<Lease> {
    const { slots, queue } = this.limits;
    if (answers > slots + queue)
      throw new ApiError(
        400,
        `${countOf(answers, "answer")} are more than this server takes at once (${slots + queue})`,
        { param: "n", code: "invalid_value" },
      );
    const open = this.open.get(name) ?? this.begin(this.find(name));
    const held = open.clients.get(client) ?? 0;
    const crowds = held < open.admitted && held > 0 && held + answers > (slots + queue) / 2;
    if (crowds || open.admitted + answers > slots + queue)
      throw new ApiError(429, "the queue is full", { code: "queue_full", retryAfter: COME_AGAIN });
    open.used = ++this.uses;
    const admit = (count: number): void => {
      open.admitted += count;
      const left = (open.clients.get(client) ?? 0) + count;
      if (left > 0) open.clients.set(client, left);
      else open.clients.delete(client);
    };
    admit(answers);
    let leased = true;
    const release = (): void => {
      if (leased) admit(-answers);
      leased = false;
    };
    try {
      return { engine: await open.engine, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Forgets an engine that failed; the next request opens another. */
  discard(name: string, engine: BatchingEngine): void {
    const open = this.open.get(name);
    if (open === undefined) return;
    void open.engine.then((current) => {
      if (current !== engine || this.open.get(name) !== open) return;
      this.open.delete(name);
      this.changing = this.changing.then(() => engine.close()).catch(() => undefined);
    });
  }

  /** Cancels what is open, and frees everything. */
  async close(): Promise<void> {
    this.closed = true;
    const engines = [...this.open.values()].map(({ engine }) => engine);
    this.open.clear();
    await this.changing.catch(() => undefined);
    await Promise.all(
      engines.map(async (engine) => (await engine.catch(() => undefined))?.close()),
    );
  }

  private begin(served: ServedModel): Open {
    if (this.closed) throw serverStopping();
    const leaving = this.makeRoom();
    const engine = this.changing.then(async () => {
      await leaving?.engine.then(
        (old) => old.close(),
        () => undefined,
      );
      return this.create(served);
    });
    const open: Open = { engine, admitted: 0, clients: new Map(), used: 0 };
    this.changing = engine.then(
      (opened) => (open.opened = opened),
      () => this.open.delete(served.name),
    );
    this.open.set(served.name, open);
    return open;
  }

  /** Takes an idle engine out where there are too many. */
  private makeRoom(): Open | undefined {
    if (this.open.size < this.limits.openModels) return undefined;
    const [oldest] = [...this.open]
      .filter(([, { admitted }]) => admitted === 0)
      .toSorted(([, a], [, b]) => a.used - b.used);
    if (oldest === undefined)
      throw new ApiError(503, "every engine is busy with another model", {
        code: "models_busy",
        retryAfter: COME_AGAIN,
      });
    this.open.delete(oldest[0]);
    return oldest[1];
  }

  private create({ model }: ServedModel): Promise<BatchingEngine> {
    const { slots, room, prepack, readTokens, between } = this.limits;
    return BatchingEngine.create(model, this.encoder, {
      slots,
      room,
      prepack,
      fair: {
        ...(readTokens === undefined ? {} : { readTokens }),
        ...(between ? { between } : {}),
      },
    });
  }
}

/** Bytes of the keys and values of one token. */
export function cacheBytes({ config: { layers, keyValueHeads, headSize } }: Model): number {
  return layers * 2 * keyValueHeads * headSize * Float32Array.BYTES_PER_ELEMENT;
}
