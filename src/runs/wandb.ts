/**
 * An offline run of Weights & Biases: what its client writes in mode "offline", for
 * `wandb sync RUN/wandb/offline-run-*`. A file of records that begins with what the run is; then
 * comes, for each line of metrics.jsonl, what the newest values are and the line itself; then how
 * it ended.
 *
 * Source: wandb/proto/wandb_internal.proto of wandb 0.31; what the client writes for the calls of
 * transformers' WandbCallback.
 * Differences:
 * 1. nothing about the machine, the program's output or the environment.
 * 2. the file is whole and of one piece over resumes.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { numberFromJson, stringifyJson } from "../core/json.ts";
import {
  diskError,
  FILE_MODE,
  makeFolder,
  refusePipe,
  writeAll,
  writeFileAtomic,
} from "./files.ts";
import { flagField, integerField, messageField, textField } from "./protobuf.ts";
import { type MetricLine, type Report, STEP_TAG, tagOf } from "./report.ts";
import type { RunInfo } from "./run-info.ts";
import { logFile, logRecord, readLog } from "./wandb-log.ts";

/** Numbers of fields, from the message definitions. */
const RECORD = {
  number: 1,
  history: 2,
  summary: 3,
  metric: 12,
  run: 17,
  exit: 18,
  header: 21,
} as const;
const HEADER = { versionInfo: 1 } as const;
const VERSION_INFO = { producer: 1 } as const;
const RUN = { id: 1, project: 3, config: 4, jobType: 7, displayName: 8, startTime: 17 } as const;
const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
const CONFIG = { update: 1 } as const;
const SUMMARY = { update: 1 } as const;
const HISTORY = { item: 1, step: 2 } as const;
const HISTORY_STEP = { number: 1 } as const;
const ITEM = { key: 1, nestedKey: 2, json: 16 } as const;
const METRIC = { name: 1, globName: 2, stepMetric: 4, options: 6 } as const;
const METRIC_OPTIONS = { stepSync: 1, defined: 3 } as const;
const EXIT = { code: 1, runtime: 2 } as const;

/** 255 is what W&B's client gives where somebody pressed Ctrl-C. */
const EXIT_CODES = { completed: 0, failed: 1, interrupted: 255 } as const;

/**
 * Where runs go unless WANDB_PROJECT says otherwise, as transformers reads it;
 * `wandb sync --project` has the last word.
 */
const PROJECT = "attune";

export interface WandbRun {
  readonly info: RunInfo;
  /** The options that have an effect. */
  readonly config: object;
  /** Metrics so far. */
  readonly lines: readonly MetricLine[];
  readonly project?: string | undefined;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

export class WandbWriter implements Report {
  readonly path: string;
  private readonly handle: number;
  private readonly now: () => number;
  /** Seconds since 1970. */
  private readonly began: number;
  /** Bytes of the file that are written. */
  private position: number;
  /** Records in the file. */
  private records: number;
  private lines = 0;

  /**
   * Opens the file of a run, and makes it tell what its metrics tell: it is written anew, whole or
   * not at all, with the times of lines that it held before.
   * @param run folder
   * @throws AttuneError `disk`
   */
  constructor(
    run: string,
    { info, config, lines, project, now = () => Date.now() / 1000 }: WandbRun,
  ) {
    const id = runId(info);
    const folder = join(run, "wandb", `offline-run-${folderTime(info.created)}-${id}`);
    this.path = join(folder, `run-${id}.wandb`);
    this.now = now;
    this.began = Date.parse(info.created) / 1000;
    const records = opening({ id, info, config, name: basename(run), project: project || PROJECT });
    this.records = records.length;
    const before = this.before();
    for (const line of lines) records.push(...this.recordsOf(line, before));
    // where `wandb sync` puts what it sends besides: the options and the newest values
    makeFolder(join(folder, "files"));
    // what `wandb sync` leaves where it has sent everything
    rmSync(`${this.path}.synced`, { force: true });
    const file = logFile(records);
    writeFileAtomic(this.path, file);
    this.position = file.byteLength;
    try {
      this.handle = openSync(this.path, constants.O_WRONLY | constants.O_APPEND, FILE_MODE.private);
    } catch (error) {
      throw diskError(error, `${basename(this.path)} cannot be opened`, this.path);
    }
  }

  line(line: MetricLine): void {
    this.append(this.recordsOf(line));
  }

  end(status: keyof typeof EXIT_CODES): void {
    this.append([
      numbered(
        ++this.records,
        messageField(RECORD.exit, [
          integerField(EXIT.code, EXIT_CODES[status]),
          integerField(EXIT.runtime, Math.floor(this.elapsed())),
        ]),
      ),
    ]);
  }

  close(): void {
    closeSync(this.handle);
  }

  private before(): Buffer[] {
    refusePipe(this.path);
    try {
      return existsSync(this.path) ? readLog(readFileSync(this.path)) : [];
    } catch (error) {
      throw diskError(error, `${basename(this.path)} cannot be read`, this.path);
    }
  }

