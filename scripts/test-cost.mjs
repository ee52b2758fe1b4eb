/**
 * Processor time of every test file, its threads and ended child processes included; the lines
 * `user` and `sys` are of everything, vitest itself among it. Linux, whose /proc tells.
 *
 *   npm run test:cost                    the quick tests, whose budget is 240 s
 *   npm run test:cost -- --tags-filter dear
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const BUDGET = 240;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = mkdtempSync(join(tmpdir(), "attune-test-cost-"));
const log = join(folder, "costs");
const given = process.argv.slice(2);
const asked =
  given.length === 0
    ? ["--project", "quick", "--project", "alone", "--tags-filter", "!dear"]
    : given;
const { status } = spawnSync(
  "/usr/bin/env",
  [
    "bash",
    "-c",
    'time -p "$@"',
    "time",
    process.execPath,
    join(root, "node_modules", "vitest", "vitest.mjs"),
    "run",
    ...asked,
  ],
  {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ATTUNE_TEST_COST: log },
  },
);
const rows = readFileSync(log, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split("\t"))
  .map(([file, seconds]) => ({ file, seconds: Number(seconds) }))
  .toSorted((a, b) => b.seconds - a.seconds);
rmSync(folder, { recursive: true, force: true });
for (const { file, seconds } of rows) console.log(`${seconds.toFixed(1).padStart(7)}  ${file}`);
const total = rows.reduce((sum, { seconds }) => sum + seconds, 0);
console.log(`${total.toFixed(1).padStart(7)}  s of processor time in ${rows.length} files`);
if (given.length === 0 && total > BUDGET) console.log(`the budget of npm test is ${BUDGET} s`);
process.exit(status ?? 1);
