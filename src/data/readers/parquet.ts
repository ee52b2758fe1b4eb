/**
 * Rows of a Parquet file, one row group at a time. hyparquet decodes; parquet-guard.ts looks the
 * file over first. Texts are strict UTF-8; 64-bit integers become numbers where they fit and
 * bigints where they do not; times become ISO texts.
 */
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import type { FileMetaData } from "hyparquet";
import type { FileHandle } from "node:fs/promises";
import { AttuneError } from "../../core/errors.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import { openFile, readError } from "./bytes.ts";
import { COMPRESSORS } from "./parquet-codecs.ts";
import { ParquetFault } from "./parquet-fault.ts";
import type { ReadAt } from "./parquet-guard.ts";
import { checkParquet } from "./parquet-guard.ts";
import type { Decimals } from "./parquet-values.ts";
import {
  decimalValue,
  PARSERS,
  Undecodable,
  withoutDecimalTypes,
  wholeNumber,
} from "./parquet-values.ts";
import type { ReadLimits, Row } from "./row.ts";
import { ThriftError } from "./thrift.ts";

export async function* readParquet(file: string, limits: ReadLimits): AsyncGenerator<Row> {
  const handle = await openFile(file);
  try {
    const { size } = await handle.stat();
    const readAt = reader(handle);
    const { rowGroups } = await guarded(file, () => checkParquet(readAt, size, limits));
    const buffer = {
      byteLength: size,
      slice: async (start: number, end = size) => toArrayBuffer(await readAt(start, end - start)),
    };
    const { metadata, decimals } = await guarded(file, async () =>
      withoutDecimalTypes(await parquetMetadataAsync(buffer, { geoparquet: false })),
    );
    let first = 0;
    for (const { rows, check } of rowGroups) {
      await guarded(file, check);
      if (rows > 0) yield* readGroup({ file, buffer, metadata, decimals, first, rows, limits });
      first += rows;
    }
  } finally {
    await handle.close();
  }
}

interface Group {
  readonly file: string;
  readonly buffer: { byteLength: number; slice(start: number, end?: number): Promise<ArrayBuffer> };
  readonly metadata: FileMetaData;
  readonly decimals: Decimals;
  /** Rows before it. */
  readonly first: number;
  readonly rows: number;
  readonly limits: ReadLimits;
}

async function* readGroup({
  file,
  buffer,
  metadata,
  decimals,
  first,
  rows,
  limits,
}: Group): AsyncGenerator<Row> {
  const decoded = await guarded(file, () =>
    parquetReadObjects({
      file: buffer,
      metadata,
      compressors: COMPRESSORS,
      parsers: PARSERS,
      geoparquet: false,
      rowStart: first,
      rowEnd: first + rows,
    }),
  );
  if (decoded.length !== rows) throw damaged(file, "a row group has fewer rows than it claims");
  for (const [index, values] of decoded.entries()) {
    const place = { file, row: first + index + 1 };
    const columns: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(values)) {
      const scale = decimals.get(name);
      // a null says that the file has the column
      if (value === undefined || value === null) columns[name] = null;
      else
        columns[name] =
          scale === undefined
            ? toPlain(value, { ...place, column: name }, limits, 0)
            : decimalValue(value, scale);
    }
    yield { columns, place };
  }
}

/** Lists, objects, texts, numbers and truth values only. */
function toPlain(value: unknown, place: ErrorPlace, limits: ReadLimits, depth: number): unknown {
  if (depth > limits.depth)
    throw new AttuneError("data", "the row has too many lists and objects inside one another", {
      ...place,
      expected: `at most ${limits.depth}`,
    });
  if (value instanceof Undecodable) throw new AttuneError("data", value.what, place);
  if (typeof value === "bigint") return wholeNumber(value);
  if (value instanceof Uint8Array)
    throw new AttuneError("data", "the column holds raw bytes", {
      ...place,
      expected: "text, numbers, truth values, lists or structures",
      hint: "leave the column out: --ignore-columns",
    });
  if (ArrayBuffer.isView(value)) return [...(value as Float64Array)];
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => toPlain(item, place, limits, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const object: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (name !== "__proto__" && item !== undefined)
      object[name] = toPlain(item, place, limits, depth + 1);
  }
  return object;
}

function reader(handle: FileHandle): ReadAt {
  return async (start, length) => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  };
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AttuneError) throw error;
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw readError(error, file);
    // whatever else the decoder trips over, the file is the cause
    const reason =
      error instanceof ParquetFault || error instanceof ThriftError
        ? error.message
        : "a column cannot be decoded";
    throw damaged(file, reason, error);
  }
}

function damaged(file: string, reason: string, cause?: unknown): AttuneError {
  return new AttuneError("data", "the Parquet file is damaged or not supported", {
    file,
    got: reason,
    cause,
    hint: "download or write the file again",
  });
}
