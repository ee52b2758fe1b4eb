/**
 * As data-fuzz.test.ts, with a thousand tables, the largest beyond what a row may have.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { surviveTables } from "./data-survival.ts";

test("1,000 hostile tables of up to 40 MiB are read or refused within 500 MB", async () => {
  const before = process.resourceUsage().maxRSS;
  const { read, refused, slowest } = await surviveTables({ runs: 1000, largest: 40 * 2 ** 20 });
  const growth = (process.resourceUsage().maxRSS - before) * 1024;
  console.log(
    `tables: ${read} read, ${refused} refused; peak memory grew by ` +
      `${Math.round(growth / 2 ** 20)} MiB; the slowest took ${slowest.milliseconds.toFixed(0)} ` +
      "ms " +
      `of processor time (${slowest.origin}, ${slowest.bytes} bytes)`,
  );
  expect(read + refused).toBe(1000);
  expect(growth).toBeLessThan(500e6);
});
