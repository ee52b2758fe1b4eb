/** A PostgreSQL server, by the address in DATABASE_URL. */
import { createHash } from "node:crypto";
import { Pool, types } from "pg";
import type { ClientBase } from "pg";
import { AttuneError } from "../../core/errors.ts";
import type { Database, Queries, SqlValue } from "./database.ts";

/** Connections at once; requests beyond wait. */
const POOL = 10;
const BIGINT = 20;

const parameter = (value: SqlValue): unknown =>
  typeof value !== "object" ||
  value === null ||
  value instanceof Date ||
  value instanceof Uint8Array ||
  // a list is an array of PostgreSQL
  Array.isArray(value)
    ? value
    : JSON.stringify(value);

type Client = Pick<ClientBase, "query">;

/** The same statement is planned once for each connection: its name is made of its text. */
const statementName = (sql: string): string => createHash("sha1").update(sql).digest("hex");

const queriesOf = (client: Client): Queries => ({
  async rows(sql, values: readonly SqlValue[] = []) {
    const { rows } = await client.query(
      values.length === 0
        ? { text: sql }
        : { name: statementName(sql), text: sql, values: values.map(parameter) },
    );
    return rows as Record<string, unknown>[];
  },
  async script(sql) {
    await client.query(sql);
  },
});

/** @throws AttuneError `network` where the server is not reached */
export async function openPostgresql(url: string): Promise<Database> {
  const pool = new Pool({
    connectionString: url,
    max: POOL,
    types: {
      getTypeParser: (oid, format) =>
        oid === BIGINT && format !== "binary" ? Number : types.getTypeParser(oid, format),
    },
  });
  // an idle connection that breaks is opened again when it is needed
  pool.on("error", () => undefined);
  await pool.query("SELECT 1").catch(async (cause: unknown) => {
    await pool.end();
    throw new AttuneError("network", "the PostgreSQL server of DATABASE_URL is not reached", {
      got: (cause as Error).message,
      hint: "is it running, and are name, user and password right?",
      cause,
    });
  });
  return {
    kind: "postgresql",
    ...queriesOf(pool as unknown as Client),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query("BEGIN");
        const result = await work(queriesOf(client));
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch((failure: Error) => (broken = failure));
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}
