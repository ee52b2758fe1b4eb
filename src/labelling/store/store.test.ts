import { describe, expect, test } from "vitest";
import { z } from "zod";
import { STORES, storesOf } from "../testing.ts";
import { select, selectOne } from "./database.ts";
import { migrate, migrations } from "./migrate.ts";

test("there is a store to test on", () => {
  expect(STORES.map(({ kind }) => kind)).toContain("pglite");
});

describe.each(STORES)("a store on $kind", (store) => {
  const { fresh } = storesOf(store);

  test("is in the newest form, and brought to it once", async () => {
    const database = await fresh();
    expect(database.kind).toBe(store.kind);
    expect(await migrate(database)).toEqual([]);
    const row = z.object({ number: z.number(), name: z.string() });
    expect(await select(database, row, "SELECT number, name FROM migrations ORDER BY 1")).toEqual(
      migrations().map(({ number, name }) => ({ number, name })),
    );
  });

  test("of a newer attune, or of other migrations, is refused and left as it is", async () => {
    const database = await fresh();
    await expect(migrate(database, [])).rejects.toThrow("a newer attune wrote this store");
    const changed = migrations().map((each) => ({ ...each, sha256: "0".repeat(64) }));
    await expect(migrate(database, changed)).rejects.toThrow("another form of a migration");
  });

  test("gives values back in the same form whatever it runs on", async () => {
    const database = await fresh();
    const at = new Date("2026-11-30T12:00:00.123Z");
    const sql = `SELECT $1::bigint AS big, $2::jsonb AS json, $3::timestamptz AS at, $4::bytea AS raw,
      $5::smallint[] AS list, $6::text[] AS texts, count(*) AS n FROM people`;
    const raw = new Uint8Array([0, 1, 255]);
    const values = [2 ** 40, { a: ["x", null] }, at, raw, [1, 0], ["a", "b c", ""]];
    const [row] = await database.rows(sql, values);
    expect(new Uint8Array(row!["raw"] as Uint8Array)).toEqual(raw);
    const rest = { big: 2 ** 40, json: { a: ["x", null] }, at, list: [1, 0], texts: values[5] };
    expect(row).toMatchObject({ ...rest, n: 0 });
  });

  test("keeps all of a transaction or nothing", async () => {
    const database = await fresh();
    const add = "INSERT INTO people (id, name) VALUES (gen_random_uuid(), $1)";
    const broken = database.transaction(async (queries) => {
      await queries.rows(add, ["Ann"]);
      throw new Error("no");
    });
    await expect(broken).rejects.toThrow("no");
    await database.transaction((queries) => queries.rows(add, ["Bob"]));
    const names = await select(database, z.object({ name: z.string() }), "SELECT name FROM people");
    expect(names).toEqual([{ name: "Bob" }]);
  });

  test("says which column is not as it should be", async () => {
    const database = await fresh();
    const wrong = selectOne(database, z.object({ a: z.string() }), "SELECT 1 AS a");
    await expect(wrong).rejects.toThrow("a row of the store is not as it should be");
  });

  test("adds to its history, and changes or removes nothing of it", async () => {
    const database = await fresh();
    await database.rows("INSERT INTO history (what) VALUES ('judged')");
    for (const sql of [
      "UPDATE history SET what = 'undone'",
      "DELETE FROM history",
      "TRUNCATE history",
    ])
      await expect(database.rows(sql)).rejects.toThrow("the history is only added to");
    expect(await database.rows("SELECT what FROM history")).toEqual([{ what: "judged" }]);
  });
});
