/**
 * The embedded store in a folder: what is committed is on the disk, and one process has it.
 * @module-tag dear
 */
import fs, { mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "./database.ts";
import { openStore } from "./open.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-store-"));
const place = { folder, databaseUrl: "" };
const { fsyncSync } = fs;
let synced = 0;
let database: Database;

beforeAll(async () => {
  fs.fsyncSync = (file) => {
    synced++;
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  database = await openStore(place);
});
afterAll(async () => {
  await database.close();
  fs.fsyncSync = fsyncSync;
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true, force: true });
});

test("every commit waits for the disk, and reading does not", async () => {
  expect(await database.rows("SHOW fsync")).toEqual([{ fsync: "on" }]);
  const before = synced;
  for (let times = 0; times < 5; times++)
    await database.transaction(async (queries) => {
      await queries.rows("INSERT INTO history (what) VALUES ('judged')");
      await queries.rows("INSERT INTO history (what) VALUES ('judged')");
    });
  const written = synced - before;
  expect(written).toBeGreaterThanOrEqual(5);
  await database.rows("SELECT * FROM history");
  expect(synced - before).toBe(written);
});

test("a new store's own files are synced once, and what is there is found again", async () => {
  expect(synced).toBeGreaterThan(500);
  await database.close();
  database = await openStore(place);
  expect(await database.rows("SELECT count(*) AS n FROM history")).toEqual([{ n: 10 }]);
});

test("a second process is refused", async () => {
  await expect(openStore(place)).rejects.toThrow();
});
