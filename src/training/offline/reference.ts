/**
 * What the reference model says: log-probabilities of answers under the model as it was before
 * training.
 *
 * Three ways, which give the same values:
 * 1. `cached`: all that the run will read is computed before the first step, with the model that is
 *    about to be trained, and kept on disk for other runs (reference-cache.ts);
 * 2. `adapter`: the model with its adapter switched off, when a batch needs it. Where training goes
 *    on with an adapter that had learned something, this is the base below it, not the model as
 *    given (TRL issue 1193);
 * 3. `copy`: a second model in memory, when a batch needs it. Frozen weights are shared, so an
 *    adapter costs an adapter.
 *
 * Source: open-instruct's reference cache keyed by a hash; TRL's precompute_ref_log_probs and its
 * adapter reference.
 * Difference from TRL: values are computed in the same laid-out rows that are trained on, and each
 * once.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Model } from "../../models/model.ts";
import type { ExecutionPlan, TokenBatch } from "../../models/plans/plan.ts";
import { versions } from "../../runs/versions.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { REFERENCE_WAYS } from "../common.config.ts";
import type { LaidBatch, LaidRow } from "../layout.ts";
import { groupByLength, joinRows, sumBySequence } from "../layout.ts";
import type { PlanChoice } from "../choose-plan.ts";
import { choosePlan } from "../choose-plan.ts";
import type { TrainingContext } from "../loop.ts";
import type { Warning } from "../step.ts";
import { readCache, writeCache } from "./reference-cache.ts";

export type ReferenceWay = (typeof REFERENCE_WAYS)[number];

/** Reads log-probabilities under the reference. */
export interface ReferenceModel {
  readonly way: ReferenceWay;
  score(batch: TokenBatch): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * @param start the model before training
 * @param plan of the model in training
 */
function referenceModel(
  way: ReferenceWay,
  { start, plan }: { start: Model; plan: () => Pick<ExecutionPlan, "score"> },
  choice: PlanChoice,
): ReferenceModel {
  if (way === "copy") {
    const copy = choosePlan({ model: start, reads: "tokens" }, choice);
    return {
      way,
      score: async (batch) => (await copy.score(batch)).readout,
      close: () => copy.close(),
    };
  }
  // a fresh adapter changes nothing yet, and reading without it is cheaper
  const adapter = way === "cached" && start.adapter !== undefined;
  return {
    way,
    score: async (batch) => (await plan().score(batch, { adapter })).readout,
    close: async () => undefined,
  };
}

export interface TableOptions {
  padId: number;
  microBatchTokens: number;
}

/** The rows that a table is about; they are laid out when they are read. */
export interface RowSource {
  readonly count: number;
  /** Sequences of each row. */
  readonly sequences: number;
  /** Tokens of a row. */
  lengthOf(row: number): number;
  lay(row: number): LaidRow;
}

/** Sums of the reference's log-probabilities by sequence, for rows that are known beforehand. */
export class ReferenceTable {
  /** Sequences of row 0, then of row 1, ...; NaN where not yet known. A checkpoint keeps it. */
  readonly values: Float32Array;
  private readonly rows: RowSource;
  private readonly options: TableOptions;

  constructor(rows: RowSource, options: TableOptions) {
    this.values = new Float32Array(rows.count * rows.sequences).fill(NaN);
    this.rows = rows;
    this.options = options;
  }

  /** Of losses that read no reference: all values are 0. */
  static without(rows: RowSource, options: TableOptions): ReferenceTable {
    const table = new ReferenceTable(rows, options);
    table.values.fill(0);
    return table;
  }

  /** Values of one row. */
  of(row: number): Float32Array {
    return this.values.subarray(row * this.rows.sequences, (row + 1) * this.rows.sequences);
  }

  knows(row: number): boolean {
    return !this.of(row).some(Number.isNaN);
  }

  /**
   * Computes the rows of one batch where any of them is not known.
   * @param laid the batch, where it is laid out already
   */
  async ensure(rows: readonly number[], model: ReferenceModel, laid?: LaidBatch): Promise<void> {
    if (rows.every((row) => this.knows(row))) return;
    const { batch, sequenceOfRead } =
      laid ??
      joinRows(
        rows.map((row) => this.rows.lay(row)),
        this.options,
      );
    this.load(
      rows,
      sumBySequence(await model.score(batch), sequenceOfRead, rows.length * this.rows.sequences),
    );
  }

  /**
   * Computes what is not known yet of the given rows, or takes it from the cache. Equal sets of
   * rows are read in equal batches, whatever their order: a value never depends on which run
   * computed it.
   * @param key undefined where nothing is to be kept
   * @returns warnings about the cache
   */
  async complete(
    rows: readonly number[],
    model: ReferenceModel,
    { key, context }: { key: CacheKey | undefined; context: TrainingContext },
  ): Promise<string[]> {
    const { order, same, hash } = this.canonical(rows, key);
    const warnings: string[] = [];
    const cache = key && context.cache && { folder: context.cache.folder, hash };
    const kept = cache && (await readCache(cache, order.length * this.rows.sequences, warnings));
    if (kept) this.load(order, kept);
    const missing = order.filter((row) => !this.knows(row)).length;
    if (missing > 0)
      await this.compute(order, model, {
        context,
        missing,
        save: async () => cache && writeCache(cache, this.dump(order), warnings),
      });
    for (const [row, first] of same) this.of(row).set(this.of(first));
    return warnings;
  }

