/**
 * The reader of tables survives hostile files: each is read or refused with an AttuneError, in
 * bounded time and memory.
 */
import { expect, test } from "vitest";
import { surviveTables } from "./data-survival.ts";

test("60 hostile tables of up to 256 KiB are read or refused", async () => {
  const { read, refused } = await surviveTables({ runs: 60, largest: 2 ** 18 });
  // both outcomes, or the tables have lost their point
  expect(read).toBeGreaterThan(2);
  expect(refused).toBeGreaterThan(5);
});
