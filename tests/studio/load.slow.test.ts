/**
 * The short form of `npm run test:studio-load`: nothing that was acknowledged is lost where the
 * studio's process is killed, and nothing counts twice.
 * @module-tag dear
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { STORES } from "../../src/labelling/testing.ts";
import { repositoryRoot } from "../support/shared.ts";

test.each(STORES)("twenty annotators, and two kills, on $kind", ({ kind }) => {
  const numbers = ["--people", "20", "--seconds", "15", "--kills", "2", "--tasks", "2000"];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(repositoryRoot, "scripts", "studio-load.mjs"), ...numbers, "--store", kind],
    { encoding: "utf8" },
  );
  expect(stderr).toBe("");
  const outcome = JSON.parse(stdout) as Record<string, unknown>;
  expect(outcome).toMatchObject({ store: kind, kills: 2, wrong: [] });
  expect(outcome["acknowledged"]).toBeGreaterThan(20);
  expect(status).toBe(0);
});
