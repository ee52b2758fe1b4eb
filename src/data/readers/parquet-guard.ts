/**
 * Looks over a Parquet file before hyparquet decodes it, which trusts sizes and counts: a page
 * header without a size makes it loop for ever, and a page of a few bytes may claim billions of
 * values. Here the footer and every page header is read strictly, sizes must lie inside the file,
 * and counts must be bounded and agree; parquet-page.ts looks into the pages.
 *
 * Source: apache/parquet-format, README.md and parquet.thrift (field numbers below).
 */
import { countOf } from "../../core/counts.ts";
import { ParquetFault } from "./parquet-fault.ts";
import type { Levels, Page } from "./parquet-page.ts";
import { checkPageValues } from "./parquet-page.ts";
import type { ReadLimits } from "./row.ts";
import { readThrift, ThriftError } from "./thrift.ts";
import type { ThriftStruct, ThriftValue } from "./thrift.ts";

/** Reads bytes of the file; shorter at its end. */
export type ReadAt = (start: number, length: number) => Promise<Uint8Array>;

const MAGIC = "PAR1";
const MAX_FOOTER = 16 * 2 ** 20;
const MAX_PAGE = 256 * 2 ** 20;
/**
 * Values of one row group, over all columns, and its bytes once decompressed. A row group is held
 * in memory whole: these are what a process of a few gigabytes can hold. A small file may claim
 * fewer, since runs and compression cost it nothing.
 */
const MAX_VALUES = 2 ** 24;
const MAX_VALUES_SMALL = 2 ** 21;
const MAX_BYTES = 2 ** 30;
const MAX_BYTES_SMALL = 2 ** 26;
/** Values and decompressed bytes for each byte of the file; text comes to about 0.1 and 10. */
const VALUES_PER_BYTE = 4;
const BYTES_PER_BYTE = 200;
const MAX_SCHEMA_DEPTH = 32;
/** Field of the footer; a column of messages has six elements. */
const SCHEMA = 2;
const ELEMENTS_PER_COLUMN = 16;

export interface ParquetLayout {
  readonly rowGroups: readonly RowGroup[];
}

export interface RowGroup {
  readonly rows: number;
  /**
   * Looks over its columns and pages: to be called before it is decoded.
   * @throws ParquetFault, ThriftError
   */
  check(): Promise<void>;
}

/** Looks over the footer. @throws ParquetFault, ThriftError */
export async function checkParquet(
  readAt: ReadAt,
  size: number,
  limits: ReadLimits,
): Promise<ParquetLayout> {
  if (size < 12) throw new ParquetFault("it is too short to be one");
  const head = await readAt(0, 4);
  const tail = await readAt(size - 8, 8);
  if (text(head) !== MAGIC || text(tail.subarray(4)) !== MAGIC)
    throw new ParquetFault(`it does not begin and end with ${MAGIC}`);
  const footerSize = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (footerSize > size - 12 || footerSize > MAX_FOOTER)
    throw new ParquetFault(`its footer claims ${footerSize} bytes`);
  const { struct: footer, end } = readThrift(
    await readAt(size - 8 - footerSize, footerSize),
    0,
    new Map([[SCHEMA, ELEMENTS_PER_COLUMN * limits.columns]]),
  );
  if (end > footerSize) throw new ParquetFault("its footer is cut off");
  const leaves = checkSchema(structs(footer, SCHEMA, "schema"), limits);
  const rowGroups = structs(footer, 4, "list of row groups").map((group): RowGroup => {
    const rows = integer(group, 3, "number of rows");
    return { rows, check: async () => checkRowGroup(group, leaves, { rows, readAt, size }) };
  });
  const rows = rowGroups.reduce((sum, { rows }) => sum + rows, 0);
  if (integer(footer, 3, "number of rows") !== rows)
    throw new ParquetFault("its number of rows disagrees with its row groups");
  return { rowGroups };
}

interface Leaf extends Levels {
  readonly path: string;
  readonly isBoolean: boolean;
  /** Neither repeated nor inside a group: one value a row. */
  readonly flat: boolean;
}

const [REQUIRED, REPEATED] = [0, 2];
const BOOLEAN = 0;

/** Levels of nesting as hyparquet counts them: whatever is not required may be absent. */
function levelsBelow({ maxDefinition, maxRepetition }: Levels, element: ThriftStruct): Levels {
  const repetition = element.get(3);
  return {
    maxDefinition: maxDefinition + (repetition === REQUIRED ? 0 : 1),
    maxRepetition: maxRepetition + (repetition === REPEATED ? 1 : 0),
  };
}

