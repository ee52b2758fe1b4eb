/**
 * Brings a store to the newest form: numbered SQL files, each applied once, in a transaction of its
 * own, with its hash kept. A store that a newer attune wrote, or whose migrations were changed, is
 * refused and left as it is.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import type { Database } from "./database.ts";
import { select } from "./database.ts";

const FOLDER = new URL("migrations/", import.meta.url);
/** For the lock that two servers on one PostgreSQL take in turns. */
const LOCK_NUMBER = 4_173_001;

export interface Migration {
  number: number;
  name: string;
  sql: string;
  sha256: string;
}

/** All of them, in order. */
export function migrations(folder = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .toSorted()
    .map((name, index) => {
      const number = Number(/^(\d{4})-/.exec(name)?.[1]);
      if (number !== index + 1)
        throw new AttuneError("internal", "migrations are not numbered one after the other", {
          got: name,
        });
      const sql = readFileSync(new URL(name, folder), "utf8");
      return { number, name, sql, sha256: createHash("sha256").update(sql).digest("hex") };
    });
}

const appliedSchema = z.object({ number: z.number(), name: z.string(), sha256: z.string() });

/** @returns names of the migrations that were applied now */
export async function migrate(database: Database, known = migrations()): Promise<string[]> {
  return database.transaction(async (queries) => {
    await queries.rows("SELECT pg_advisory_xact_lock($1)", [LOCK_NUMBER]);
    await queries.script(
      `CREATE TABLE IF NOT EXISTS migrations (
         number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
         applied timestamptz NOT NULL DEFAULT now())`,
    );
    const applied = await select(
      queries,
      appliedSchema,
      "SELECT number, name, sha256 FROM migrations ORDER BY number",
    );
    for (const { number, name, sha256 } of applied) {
      const mine = known[number - 1];
      if (mine === undefined)
        throw new AttuneError("run", "a newer attune wrote this store", {
          got: `migration ${name}`,
          expected: `at most ${known.at(-1)?.name ?? "none"}`,
          hint: "use the attune that wrote it, or a newer one",
        });
      if (mine.sha256 !== sha256)
        throw new AttuneError("run", "this store was made by another form of a migration", {
          got: `${name} with SHA-256 ${sha256.slice(0, 12)}`,
          expected: mine.sha256.slice(0, 12),
          hint: "use the attune that wrote it",
        });
    }
    const fresh = known.slice(applied.length);
    for (const { number, name, sql, sha256 } of fresh) {
      await queries.script(sql);
      await queries.rows("INSERT INTO migrations (number, name, sha256) VALUES ($1, $2, $3)", [
        number,
        name,
        sha256,
      ]);
    }
    return fresh.map(({ name }) => name);
  });
}
