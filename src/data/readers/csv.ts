/**
 * Rows of CSV (RFC 4180) and TSV files, first line the header. Cells are text; columns whose names
 * mean a number, a truth value or a conversation are read as such, conversations as JSON. Rows
 * carry the line that they begin on.
 */
import { parse } from "csv-parse";
import type { CsvError } from "csv-parse";
import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import { readChunks } from "./bytes.ts";
import { readCell } from "./csv-cells.ts";
import { recordingParsing } from "./json-text.ts";
import type { ReadLimits, Row } from "./row.ts";
import { tooLong, tooWide } from "./row.ts";
import { decodeUtf8, withoutByteOrderMark } from "./utf8.ts";

interface Parsed {
  readonly cells: readonly string[];
  readonly line: number;
}

export async function* readCsv(file: string, limits: ReadLimits): AsyncGenerator<Row> {
  let header: readonly string[] | undefined;
  for await (const { cells, line } of parseCells(file, limits)) {
    const place = { file, row: line };
    if (header === undefined) {
      header = checkHeader(cells, place, limits);
      continue;
    }
    if (cells.length !== header.length) {
      throw new AttuneError("data", "the row has another number of cells than the header", {
        ...place,
        got: `${cells.length}: ${preview(cells.join(","))}`,
        expected: `${header.length}: ${preview(header.join(","))}`,
        hint:
          "put cells that hold commas or quotes into double quotes, and double the quotes " +
          "inside",
      });
    }
    const columns: Record<string, unknown> = {};
    const { parsing, met } = recordingParsing(limits);
    header.forEach((name, index) => {
      columns[name] = readCell(name, cells[index]!, { ...place, column: name }, parsing);
    });
    yield { columns, place, ...met() };
  }
}

async function* parseCells(file: string, limits: ReadLimits): AsyncGenerator<Parsed> {
  // lines of the newest record; the parser runs ahead of the reader of its output
  const seen = { lines: 0, empty: 0 };
  const starts: number[] = [];
  const delimiter = delimiterOf(file);
  const parser = parse({
    delimiter,
    // a file that two programs wrote may end its lines in two ways
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: limits.rowBytes,
    on_record: (cells: string[], { lines, empty_lines: empty }) => {
      starts.push(seen.lines + 1 + (empty - seen.empty));
      [seen.lines, seen.empty] = [lines, empty];
      return cells;
    },
  });
  const source = Readable.from(checkedChunks(file, limits), { objectMode: false });
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    let taken = 0;
    for await (const cells of parser) {
      yield { cells: cells as string[], line: starts[taken++]! };
      // taking the first of thousands off a list moves all others
      if (taken === 4096) taken -= starts.splice(0, taken).length;
    }
  } catch (error) {
    throw csvError(error, file, seen.lines + 1, limits);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

const delimiterOf = (file: string): string => (/\.tsv(\.gz)?$/i.test(file) ? "\t" : ",");

/**
 * Passes on bytes that are UTF-8, since the parser would replace others in silence, and no row of a
 * million cells, at which it would take minutes.
 */
async function* checkedChunks(file: string, limits: ReadLimits): AsyncGenerator<Buffer> {
  let [line, first] = [1, true];
  let parts: Buffer[] = [];
  let size = 0;
  const cells = new CellCounter(delimiterOf(file).charCodeAt(0), limits.columns);
  const check = (bytes: Buffer): Buffer => {
    if (!isUtf8(bytes)) throw badBytes(bytes, file, line);
    for (let index = bytes.indexOf(10); index >= 0; index = bytes.indexOf(10, index + 1)) line++;
    return bytes;
  };
  for await (const chunk of readChunks(file, limits)) {
    const bytes = first ? withoutByteOrderMark(chunk) : chunk;
    first = false;
    const wide = cells.take(bytes);
    if (wide !== undefined) throw tooWide({ file, row: wide }, limits.columns);
    // a line break is never part of a longer sequence
    const cut = bytes.lastIndexOf(10) + 1;
    if (cut > 0) {
      yield check(Buffer.concat([...parts, bytes.subarray(0, cut)]));
      [parts, size] = [[], 0];
    }
    parts.push(bytes.subarray(cut));
    size += bytes.length - cut;
    if (size > limits.rowBytes) throw tooLong({ file, row: line }, limits);
  }
  if (size > 0) yield check(Buffer.concat(parts));
}

/** Counts the cells of each row as its bytes come. */
class CellCounter {
  private readonly delimiter: number;
  private readonly most: number;
  private quoted = false;
  private cells = 1;
  private line = 1;
  private rowLine = 1;

  constructor(delimiter: number, most: number) {
    this.delimiter = delimiter;
    this.most = most;
  }

  /** The line of a row that has more cells than allowed; undefined where none has. */
  take(bytes: Buffer): number | undefined {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]!;
      if (byte === 0x22) this.quoted = !this.quoted;
      else if (byte === 0x0a || byte === 0x0d) this.endLine(byte);
      else if (byte === this.delimiter && !this.quoted && ++this.cells > this.most)
        return this.rowLine;
    }
    return undefined;
  }

  private endLine(byte: number): void {
    if (byte === 0x0a) this.line++;
    if (this.quoted) return;
    [this.cells, this.rowLine] = [1, this.line];
  }
}