/** @returns the columns, in the order of the file */
function checkSchema(elements: readonly ThriftStruct[], limits: ReadLimits): Leaf[] {
  const leaves: Leaf[] = [];
  let next = 0;
  const visit = (path: readonly string[], above: Levels): void => {
    const element = elements[next++];
    if (element === undefined) throw new ParquetFault("its schema is incomplete");
    if (path.length > MAX_SCHEMA_DEPTH) throw new ParquetFault("its schema is nested too deep");
    const name = text(bytes(element, 4, "name of a column"));
    const children = element.has(5) ? integer(element, 5, "number of children") : 0;
    const isRoot = next === 1;
    if (!isRoot && (name === "" || name === "__proto__"))
      throw new ParquetFault(`its schema names a column ${JSON.stringify(name)}`);
    const here = isRoot ? [] : [...path, name];
    const levels = isRoot ? above : levelsBelow(above, element);
    if (children === 0 && !isRoot)
      leaves.push({
        path: here.join("."),
        flat: here.length === 1 && element.get(3) !== REPEATED,
        isBoolean: element.get(1) === BOOLEAN,
        ...levels,
      });
    if (leaves.length > limits.columns)
      throw new ParquetFault(`it has more than ${limits.columns} columns`);
    if (children > elements.length - next) throw new ParquetFault("its schema is incomplete");
    const names = new Set<string>();
    for (let i = 0; i < children; i++) {
      const child =
        elements[next] === undefined ? "" : text(bytes(elements[next]!, 4, "name of a column"));
      if (names.has(child))
        throw new ParquetFault(`its schema names the column ${JSON.stringify(child)} twice`);
      names.add(child);
      visit(here, levels);
    }
  };
  visit([], { maxDefinition: 0, maxRepetition: 0 });
  if (next !== elements.length)
    throw new ParquetFault("its schema has parts that belong to no column");
  return leaves;
}

async function checkRowGroup(
  group: ThriftStruct,
  leaves: readonly Leaf[],
  { rows, readAt, size }: { rows: number; readAt: ReadAt; size: number },
): Promise<void> {
  const columns = structs(group, 1, "list of columns");
  if (columns.length !== leaves.length)
    throw new ParquetFault("a row group lacks columns of the schema");
  const budget = new Budget(size);
  for (const [index, column] of columns.entries()) {
    if (column.has(1)) throw new ParquetFault("a column lies in another file");
    const meta = column.get(3);
    if (!(meta instanceof Map)) throw new ParquetFault("a column has no metadata");
    const leaf = leaves[index]!;
    const path = list(meta, 3, "path of a column")
      .map((part) => (part instanceof Uint8Array ? text(part) : ""))
      .join(".");
    if (path !== leaf.path)
      throw new ParquetFault(
        `a row group has the column ${JSON.stringify(path)} where its schema says ` +
          `${JSON.stringify(leaf.path)}`,
      );
    const values = integer(meta, 5, "number of values");
    if (leaf.flat ? values !== rows : values < rows)
      throw new ParquetFault(`the column ${path} has ${values} values for ${countOf(rows, "row")}`);
    budget.spend(values, 0);
    await checkPages(meta, { ...leaf, values }, { readAt, size, budget });
  }
}

/** What a row group may take. */
class Budget {
  private values: number;
  private bytes: number;

  constructor(size: number) {
    this.values = Math.min(MAX_VALUES, Math.max(MAX_VALUES_SMALL, VALUES_PER_BYTE * size));
    this.bytes = Math.min(MAX_BYTES, Math.max(MAX_BYTES_SMALL, BYTES_PER_BYTE * size));
  }

  spend(values: number, bytes: number): void {
    this.values -= values;
    this.bytes -= bytes;
    if (this.values < 0 || this.bytes < 0)
      throw new ParquetFault(
        "a row group holds more than fits into memory: write the file with smaller row groups, " +
          "such as row_group_size=10000",
      );
  }
}

interface Column extends Leaf {
  readonly values: number;
}

interface Source {
  readonly readAt: ReadAt;
  readonly size: number;
  readonly budget: Budget;
}

