/** Loaded into every test file by the measurement of test-cost.mjs: notes what the file's process and its children have used. */
import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { afterAll, expect } from "vitest";

const log = process.env.ATTUNE_TEST_COST;
if (log) {
  afterAll(() => {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // ticks of a hundredth of a second: user and system, own and of children that have ended
    const seconds = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
    appendFileSync(log, `${relative(process.cwd(), expect.getState().testPath)}\t${seconds}\n`);
  });
}