function badBytes(bytes: Buffer, file: string, firstLine: number): unknown {
  let [start, row] = [0, firstLine];
  for (let end = bytes.indexOf(10); ; end = bytes.indexOf(10, start)) {
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    try {
      decodeUtf8(line, { file, row });
    } catch (error) {
      return error;
    }
    [start, row] = [end + 1, row + 1];
  }
}

function checkHeader(
  cells: readonly string[],
  place: ErrorPlace,
  limits: ReadLimits,
): readonly string[] {
  if (cells.length > limits.columns) throw tooWide(place, limits.columns);
  const header = cells.map((name) => name.trim());
  const seen = new Set<string>();
  header.forEach((name, index) => {
    if (name === "" || name === "__proto__")
      throw new AttuneError("data", `column ${index + 1} of the header has no usable name`, {
        ...place,
        got: preview(name),
        expected: "the first line names the columns",
      });
    if (seen.has(name))
      throw new AttuneError("data", `the header names the column ${name} twice`, {
        ...place,
        got: preview(header.join(",")),
      });
    seen.add(name);
  });
  return header;
}

/** The parser's words are replaced, so that they do not depend on its version. */
const FAULTS: Readonly<Record<string, { what: string; hint: string }>> = {
  CSV_QUOTE_NOT_CLOSED: {
    what: "a quote is opened and never closed",
    hint: "close it, and double quotes inside a quoted cell",
  },
  CSV_INVALID_CLOSING_QUOTE: {
    what: "there is text after a closing quote",
    hint: "double quotes inside a quoted cell",
  },
  INVALID_OPENING_QUOTE: {
    what: "there is a quote inside a cell that is not quoted",
    hint: "put the whole cell into double quotes, and double the quotes inside",
  },
};

function csvError(error: unknown, file: string, nextLine: number, limits: ReadLimits): unknown {
  const { code, lines } = error as CsvError & { lines?: number };
  if (code === "CSV_MAX_RECORD_SIZE") return tooLong({ file, row: nextLine }, limits);
  if (error instanceof AttuneError || typeof code !== "string") return error;
  const fault = Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined;
  if (fault === undefined)
    return !code.startsWith("CSV_")
      ? error
      : new AttuneError("data", "the row is not valid CSV", { file, row: nextLine, cause: error });
  return new AttuneError("data", fault.what, {
    file,
    row: code === "CSV_QUOTE_NOT_CLOSED" ? nextLine : (lines ?? nextLine),
    hint: fault.hint,
    cause: error,
  });
}
