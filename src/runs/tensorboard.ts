/**
 * Event files of TensorBoard: one event for each line of metrics.jsonl, so that a run which goes on
 * knows by their number what to keep.
 *
 * Source: tensorboard/compat/proto/{event,summary}.proto for the messages, tensorflow's
 * record_writer for the records: length, its checksum, content, its checksum.
 * Differences:
 * 1. tags are `train/loss` and `eval/loss`, as transformers' callback writes them.
 * 2. one file for the whole run, cut back with metrics.jsonl.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { numberFromJson } from "../core/json.ts";
import { crc32c } from "./crc32c.ts";
import { diskError, FILE_MODE, makeFolder, refusePipe, writeAll } from "./files.ts";
import { doubleField, floatField, integerField, messageField, textField } from "./protobuf.ts";
import { type MetricLine, type Report, tagOf } from "./report.ts";

const FOLDER = "tensorboard";
const FILE_VERSION = "brain.Event:2";

/** Numbers of fields, from the message definitions. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2 } as const;

export class TensorBoardWriter implements Report {
  readonly path: string;
  private readonly handle: number;
  /** Seconds since 1970. */
  private readonly now: () => number;

  /**
   * Opens the file of a run, and makes it tell what its metrics tell: events of steps that will be
   * repeated, and a torn end, are cut off; lines that a killed process did not get to are added.
   * @param run folder;
   * @param created when the run began; it names the file
   * @throws AttuneError `disk`
   */
  constructor(
    run: string,
    {
      created,
      lines,
      now = () => Date.now() / 1000,
    }: { created: string; lines: readonly MetricLine[]; now?: () => number },
  ) {
    this.now = now;
    this.path = join(
      run,
      FOLDER,
      `events.out.tfevents.${Math.floor(Date.parse(created) / 1000)}.attune`,
    );
    makeFolder(join(run, FOLDER));
    refusePipe(this.path);
    try {
      this.handle = openSync(
        this.path,
        constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
        FILE_MODE.private,
      );
    } catch (error) {
      throw diskError(error, `${basename(this.path)} cannot be opened`, this.path);
    }
    const ends = recordEnds(readFileSync(this.path)).slice(0, 1 + lines.length);
    const kept = ends.at(-1) ?? 0;
    if (fstatSync(this.handle).size > kept) ftruncateSync(this.handle, kept);
    if (ends.length === 0) this.append(versionEvent(this.now()));
    for (const line of lines.slice(Math.max(0, ends.length - 1))) this.line(line);
  }

  line(line: MetricLine): void {
    this.append(scalarEvent(line, this.now()));
  }

  /** Event files do not tell how a run ended. */
  end(): void {}

  close(): void {
    closeSync(this.handle);
  }

  private append(event: Uint8Array): void {
    try {
      writeAll(this.handle, tfRecord(event));
    } catch (error) {
      throw diskError(error, `${basename(this.path)} cannot be extended`, this.path);
    }
  }
}

/** @param wallTime seconds since 1970 */
export const versionEvent = (wallTime: number): Uint8Array =>
  Buffer.concat([
    doubleField(EVENT.wallTime, wallTime),
    textField(EVENT.fileVersion, FILE_VERSION),
  ]);

/** @param wallTime seconds since 1970 */
export function scalarEvent({ step, ...values }: MetricLine, wallTime: number): Uint8Array {
  const scalars = Object.entries(values).flatMap(([name, item]) => {
    const value = numberFromJson(item);
    return value === undefined
      ? []
      : [
          messageField(SUMMARY.value, [
            textField(VALUE.tag, tagOf(name)),
            floatField(VALUE.simpleValue, value),
          ]),
        ];
  });
  return Buffer.concat([
    doubleField(EVENT.wallTime, wallTime),
    integerField(EVENT.step, Number(step)),
    messageField(EVENT.summary, scalars),
  ]);
}

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;
const MASK = 0xa282ead8;

/** Rotated and shifted, so that checksums of checksums stay of use. */
function masked(content: Uint8Array): Buffer {
  const crc = crc32c(content);
  const buffer = Buffer.alloc(CHECKSUM_BYTES);
  buffer.writeUInt32LE((((crc >>> 15) | (crc << 17)) + MASK) >>> 0);
  return buffer;
}

export function tfRecord(content: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(content.byteLength));
  return Buffer.concat([length, masked(length), content, masked(content)]);
}

/** Where each whole record ends, up to the first that is torn or damaged. */
export function recordEnds(file: Buffer): number[] {
  const ends: number[] = [];
  let at = 0;
  while (at + LENGTH_BYTES + CHECKSUM_BYTES <= file.byteLength) {
    const length = file.subarray(at, at + LENGTH_BYTES);
    const begin = at + LENGTH_BYTES + CHECKSUM_BYTES;
    const end = begin + Number(length.readBigUInt64LE());
    if (
      !masked(length).equals(file.subarray(at + LENGTH_BYTES, begin)) ||
      end + CHECKSUM_BYTES > file.byteLength
    )
      break;
    if (!masked(file.subarray(begin, end)).equals(file.subarray(end, end + CHECKSUM_BYTES))) break;
    at = end + CHECKSUM_BYTES;
    ends.push(at);
  }
  return ends;
}
