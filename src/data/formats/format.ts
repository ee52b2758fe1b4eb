/** What a data format must say. */
import type { DataRecord } from "../records.ts";
import type { Row } from "../rows.ts";

export interface DataFormat {
  readonly name: string;
  /** Columns that it reads. */
  readonly columns: readonly string[];
  /** Further columns that files of this format are known to have; they are ignored. */
  readonly metadata: readonly string[];
  /** Whether a row looks like this format. */
  detect(row: Row): boolean;
  read(row: Row): DataRecord;
}
