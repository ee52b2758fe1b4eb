/** A PostgreSQL server of Debian's for tests and measurements; nothing of Vitest here. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

export const DEBIAN = "/usr/lib/postgresql";
/** Of a server that begins, in milliseconds. */
const PATIENCE = 60_000;

/** Folder of the newest PostgreSQL's programs. */
export function postgresqlPrograms(): string | undefined {
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
  const bin = postgresqlPrograms()!;
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
