import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { StageResult } from "./pipeline.ts";
import { formatSeconds, wallClock } from "./wall-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-clock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A stage that worked between two seconds of a minute. */
function stage(name: string, from: number, to: number): StageResult {
  const own = join(folder, name);
  mkdirSync(own);
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  writeFileSync(join(own, "events.jsonl"), `{"time":"${at(from)}"}\n{"time":"${at(to)}"}\n`);
  return {
    stage: {
      name,
      title: name,
      inputs: {},
      needs: [],
      start: async () => {},
      resume: async () => {},
    },
    folder: own,
    action: "skip",
    because: "done",
    seconds: to - from,
  };
}

test("stages beside each other count once, pauses not at all", () => {
  const clock = wallClock([
    stage("a", 0, 10),
    stage("b", 5, 25),
    stage("c", 8, 9),
    stage("d", 40, 45),
  ]);
  expect(clock.elapsed).toBe(30);
  expect(clock.work).toBe(36);
  expect(clock.atOnce).toBe(3);
});

test("nothing took no time, and seconds are never 60", () => {
  expect(wallClock([])).toEqual({ elapsed: 0, work: 0, atOnce: 0, stages: [] });
  expect(formatSeconds(119.7)).toBe("2 min 0 s");
});
