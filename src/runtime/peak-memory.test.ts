/** Peak memory is of the process itself, whatever its parent held. */
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { highWaterMark, peakMemory } from "./peak-memory.ts";

const HELD = 400e6;

describe("peak memory", () => {
  test("is at least what is resident, and grows with it", () => {
    const before = peakMemory();
    const held = Buffer.alloc(HELD, 1);
    expect(peakMemory()).toBeGreaterThanOrEqual(Math.max(before, HELD));
    expect(held.at(-1)).toBe(1);
  });

  test.runIf(process.platform === "linux")("of a child does not hold its parent's", () => {
    const held = Buffer.alloc(HELD, 1);
    const status = execFileSync(
      process.execPath,
      ["--eval", 'process.stdout.write(require("fs").readFileSync("/proc/self/status", "utf8"))'],
      { encoding: "utf8" },
    );
    expect(highWaterMark(status)).toBeGreaterThan(10e6);
    expect(highWaterMark(status)).toBeLessThan(HELD / 2);
    expect(held.at(-1)).toBe(1);
  });

  test("is not made up where the text does not tell it", () => {
    expect(highWaterMark("VmPeak:\t 100 kB\n")).toBeUndefined();
  });
});
