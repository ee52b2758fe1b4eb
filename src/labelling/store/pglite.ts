/** PostgreSQL in this process, in a folder. One process at a time: the folder is locked. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { acquireLock } from "../../runs/lock.ts";
import type { Database, Queries, SqlValue } from "./database.ts";

interface Client {
  query(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  exec(sql: string): Promise<unknown>;
}

const queriesOf = (client: Client): Queries => ({
  async rows(sql, values: readonly SqlValue[] = []) {
    const { rows } = await client.query(sql, [...values]);
    return rows as Record<string, unknown>[];
  },
  async script(sql) {
    await client.exec(sql);
  },
});

/** Values as `postgresql.ts` reads them, by the number of their type: bigint as a number. */
export const PARSERS = { 20: Number };

interface Pglite extends Client {
  transaction<T>(work: (inner: Client) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export const databaseOf = (client: Pglite): Database => ({
  kind: "pglite",
  ...queriesOf(client),
  transaction: (work) => client.transaction((inner) => work(queriesOf(inner))),
  close: () => client.close(),
});

/**
 * @param folder is made where it is missing
 * @throws AttuneError `run` where another process has it open, `usage` where PGlite is not installed
 */
export async function openPglite(folder: string): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite").catch((cause: unknown) => {
    throw new AttuneError("usage", "the embedded store is not installed", {
      expected: "the optional package @electric-sql/pglite",
      hint: "npm install @electric-sql/pglite, or DATABASE_URL for a PostgreSQL server",
      cause,
    });
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = acquireLock(folder);
  try {
    const client = await PGlite.create(join(folder, "pgdata"), { parsers: PARSERS });
    return {
      ...databaseOf(client),
      async close() {
        await client.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
