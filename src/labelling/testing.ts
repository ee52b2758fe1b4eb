/**
 * Stores for tests, one suite for both: PGlite in memory, and a PostgreSQL server that the test
 * begins (Debian's, as an unprivileged user) or that ATTUNE_TEST_DATABASE_URL names.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, openAsBlob, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { Client } from "pg";
import { afterAll, beforeAll } from "vitest";
import { writeFileAtomic } from "../runs/files.ts";
import type { Database } from "./store/database.ts";
import { migrate } from "./store/migrate.ts";
import { databaseOf, PARSERS } from "./store/pglite.ts";
import { openPostgresql } from "./store/postgresql.ts";
import { DEBIAN, postgresqlPrograms, startPostgresql } from "./testing/server.ts";

const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));

/** Where tests get empty stores of one kind from. */
export interface StoreServer {
  /** An empty store in the newest form. On PGlite it is the same one each time, emptied. */
  fresh(): Promise<Database>;
  stop(): Promise<void>;
}

export interface TestStore {
  readonly kind: Database["kind"];
  readonly begin: () => Promise<StoreServer>;
}

/**
 * Every kind of store that is here: `describe.each(STORES)("on $kind", (store) => { const { fresh }
 * = storesOf(store); ... })`. What is missing is said once, and left out.
 */
export const STORES: readonly TestStore[] = [
  { kind: "pglite", begin: beginPglite },
  ...(postgresqlIsHere() ? [{ kind: "postgresql", begin: beginPostgresql } as const] : []),
];

/** One server for the tests of a `describe` or a file; it is stopped behind them. */
export function storesOf({ begin }: TestStore): Pick<StoreServer, "fresh"> {
  let server: StoreServer | undefined;
  beforeAll(async () => {
    server = await begin();
  });
  afterAll(async () => {
    await server?.stop();
  });
  return { fresh: () => server!.fresh() };
}

/** initdb takes seconds: its outcome is kept beside the checkout, by PGlite's version. */
async function beginPglite(): Promise<StoreServer> {
  const manifest = import.meta.resolve("@electric-sql/pglite").replace(/dist\/.*$/, "package.json");
  const { version } = JSON.parse(readFileSync(fileURLToPath(manifest), "utf8")) as {
    version: string;
  };
  const kept = join(CACHE, `pglite-${version}.tar`);
  const client = existsSync(kept)
    ? await PGlite.create({ loadDataDir: await openAsBlob(kept), parsers: PARSERS })
    : await PGlite.create({ parsers: PARSERS });
  if (!existsSync(kept)) {
    mkdirSync(CACHE, { recursive: true });
    const image = await client.dumpDataDir("none");
    writeFileAtomic(kept, Buffer.from(await image.arrayBuffer()));
  }
  const database: Database = { ...databaseOf(client), close: () => Promise.resolve() };
  return {
    async fresh() {
      await client.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await migrate(database);
      return database;
    },
    stop: () => client.close(),
  };
}

async function beginPostgresql(): Promise<StoreServer> {
  const given = process.env["ATTUNE_TEST_DATABASE_URL"] ?? "";
  const server = given === "" ? await startPostgresql() : { url: given, stop: () => undefined };
  const made: { database: Database; name: string }[] = [];
  const administer = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  return {
    async fresh() {
      const name = `attune_test_${randomBytes(8).toString("hex")}`;
      await administer(`CREATE DATABASE ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      const database = await openPostgresql(url.href);
      made.push({ database, name });
      await migrate(database);
      return { ...database, close: () => Promise.resolve() };
    },
    async stop() {
      for (const { database, name } of made) {
        await database.close();
        await administer(`DROP DATABASE ${name} WITH (FORCE)`);
      }
      await server.stop();
    },
  };
}

function postgresqlIsHere(): boolean {
  if ((process.env["ATTUNE_TEST_DATABASE_URL"] ?? "") !== "" || postgresqlPrograms() !== undefined)
    return true;
  process.stdout.write(
    `skipped: PostgreSQL is neither under ${DEBIAN} nor named by ATTUNE_TEST_DATABASE_URL\n`,
  );
  return false;
}
