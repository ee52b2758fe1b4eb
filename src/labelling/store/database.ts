/**
 * Where the studio keeps what people judge: PostgreSQL, in this process (PGlite) or as a server. One
 * interface, one set of migrations; every row that is read is checked by a schema.
 */
import type { z } from "zod";
import { AttuneError } from "../../core/errors.ts";

/** Values that a statement takes for $1, $2 ...; objects go in as JSON. */
export type SqlValue = string | number | boolean | Date | Uint8Array | null | object;

/** Runs statements: a store, or a transaction of one. */
export interface Queries {
  /** Rows as they come. */
  rows(sql: string, values?: readonly SqlValue[]): Promise<Record<string, unknown>[]>;
  /** Several statements without values, as a migration has. */
  script(sql: string): Promise<void>;
}

export interface Database extends Queries {
  readonly kind: "pglite" | "postgresql";
  /** All of it or none of it; what the work throws is thrown. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Rows of a schema. @throws AttuneError `internal` where the store holds something else */
export async function select<Schema extends z.ZodType>(
  queries: Queries,
  schema: Schema,
  sql: string,
  values: readonly SqlValue[] = [],
): Promise<z.output<Schema>[]> {
  const rows = await queries.rows(sql, values);
  return rows.map((row) => {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    throw new AttuneError("internal", "a row of the store is not as it should be", {
      got: `${issue.path.join(".")}: ${issue.message}`,
    });
  });
}

/** The first row of a schema; undefined where there is none. */
export async function selectOne<Schema extends z.ZodType>(
  queries: Queries,
  schema: Schema,
  sql: string,
  values: readonly SqlValue[] = [],
): Promise<z.output<Schema> | undefined> {
  return (await select(queries, schema, sql, values))[0];
}