/** Walks the pages of one column of one row group. */
async function checkPages(
  meta: ThriftStruct,
  column: Column,
  { readAt, size, budget }: Source,
): Promise<void> {
  const { path, values } = column;
  const dataStart = integer(meta, 9, "offset of a column");
  // hyparquet takes the dictionary's offset where there is one that is not 0
  const start = (meta.has(11) ? integer(meta, 11, "offset of a column") : 0) || dataStart;
  const length = integer(meta, 7, "size of a column");
  const codec = integer(meta, 4, "codec of a column");
  if (start < 4 || start + length > size - 8)
    throw new ParquetFault(`the column ${path} lies outside the file`);
  const chunk = await readAt(start, length);
  if (chunk.length !== length) throw new ParquetFault(`the column ${path} is cut off`);
  let [offset, seen] = [0, 0];
  while (offset < length) {
    const { struct: header, end } = readThrift(chunk, offset);
    const unpacked = integer(header, 2, "size of a page");
    const packed = integer(header, 3, "size of a page");
    if (packed > length - end || unpacked > MAX_PAGE)
      throw new ParquetFault(
        `a page of the column ${path} claims ${packed} bytes, ${unpacked} unpacked`,
      );
    budget.spend(0, unpacked);
    seen += checkPage(header, {
      column,
      codec,
      left: values - seen,
      packed: chunk.subarray(end, end + packed),
      unpacked,
    });
    offset = end + packed;
  }
  if (seen !== values)
    throw new ParquetFault(`the column ${path} holds ${seen} values and claims ${values}`);
}

interface PageContext {
  readonly column: Column;
  readonly codec: number;
  /** Values that the column still has. */
  readonly left: number;
  readonly packed: Uint8Array;
  readonly unpacked: number;
}

const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];
/** Field of a page's header that holds the part for a page type, by type. */
const PARTS: Readonly<Record<number, number>> = {
  [DATA_PAGE]: 5,
  [DICTIONARY_PAGE]: 7,
  [DATA_PAGE_V2]: 8,
};

/** @returns number of values in the page */
function checkPage(
  header: ThriftStruct,
  { column, codec, left, packed, unpacked }: PageContext,
): number {
  const { path, isBoolean } = column;
  const type = integer(header, 1, "type of a page");
  const part = header.get(PARTS[type] ?? 0);
  if (!(part instanceof Map))
    throw new ParquetFault(`the column ${path} has a page of an unknown type`);
  const values = integer(part, 1, "number of values");
  if (type === DICTIONARY_PAGE) {
    // a dictionary entry takes a bit at least
    if (values > 8 * unpacked)
      throw new ParquetFault(`the dictionary of the column ${path} claims ${values} entries`);
    return 0;
  }
  if (values > left) throw new ParquetFault(`the column ${path} holds more values than it claims`);
  const page = { packed, size: unpacked, values, codec, isBoolean };
  if (type === DATA_PAGE)
    checkPageValues({ ...page, encoding: integer(part, 2, "encoding of a page") }, column);
  else
    checkPageValues(
      { ...page, encoding: integer(part, 4, "encoding of a page"), second: readSecond(part, page) },
      column,
    );
  return values;
}

function readSecond(
  part: ThriftStruct,
  { packed, size, values }: { packed: Uint8Array; size: number; values: number },
): NonNullable<Page["second"]> {
  const [nulls, rows] = [integer(part, 2, "number of nulls"), integer(part, 3, "number of rows")];
  const [definitionBytes, repetitionBytes] = [
    integer(part, 5, "size of the levels"),
    integer(part, 6, "size of the levels"),
  ];
  const levels = definitionBytes + repetitionBytes;
  if (nulls > values || rows > values || levels > packed.length || levels > size)
    throw new ParquetFault("a page contradicts itself");
  return { nulls, definitionBytes, repetitionBytes, compressed: part.get(7) !== false };
}

function text(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
}

function integer(struct: ThriftStruct, field: number, what: string): number {
  const value = struct.get(field);
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0)
    throw new ParquetFault(`the ${what} is missing or out of range`);
  return number;
}

function bytes(struct: ThriftStruct, field: number, what: string): Uint8Array {
  const value = struct.get(field);
  if (!(value instanceof Uint8Array)) throw new ParquetFault(`the ${what} is missing`);
  return value;
}

function list(struct: ThriftStruct, field: number, what: string): readonly ThriftValue[] {
  const value = struct.get(field);
  if (!Array.isArray(value)) throw new ParquetFault(`the ${what} is missing`);
  return value as readonly ThriftValue[];
}

function structs(struct: ThriftStruct, field: number, what: string): ThriftStruct[] {
  return list(struct, field, what).map((item) => {
    if (!(item instanceof Map)) throw new ThriftError(`the ${what} holds something else`);
    return item as ThriftStruct;
  });
}