  /**
   * The newest values after a line, and the line.
   * @param before records of an earlier file, which are taken where they hold this line
   */
  private recordsOf(line: MetricLine, before: readonly Buffer[] = []): Buffer[] {
    const [place, number] = [this.lines++, this.records + 1];
    this.records += 2;
    const values = valuesOf(line);
    const [summary, history] = [
      itemFields(SUMMARY.update, values),
      itemFields(HISTORY.item, values),
    ];
    const earlier = before.slice(number - 1, number + 1);
    if (earlier[0]?.includes(summary) && earlier[1]?.includes(history)) return earlier;
    const clock: Item[] = [
      [["_timestamp"], String(this.now())],
      [["_runtime"], String(this.elapsed())],
      [["_step"], String(place)],
    ];
    const runtime: Item = [["_wandb", "runtime"], String(Math.floor(this.elapsed()))];
    return [
      numbered(
        number,
        messageField(RECORD.summary, [summary, itemFields(SUMMARY.update, [...clock, runtime])]),
      ),
      numbered(
        number + 1,
        messageField(RECORD.history, [
          history,
          itemFields(HISTORY.item, clock),
          messageField(HISTORY.step, [integerField(HISTORY_STEP.number, place)]),
        ]),
      ),
    ];
  }

  /**
   * Seconds since the run began, pauses included; a clock that was set back does not make them
   * negative.
   */
  private elapsed(): number {
    return Math.max(0, this.now() - this.began);
  }

  private append(records: readonly Uint8Array[]): void {
    const parts: Buffer[] = [];
    let position = this.position;
    for (const content of records) {
      const part = logRecord(content, position);
      parts.push(part);
      position += part.byteLength;
    }
    try {
      writeAll(this.handle, Buffer.concat(parts));
    } catch (error) {
      this.cutBack();
      throw diskError(error, `${basename(this.path)} cannot be extended`, this.path);
    }
    this.position = position;
  }

  private cutBack(): void {
    try {
      ftruncateSync(this.handle, this.position);
    } catch {
      // the next opening writes the file anew
    }
  }
}

const ID_LENGTH = 8;

/** The run's id: the same whenever the run goes on, and no other run's. */
function runId({ created, workingFolder, argv, dataHash, modelFingerprint }: RunInfo): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([created, workingFolder, argv, dataHash, modelFingerprint]))
    .digest();
  return hash.readBigUInt64BE().toString(36).padStart(ID_LENGTH, "0").slice(-ID_LENGTH);
}

/** `20260102_030405`, in UTC. */
const folderTime = (created: string): string =>
  created.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "_");

const numbered = (number: number, content: Uint8Array): Buffer =>
  Buffer.concat([integerField(RECORD.number, number), content]);

/** What the run is, and that charts go over its steps. */
function opening({
  id,
  info,
  config,
  name,
  project,
}: {
  id: string;
  info: RunInfo;
  config: object;
  name: string;
  project: string;
}): Buffer[] {
  const created = Date.parse(info.created);
  const { command, seed, versions, dataHash, modelFingerprint } = info;
  const items = Object.entries({
    ...config,
    attune: { command, seed, versions, dataHash, modelFingerprint },
  });
  return [
    messageField(RECORD.header, [
      messageField(HEADER.versionInfo, [
        textField(VERSION_INFO.producer, `attune ${versions["attune"]}`),
      ]),
    ]),
    messageField(RECORD.run, [
      textField(RUN.id, id),
      textField(RUN.project, project),
      messageField(
        RUN.config,
        items.map(([key, value]) =>
          messageField(CONFIG.update, [
            textField(ITEM.key, key),
            textField(ITEM.json, stringifyJson(value)),
          ]),
        ),
      ),
      textField(RUN.jobType, command),
      textField(RUN.displayName, name),
      messageField(RUN.startTime, [
        integerField(TIMESTAMP.seconds, Math.floor(created / 1000)),
        integerField(TIMESTAMP.nanos, (created % 1000) * 1e6),
      ]),
    ]),
    messageField(RECORD.metric, [
      textField(METRIC.name, STEP_TAG),
      messageField(METRIC.options, [flagField(METRIC_OPTIONS.defined, true)]),
    ]),
    messageField(RECORD.metric, [
      textField(METRIC.globName, "*"),
      textField(METRIC.stepMetric, STEP_TAG),
      messageField(METRIC.options, [
        flagField(METRIC_OPTIONS.stepSync, true),
        flagField(METRIC_OPTIONS.defined, true),
      ]),
    ]),
  ].map((content, index) => numbered(index + 1, content));
}

/** A name, in parts where it lies within another, and its value as JSON. */
type Item = readonly [path: readonly string[], json: string];

/** Values of a line as W&B has them; its JSON writes NaN and infinities as bare words. */
function valuesOf({ step, ...metrics }: MetricLine): Item[] {
  const values = Object.entries(metrics).flatMap(([name, item]): Item[] => {
    const value = numberFromJson(item);
    return value === undefined ? [] : [[[tagOf(name)], String(value)]];
  });
  return [...values, [[STEP_TAG], String(step)]];
}

const itemFields = (field: number, items: readonly Item[]): Buffer =>
  Buffer.concat(
    items.map(([path, json]) =>
      messageField(field, [
        ...path.map((name) => textField(ITEM.nestedKey, name)),
        textField(ITEM.json, json),
      ]),
    ),
  );
