/**
 * Looks over a Parquet file before a library decodes it. The library trusts sizes and counts: a page header without a size
 * makes it loop for ever, and a page of a few bytes may claim billions of values. Here every footer and page header is
 * read strictly, sizes must lie inside the file, and counts must be bounded and agree.
 *
 * Source: apache/parquet-format, README.md and parquet.thrift (field numbers below).
 */
import type { ReadLimits } from "./row.ts";
import { readThrift, ThriftError } from "./thrift.ts";
import type { ThriftStruct, ThriftValue } from "./thrift.ts";

/** Reads bytes of the file; shorter at its end. */
export type ReadAt = (start: number, length: number) => Promise<Uint8Array>;

export class ParquetFault extends Error {}

const MAGIC = "PAR1";
const MAX_FOOTER = 64 * 2 ** 20;
const MAX_PAGE = 256 * 2 ** 20;
/** Rows of one row group, and values of one column of it: what pyarrow, DuckDB and Polars write is far below. */
const MAX_ROWS = 2 ** 22;
const MAX_VALUES = 2 ** 25;
const MAX_SCHEMA_DEPTH = 32;

export interface ParquetLayout {
  readonly rowGroups: readonly { rows: number }[];
}

/** @throws ParquetFault, ThriftError */
export async function checkParquet(readAt: ReadAt, size: number, limits: ReadLimits): Promise<ParquetLayout> {
  if (size < 12) throw new ParquetFault("it is too short to be one");
  const head = await readAt(0, 4);
  const tail = await readAt(size - 8, 8);
  if (text(head) !== MAGIC || text(tail.subarray(4)) !== MAGIC) throw new ParquetFault(`it does not begin and end with ${MAGIC}`);
  const footerSize = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (footerSize > size - 12 || footerSize > MAX_FOOTER) throw new ParquetFault(`its footer claims ${footerSize} bytes`);
  const { struct: footer, end } = readThrift(await readAt(size - 8 - footerSize, footerSize), 0);
  if (end > footerSize) throw new ParquetFault("its footer is cut off");
  const leaves = checkSchema(structs(footer, 2, "schema"), limits);
  const rowGroups: { rows: number }[] = [];
  for (const group of structs(footer, 4, "row groups")) rowGroups.push(await checkRowGroup(group, leaves, readAt, size));
  const rows = rowGroups.reduce((sum, { rows }) => sum + rows, 0);
  if (integer(footer, 3, "rows") !== rows) throw new ParquetFault("its number of rows disagrees with its row groups");
  return { rowGroups };
}

interface Leaf {
  readonly path: string;
  /** Neither repeated nor inside a group: one value a row. */
  readonly flat: boolean;
}

/** @returns the columns, in the order of the file */
function checkSchema(elements: readonly ThriftStruct[], limits: ReadLimits): Leaf[] {
  const leaves: Leaf[] = [];
  let next = 0;
  const visit = (path: readonly string[]): void => {
    const element = elements[next++];
    if (element === undefined) throw new ParquetFault("its schema is incomplete");
    if (path.length > MAX_SCHEMA_DEPTH) throw new ParquetFault("its schema is nested too deep");
    const name = text(bytes(element, 4, "name"));
    const children = element.has(5) ? integer(element, 5, "number of children") : 0;
    const isRoot = next === 1;
    if (!isRoot && (name === "" || name === "__proto__")) throw new ParquetFault(`its schema names a column ${JSON.stringify(name)}`);
    const here = isRoot ? [] : [...path, name];
    if (children === 0 && !isRoot) leaves.push({ path: here.join("."), flat: here.length === 1 && element.get(3) !== 2 });
    if (leaves.length > limits.columns) throw new ParquetFault(`it has more than ${limits.columns} columns`);
    if (children > elements.length - next) throw new ParquetFault("its schema is incomplete");
    const names = new Set<string>();
    for (let i = 0; i < children; i++) {
      const child = elements[next] === undefined ? "" : text(bytes(elements[next]!, 4, "name"));
      if (names.has(child)) throw new ParquetFault(`its schema names the column ${JSON.stringify(child)} twice`);
      names.add(child);
      visit(here);
    }
  };
  visit([]);
  if (next !== elements.length) throw new ParquetFault("its schema has parts that belong to no column");
  return leaves;
}

