/**
 * Loaded into every test file by the measurement of test-cost.mjs: notes what the file's process
 * and its children have used meanwhile.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { afterAll, expect } from "vitest";

/**
 * Seconds of the processor: user and system, own and of children that have ended; ticks of a
 * hundredth.
 */
function used() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

const log = process.env.ATTUNE_TEST_COST;
if (log) {
  const before = used();
  afterAll(() =>
    appendFileSync(
      log,
      `${relative(process.cwd(), expect.getState().testPath)}\t${used() - before}\n`,
    ),
  );
}
