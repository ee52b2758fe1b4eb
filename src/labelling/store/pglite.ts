/** PostgreSQL in this process, in a folder. One process at a time: the folder is locked. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from "node:fs";
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

/** Every commit waits until its WAL is on the disk; PGlite itself leaves that to the system. */
const DURABLE = ["-c", "fsync=on", "-c", "wal_sync_method=fsync"];

interface NodeFilesModule {
  NODEFS: {
    realPath(node: unknown): string;
    stream_ops: { fsync?: (stream: { nfd?: number; node: unknown }) => number };
  };
}

/** PGlite's files in a folder, with the one call that it lacks: fsync reaches the disk. */
async function syncedFiles(data: string) {
  const { NodeFS } = await import("@electric-sql/pglite/nodefs");
  return new (class extends NodeFS {
    override async init(...given: Parameters<InstanceType<typeof NodeFS>["init"]>) {
      const begun = await super.init(...given);
      const install = (module: unknown): void => {
        const { NODEFS } = module as NodeFilesModule;
        NODEFS.stream_ops.fsync = ({ nfd, node }) => {
          if (nfd === undefined) syncFile(NODEFS.realPath(node));
          else fsyncSync(nfd);
          return 0;
        };
      };
      const { emscriptenOpts } = begun;
      const preRun = [emscriptenOpts.preRun ?? []].flat();
      return { ...begun, emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, install] } };
    }
  })(data);
}

function syncFile(path: string): void {
  const isFolder = statSync(path).isDirectory();
  // Windows opens no folder, and needs none to be synced
  if (isFolder && process.platform === "win32") return;
  const file = openSync(path, isFolder ? "r" : "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() || entry.isDirectory()) syncFile(join(entry.parentPath, entry.name));
  syncFile(folder);
}

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
    const data = join(folder, "pgdata");
    const isNew = !existsSync(join(data, "PG_VERSION"));
    const client = await PGlite.create({
      fs: await syncedFiles(data),
      parsers: PARSERS,
      startParams: PGlite.defaultStartParams.filter((each) => each !== "-F").concat(DURABLE),
    });
    // what initdb wrote, it wrote without
    if (isNew) syncFolder(data);
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