  private async compute(
    order: readonly number[],
    model: ReferenceModel,
    {
      context,
      missing,
      save,
    }: {
      context: TrainingContext;
      missing: number;
      save: () => Promise<void> | Promise<undefined>;
    },
  ): Promise<void> {
    const progress = context.progress?.({ title: "reference", total: missing, unit: "rows" });
    let done = 0;
    let saved = performance.now();
    for (const group of groupByLength(
      order,
      (row) => this.rows.lengthOf(row),
      this.options.microBatchTokens,
    )) {
      if (context.signal?.aborted) break;
      done += group.filter((row) => !this.knows(row)).length;
      await this.ensure(group, model);
      progress?.update(done);
      if (performance.now() - saved > SAVE_EVERY) {
        await save();
        saved = performance.now();
      }
      await setImmediate();
    }
    progress?.end();
    await save();
  }

  /**
   * Rows by their content, those that are there twice once, and the hash of everything that their
   * values depend on.
   */
  private canonical(
    rows: readonly number[],
    key: CacheKey | undefined,
  ): { order: number[]; same: [row: number, first: number][]; hash: string } {
    const hashed = rows
      .map((row) => ({ row, hash: hashRow(this.rows.lay(row)) }))
      .toSorted((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.row - b.row));
    const order: number[] = [];
    const same: [number, number][] = [];
    const whole = createHash("sha256").update(
      JSON.stringify([FORMAT, key, this.options, versions()["onnxruntime-node"]]),
    );
    let last = "";
    for (const { row, hash } of hashed) {
      if (hash === last) same.push([row, order.at(-1)!]);
      else {
        order.push(row);
        whole.update(hash);
      }
      last = hash;
    }
    return { order, same, hash: whole.digest("hex") };
  }

  private dump(rows: readonly number[]): Float32Array {
    const { sequences } = this.rows;
    const all = new Float32Array(rows.length * sequences);
    rows.forEach((row, i) => all.set(this.of(row), i * sequences));
    return all;
  }

  private load(rows: readonly number[], values: Float32Array): void {
    const { sequences } = this.rows;
    rows.forEach((row, i) => this.of(row).set(values.subarray(i * sequences, (i + 1) * sequences)));
  }
}

/**
 * Milliseconds of work after which what is known is saved, so that an end by force costs no more.
 */
const SAVE_EVERY = 60_000;
/** To be raised whenever the values of equal rows would change. */
const FORMAT = 1;

/** What the values depend on, beside the rows and how they are batched. */
export interface CacheKey {
  /** Fingerprint of the base weights. */
  model: string;
  encoder: string;
  /** Which graphs compute. */
  plan: string;
  /** Of the frozen weights in memory. */
  precision: string;
}

/** What the values of a run depend on; undefined where they are not to be kept. */
export function referenceKey(
  encoder: Pick<Encoder, "fingerprint">,
  { plan, precision, referenceCache }: { plan: string; precision: string; referenceCache: boolean },
  { cache }: TrainingContext,
): CacheKey | undefined {
  return cache && referenceCache
    ? { model: cache.modelFingerprint, encoder: encoder.fingerprint, plan, precision }
    : undefined;
}

/** What the reference says in one run, and how it is computed. */
export interface Reference {
  table: ReferenceTable;
  /** Computes the values of a batch's rows where they are not known yet. */
  ensure(rows: readonly number[], laid: LaidBatch): Promise<void>;
  /**
   * Before the first step: with `cached`, computes all that the run reads, or takes it from disk.
   * @returns warnings
   */
  prepare(): Promise<Warning[]>;
  close(): Promise<void>;
}

export interface ReferenceOptions extends PlanChoice {
  reference: ReferenceWay;
  referenceCache: boolean;
  precision: string;
  microBatchTokens: number;
}

/** @param wanted rows that the run reads */
export function openReference(
  { rows, wanted }: { rows: RowSource; wanted: readonly number[] },
  {
    start,
    trainee,
    encoder,
  }: { start: Model; trainee: { readonly plan: Pick<ExecutionPlan, "score"> }; encoder: Encoder },
  { config, context }: { config: ReferenceOptions; context: TrainingContext },
): Reference {
  const { microBatchTokens } = config;
  const layout = { padId: encoder.padId };
  const table = new ReferenceTable(rows, { ...layout, microBatchTokens });
  const models = { start, plan: () => trainee.plan };
  const model = referenceModel(config.reference, models, config);
  return {
    table,
    ensure: (members, laid) => table.ensure(members, model, laid),
    async prepare() {
      if (config.reference !== "cached") return [];
      const key = referenceKey(encoder, config, context);
      const messages = await table.complete(wanted, model, { key, context });
      return messages.map((message) => ({ id: "reference-cache", message }));
    },
    close: () => model.close(),
  };
}

function hashRow(row: LaidRow): string {
  const hash = createHash("sha256");
  for (const part of [
    row.ids,
    row.positions,
    row.branchStart,
    row.prefixEnd,
    row.prefixStart,
    Int32Array.from(row.reads.flatMap((read) => [read.row, read.target, read.sequence])),
  ]) {
    hash
      .update(`${part.length} `)
      .update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex");
}
