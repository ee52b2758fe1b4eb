/**
 * A run folder: what was asked, what happened, and what is needed to go on after `kill -9`.
 *
 *   run.json               command, status, seed, versions, hashes
 *   config.given.yaml      the options that were given
 *   config.resolved.json   all options that have an effect
 *   metrics.jsonl          values by step                                 same bytes in equal runs
 *   checkpoints/           step-000123/ with manifest.json                same bytes in equal runs
 *   model/, adapter/, ...  what the run made ({@link Run.saveArtifact})   same bytes in equal runs
 *   events.jsonl           history with times: starts, resumes, checkpoints, warnings, samples,
 *                          the end; only ever appended to
 *   timing.jsonl           seconds and tokens by step
 *   tensorboard/, wandb/   metrics.jsonl again, with times, where asked for ({@link Run.reportTo})
 *   lock                   the process that writes
 *
 * A resumed run cuts metrics.jsonl back to the length that its checkpoint recorded, and repeats the
 * steps behind it.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { type Checkpoint, Checkpoints, type SaveOptions } from "./checkpoints.ts";
import { type EncodedRows, refuseOtherRows } from "./encoded-rows.ts";
import type { Metrics, TrainingEvent } from "./events.ts";
import { publishFolder, removeTemporary } from "./files.ts";
import { JsonLines, readJsonLines } from "./json-lines.ts";
import type { Lock } from "./lock.ts";
import { checkMetricName } from "./metrics.ts";
import { type NewRun, newRunInfo, writeConfigs } from "./new-run.ts";
import {
  type Change,
  changesSince,
  hashOfConfig,
  readConfig,
  recordedRun,
  refuseChanges,
} from "./recorded.ts";
import {
  checkNewFolder,
  type ExpectedInputs,
  locked,
  readRunInfo,
  refuseOtherInput,
  writeInfo,
} from "./run-folder.ts";
import type { Report } from "./report.ts";
import { openReports } from "./reports.ts";
import { resumeWarnings } from "./resume-warnings.ts";
import type { RunInfo, RunStatus } from "./run-info.ts";

export class Run {
  /** Absolute path. */
  readonly folder: string;
  private current: RunInfo;
  private readonly lock: Lock;
  private readonly events: JsonLines;
  private readonly metricsLog: JsonLines;
  private readonly timingLog: JsonLines;
  private readonly store: Checkpoints;
  private start: Checkpoint | undefined;
  private readonly reports: Report[] = [];
  private closed = false;
  /** How to take the run back; undefined for one that was opened. */
  private readonly undo: (() => void) | undefined;

  private constructor(
    folder: string,
    info: RunInfo,
    { lock, undo }: { lock: Lock; undo?: () => void },
  ) {
    this.folder = folder;
    this.undo = undo;
    this.current = info;
    this.lock = lock;
    this.events = JsonLines.open(join(folder, "events.jsonl"));
    this.metricsLog = JsonLines.open(join(folder, "metrics.jsonl"));
    this.timingLog = JsonLines.open(join(folder, "timing.jsonl"));
    this.store = new Checkpoints(join(folder, "checkpoints"), info.keepLast);
  }

  /**
   * Begins a run in a new or empty folder.
   * @throws AttuneError `run` where the folder holds something, `disk` where it cannot be written
   */
  static create(dir: string, given: NewRun): Run {
    const folder = resolve(dir);
    checkNewFolder(dir);
    const { lock, undo } = locked(folder);
    try {
      // somebody else may have been quicker before the lock was ours
      checkNewFolder(dir);
      removeTemporary(folder);
      writeConfigs(folder, given.config);
      const info = newRunInfo(given);
      const run = new Run(folder, info, { lock, undo });
      for (const log of [run.events, run.metricsLog, run.timingLog]) log.truncate(0);
      writeInfo(folder, info);
      run.event(
        "created",
        { command: given.command, recorded: recordedRun(given.config.effective, info) },
        { sync: true },
      );
      return run;
    } catch (error) {
      lock.release();
      if (!existsSync(join(folder, "run.json"))) undo();
      throw error;
    }
  }

  /**
   * Opens an unfinished run to go on with it: repairs torn logs, finds the newest intact checkpoint
   * and drops the metrics behind it. Warnings about what was passed over go to the event log and to
   * `warnings`.
   * @throws AttuneError `run` where it is no run, has finished, is busy, where data or model have
   * changed, or its options by hand
   */
  static async open(
    dir: string,
    expected?: ExpectedInputs,
    { acceptChanges = false }: { acceptChanges?: boolean } = {},
  ): Promise<{ run: Run; warnings: string[] }> {
    const folder = resolve(dir);
    const info = readRunInfo(folder);
    if (info.status === "completed")
      throw new AttuneError("run", "this run has finished", {
        file: folder,
        hint: "begin a new one in another folder; --model takes this one to start from",
      });
    const changes = changesSince(folder, info);
    if (!acceptChanges) refuseChanges(folder, changes);
    if (expected) refuseOtherInput(folder, info, expected);
    const { lock } = locked(folder);
    try {
      removeTemporary(folder);
      const run = new Run(folder, { ...info, status: "running" }, { lock });
      run.accept(changes);
      return { run, warnings: await run.recover() };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get info(): RunInfo {
    return this.current;
  }

  /** The checkpoint that this process goes on from; undefined for a run that begins. */
  get resumedFrom(): Checkpoint | undefined {
    return this.start;
  }

  /**
   * Keeps what the rows of a new run look like in ids.
   * @throws AttuneError `run` where a run that goes on has others
   */
  keepRows(rows: EncodedRows): void {
    if (this.current.encodedRows)
      return refuseOtherRows(this.folder, this.current.encodedRows, rows);
    this.current = { ...this.current, encodedRows: rows };
    writeInfo(this.folder, this.current);
  }

  /**
   * Tells metrics elsewhere too, as they come; what an earlier process recorded is there already,
   * or is added.
   * @throws AttuneError `disk`
   */
  reportTo(targets: readonly string[]): void {
    const { folder, current: info } = this;
    const lines = readJsonLines(this.metricsLog.path);
    // each is ours to close as soon as it is there
    for (const report of openReports(targets, { folder, info, lines })) this.reports.push(report);
  }

  /** What was changed by hand is from now on what the run is; both stay in its history. */
  private accept(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const config = readConfig(this.folder);
    const told = changes.map(({ name, before, after }) => `${name} is ${after}, was ${before}`);
    this.current = {
      ...this.current,
      configHash: hashOfConfig(config),
      accepted: [...(this.current.accepted ?? []), ...told],
    };
    this.event("changed", { changes, recorded: recordedRun(config, this.current) }, { sync: true });
  }

  private async recover(): Promise<string[]> {
    this.store.clean();
    const { checkpoint, skipped } = await this.store.latest(this.metricsLog.bytes);
    const warnings = resumeWarnings(this.current, { skipped, lockLeft: this.lock.left });
    this.metricsLog.truncate(checkpoint?.metricsBytes ?? 0);
    this.start = checkpoint;
    this.store.prune();
    writeInfo(this.folder, this.current);
    for (const message of warnings) this.event("warning", { id: "resume", message });
    this.event("resumed", { step: checkpoint?.step ?? 0 }, { sync: true });
    return warnings;
  }

  /**
   * Appends to the history, with the time. A killed process loses nothing; `sync` also survives a
   * power cut.
   * @throws AttuneError `disk`
   */
  event(
    type: string,
    fields: Readonly<Record<string, unknown>> = {},
    options: { sync?: boolean } = {},
  ): void {
    this.events.append({ time: new Date().toISOString(), type, ...fields });
    if (options.sync) this.events.sync();
  }

  /**
   * Appends the values of one step or evaluation to metrics.jsonl.
   * @throws AttuneError `internal` for a name that the metrics table lacks, `disk`
   */
  metrics(step: number, values: Metrics): void {
    for (const name of Object.keys(values)) checkMetricName(name);
    this.metricsLog.append({ step, ...values });
    for (const report of this.reports) report.line({ step, ...values });
  }

  /**
   * Appends what depends on the clock: seconds of the step, and tokens consumed since the run
   * began.
   */
  timing(step: number, values: { seconds: number; tokens: number }): void {
    this.timingLog.append({ step, ...values });
  }

  /**
   * Puts a trainer's event where it belongs, and returns it for the caller to yield:
   * `yield run.record(event)`. The event `end` finishes the run.
   */
  record<Event extends TrainingEvent>(event: Event): Event {
    if (event.type === "step") {
      this.metrics(event.step, event.metrics);
      this.timing(event.step, { seconds: event.seconds, tokens: event.tokens });
    } else if (event.type === "evaluation") {
      this.metrics(event.step, event.metrics);
    } else if (event.type !== "checkpoint") {
      const { type, ...fields } = event;
      this.event(type, fields, { sync: type !== "sample" });
    }
    if (event.type === "end") this.finish(event.status);
    return event;
  }

  /**
   * Saves a checkpoint, whole or not at all, and then deletes those that are neither new nor best.
   * Log the metrics of the step first: what comes later is repeated by a resumed run.
   * @param write puts the files into the folder it is given; they must not depend on the clock
   * @throws AttuneError `disk`, naming the last good checkpoint
   */
  async saveCheckpoint(
    step: number,
    write: (folder: string) => Promise<void>,
    options: SaveOptions = {},
  ): Promise<Checkpoint> {
    this.metricsLog.sync();
    const checkpoint = await this.store.save(step, write, {
      ...options,
      metricsBytes: this.metricsLog.bytes,
    });
    this.timingLog.sync();
    this.event(
      "checkpoint",
      { step, folder: checkpoint.folder, ...(options.score ? { score: options.score } : {}) },
      { sync: true },
    );
    return checkpoint;
  }

  /** The newest intact checkpoint; undefined where there is none. */
  async latestCheckpoint(): Promise<Checkpoint | undefined> {
    return (await this.store.latest(Infinity)).checkpoint;
  }

  /** The checkpoint with the best score. */
  bestCheckpoint(): Checkpoint | undefined {
    return this.store.best();
  }

  /** All complete checkpoints by step. */
  checkpoints(): Checkpoint[] {
    return this.store.list();
  }

  /**
   * Writes a folder of results (`model`, `adapter`), whole or not at all; an earlier one of this
   * name is replaced.
   * @returns its path
   */
  async saveArtifact(name: string, write: (folder: string) => Promise<void>): Promise<string> {
    const folder = join(this.folder, name);
    await publishFolder(folder, write);
    this.event("artifact", { name }, { sync: true });
    return folder;
  }

  /** Ends the run with a status and lets go of the folder. */
  finish(status: Exclude<RunStatus, "running">): void {
    if (status === "completed") this.store.removeTemporary();
    this.metricsLog.sync();
    this.timingLog.sync();
    for (const report of this.reports) report.end(status);
    this.event("finished", { status }, { sync: true });
    this.current = { ...this.current, status };
    writeInfo(this.folder, this.current);
    this.close();
  }

  /**
   * Ends the run because of an error, as far as the disk still takes it. Never throws; a run that
   * has ended stays as it is.
   */
  fail(error: unknown): void {
    if (this.closed) return;
    try {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof AttuneError ? error.code : "internal";
      this.event("error", { code, message });
      this.finish(code === "interrupted" ? "interrupted" : "failed");
    } catch {
      // the disk is full: the folder keeps its last good state
    } finally {
      this.close();
    }
  }

  /**
   * Takes back a run that was just created and has done no step, as if it had never begun: folders
   * that were made for it go too. Does nothing where it has something to keep.
   * @returns whether it is gone
   */
  discard(): boolean {
    if (
      this.closed ||
      this.undo === undefined ||
      this.metricsLog.bytes > 0 ||
      this.store.list().length > 0
    )
      return false;
    this.close();
    this.undo();
    return true;
  }

  /**
   * Ends the run because of an error; bad input that shows before the first step leaves no folder
   * behind.
   */
  abandon(error: unknown): void {
    const mendable = error instanceof AttuneError && error.exitCode === 2;
    if (!(mendable && this.discard())) this.fail(error);
  }

  /** Lets go of the folder without a status, as a killed process would. Safe to call twice. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const log of [this.events, this.metricsLog, this.timingLog]) log.close();
    for (const report of this.reports) report.close();
    this.lock.release();
  }
}
