/**
 * Stores for tests, one suite for both: PGlite in memory, and a PostgreSQL server that the test
 * begins (Debian's, as an unprivileged user) or that ATTUNE_TEST_DATABASE_URL names.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openAsBlob,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { Client } from "pg";
import { afterAll, beforeAll } from "vitest";
import { writeFileAtomic } from "../runs/files.ts";
import type { Database } from "./store/database.ts";
import { migrate } from "./store/migrate.ts";
import { databaseOf, PARSERS } from "./store/pglite.ts";
import { openPostgresql } from "./store/postgresql.ts";

const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));
const DEBIAN = "/usr/lib/postgresql";
/** Of a server that begins, in milliseconds. */
const PATIENCE = 60_000;

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
  if ((process.env["ATTUNE_TEST_DATABASE_URL"] ?? "") !== "" || programs() !== undefined)
    return true;
  process.stdout.write(
    `skipped: PostgreSQL is neither under ${DEBIAN} nor named by ATTUNE_TEST_DATABASE_URL\n`,
  );
  return false;
}

/** Folder of the newest PostgreSQL's programs. */
function programs(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  return readdirSync(DEBIAN)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")));
}

/** PostgreSQL does not run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string): number =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: number("-u"), gid: number("-g") };
}

export interface PostgresqlServer {
  /** Of its first database. */
  url: string;
  stop(): Promise<void>;
}

/** A server of its own in a temporary folder, on a free port of 127.0.0.1. */
export async function startPostgresql(): Promise<PostgresqlServer> {
  const bin = programs()!;
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), "attune-pg-"));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
  chmodSync(folder, 0o700);
  const data = join(folder, "data");
  const password = randomBytes(16).toString("hex");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password);
  if (user.uid !== undefined) chownSync(passwordFile, user.uid, user.gid!);
  const login = ["-A", "scram-sha-256", "-U", "attune", `--pwfile=${passwordFile}`];
  execFileSync(join(bin, "initdb"), ["-D", data, "-N", "-E", "UTF8", ...login], {
    ...user,
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const port = await freePort();
  const child = spawn(
    join(bin, "postgres"),
    ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder],
    { ...user, cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-4000)));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kill = (): void => void child.kill("SIGQUIT");
  process.once("exit", kill);
  const url = `postgresql://attune:${password}@127.0.0.1:${port}/postgres`;
  await reached(url, () => {
    if (child.exitCode !== null) throw new Error(`PostgreSQL did not begin: ${said}`);
  });
  return {
    url,
    async stop() {
      process.off("exit", kill);
      kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function reached(url: string, check: () => void): Promise<void> {
  for (const begun = Date.now(); ; await sleep(20)) {
    check();
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() - begun > PATIENCE) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