async function checkRowGroup(group: ThriftStruct, leaves: readonly Leaf[], readAt: ReadAt, size: number): Promise<{ rows: number }> {
  const rows = integer(group, 3, "rows");
  if (rows > MAX_ROWS) throw new ParquetFault(`a row group has ${rows} rows, more than ${MAX_ROWS}`);
  const columns = structs(group, 1, "columns");
  if (columns.length !== leaves.length) throw new ParquetFault("a row group lacks columns of the schema");
  for (const [index, column] of columns.entries()) {
    if (column.has(1)) throw new ParquetFault("a column lies in another file");
    const meta = column.get(3);
    if (!(meta instanceof Map)) throw new ParquetFault("a column has no metadata");
    const leaf = leaves[index]!;
    const path = list(meta, 3, "path").map((part) => (part instanceof Uint8Array ? text(part) : "")).join(".");
    if (path !== leaf.path) throw new ParquetFault(`a row group has the column ${JSON.stringify(path)} where its schema says ${JSON.stringify(leaf.path)}`);
    const values = integer(meta, 5, "values");
    if (values > MAX_VALUES || (leaf.flat ? values !== rows : values < rows)) throw new ParquetFault(`the column ${path} has ${values} values for ${rows} rows`);
    await checkPages(meta, { path, values, flat: leaf.flat }, readAt, size);
  }
  return { rows };
}

interface Column extends Leaf {
  readonly values: number;
}

/** Walks the page headers of one column of one row group. */
async function checkPages(meta: ThriftStruct, { path, values }: Column, readAt: ReadAt, size: number): Promise<void> {
  const dataStart = integer(meta, 9, "offset");
  // hyparquet takes the dictionary's offset where there is one that is not 0
  const start = (meta.has(11) ? integer(meta, 11, "offset") : 0) || dataStart;
  const length = integer(meta, 7, "size");
  if (start < 4 || start + length > size - 8) throw new ParquetFault(`the column ${path} lies outside the file`);
  const chunk = await readAt(start, length);
  if (chunk.length !== length) throw new ParquetFault(`the column ${path} is cut off`);
  let [offset, seen] = [0, 0];
  while (offset < length) {
    const { struct: header, end } = readThrift(chunk, offset);
    const unpacked = integer(header, 2, "page size");
    const packed = integer(header, 3, "page size");
    if (packed > length - end || unpacked > MAX_PAGE) throw new ParquetFault(`a page of the column ${path} claims ${packed} bytes, ${unpacked} unpacked`);
    seen += checkPage(header, path, values - seen, { packed, unpacked });
    offset = end + packed;
  }
  if (seen !== values) throw new ParquetFault(`the column ${path} holds ${seen} values and claims ${values}`);
}

/** @returns number of values in the page */
function checkPage(header: ThriftStruct, path: string, left: number, size: { packed: number; unpacked: number }): number {
  const type = integer(header, 1, "page type");
  const field = { 0: 5, 2: 7, 3: 8 }[type];
  const part = field === undefined ? undefined : header.get(field);
  if (!(part instanceof Map)) throw new ParquetFault(`the column ${path} has a page of an unknown type`);
  const count = integer(part, 1, "values");
  if (type === 2) {
    // a dictionary entry takes a bit at least
    if (count > 8 * size.unpacked) throw new ParquetFault(`the dictionary of the column ${path} claims ${count} entries`);
    return 0;
  }
  if (count > left) throw new ParquetFault(`the column ${path} holds more values than it claims`);
  if (type === 3) {
    const [nulls, rows] = [integer(part, 2, "nulls"), integer(part, 3, "rows")];
    const levels = integer(part, 5, "levels") + integer(part, 6, "levels");
    if (nulls > count || rows > count || levels > size.packed || levels > size.unpacked) throw new ParquetFault(`a page of the column ${path} contradicts itself`);
  }
  return count;
}

function text(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
}

function integer(struct: ThriftStruct, field: number, what: string): number {
  const value = struct.get(field);
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) throw new ParquetFault(`its ${what} are missing or out of range`);
  return number;
}

function bytes(struct: ThriftStruct, field: number, what: string): Uint8Array {
  const value = struct.get(field);
  if (!(value instanceof Uint8Array)) throw new ParquetFault(`a ${what} is missing`);
  return value;
}

function list(struct: ThriftStruct, field: number, what: string): readonly ThriftValue[] {
  const value = struct.get(field);
  if (!Array.isArray(value)) throw new ParquetFault(`its ${what} are missing`);
  return value as readonly ThriftValue[];
}

function structs(struct: ThriftStruct, field: number, what: string): ThriftStruct[] {
  return list(struct, field, what).map((item) => {
    if (!(item instanceof Map)) throw new ThriftError(`${what} hold something else`);
    return item as ThriftStruct;
  });
}
