import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LiveEvent } from "../api/runs.ts";
import type { Followed } from "./live.ts";
import { goOn, missing } from "./live.ts";
import { cursorOf, cursorText, readCursor, RunIndex } from "./run-index.ts";

let folder: string;
const file = (name: string): string => join(folder, name);
const line = (step: number, loss: number): string => `${JSON.stringify({ step, loss })}\n`;
const steps = (index: RunIndex): number[] => [...index.series.steps.view()];
const losses = (index: RunIndex): number[] => [...index.series.metrics.get("loss")!.values.view()];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-index-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a browser that has what the index has. */
const follow = (index: RunIndex): Followed => ({ run: "r", index, cursor: cursorOf(index) });
const stepsOf = (events: readonly LiveEvent[]): number[] =>
  events.flatMap((event) => (event.type === "points" ? event.steps : []));

describe("the index of a run", () => {
  test("reads what is new, and no byte of a whole line twice", async () => {
    const index = new RunIndex(folder);
    expect(await index.use()).toBe(false);
    writeFileSync(file("metrics.jsonl"), line(1, 3) + line(2, 2));
    expect(await index.use()).toBe(true);
    expect(await index.use()).toBe(false);
    appendFileSync(file("metrics.jsonl"), line(3, 1));
    expect(await index.use()).toBe(true);
    expect([steps(index), losses(index)]).toEqual([
      [1, 2, 3],
      [3, 2, 1],
    ]);
    expect(index.bytesRead).toBe(statSync(file("metrics.jsonl")).size);
  });

  test("waits for the end of a line that is being written", async () => {
    const index = new RunIndex(folder);
    writeFileSync(file("metrics.jsonl"), line(1, 3) + '{"step":2,"lo');
    await index.use();
    expect(steps(index)).toEqual([1]);
    appendFileSync(file("metrics.jsonl"), 'ss":2}\n');
    await index.use();
    expect(losses(index)).toEqual([3, 2]);
  });

  test("follows a run that goes back to a checkpoint", async () => {
    const index = new RunIndex(folder);
    writeFileSync(file("metrics.jsonl"), [1, 2, 3, 4].map((step) => line(step, step)).join(""));
    await index.use();
    const browser = follow(index);
    truncateSync(file("metrics.jsonl"), line(1, 1).length * 2);
    await index.use();
    expect(steps(index)).toEqual([1, 2]);
    appendFileSync(file("metrics.jsonl"), line(3, 30));
    await index.use();
    expect(losses(index)).toEqual([1, 2, 30]);
    const events = [...missing(browser)];
    expect(events.map(({ type }) => type)).toEqual(["back", "points"]);
    expect(events[0]).toMatchObject({ step: 2 });
    expect(stepsOf(events)).toEqual([3]);
    expect([...missing(browser)]).toEqual([]);
  });

  test("sees that it was cut and grew beyond, between two looks", async () => {
    const index = new RunIndex(folder);
    writeFileSync(file("metrics.jsonl"), line(1, 1) + line(2, 2));
    await index.use();
    const browser = follow(index);
    truncateSync(file("metrics.jsonl"), line(1, 1).length);
    appendFileSync(file("metrics.jsonl"), line(2, 7) + line(3, 8));
    await index.use();
    expect(losses(index)).toEqual([1, 7, 8]);
    expect([...missing(browser)].map(({ type }) => type)).toEqual(["again"]);
  });

  test("begins anew where another file has the name, and where the file is gone", async () => {
    const index = new RunIndex(folder);
    writeFileSync(file("metrics.jsonl"), line(1, 1) + line(2, 2));
    await index.use();
    writeFileSync(file("other"), line(1, 1) + line(2, 2) + line(3, 3));
    renameSync(file("other"), file("metrics.jsonl"));
    await index.use();
    expect(losses(index)).toEqual([1, 2, 3]);
    rmSync(file("metrics.jsonl"));
    await index.use();
    expect(index.series.lines).toBe(0);
  });

  test("says which lines are no records, and keeps the others", async () => {
    const index = new RunIndex(folder);
    writeFileSync(file("metrics.jsonl"), `${line(1, 1)}nonsense\n{"loss":3}\n${line(2, 2)}`);
    await index.use();
    expect(losses(index)).toEqual([1, 2]);
    expect(index.problems).toEqual([
      "metrics.jsonl, line 2, is no record of a step",
      "metrics.jsonl, line 3, is no record of a step",
    ]);
  });

  test("knows tokens and seconds of a step, also after going back", async () => {
    const index = new RunIndex(folder);
    const timing = (step: number, seconds: number): string =>
      `${JSON.stringify({ step, seconds, tokens: step * 100 })}\n`;
    writeFileSync(file("timing.jsonl"), timing(1, 2) + timing(2, 2) + timing(3, 2));
    await index.use();
    expect(index.timeAt(3)).toEqual({ tokens: 300, seconds: 6 });
    appendFileSync(file("timing.jsonl"), timing(2, 5) + timing(3, 5));
    await index.use();
    expect([index.timeAt(0), index.timeAt(2), index.timeAt(9)]).toEqual([
      { tokens: 0, seconds: 0 },
      { tokens: 200, seconds: 7 },
      { tokens: 300, seconds: 12 },
    ]);
  });

  test("gives the answers of a step, of a step done again the last", async () => {
    const index = new RunIndex(folder);
    const sample = (step: number, completion: string, reward?: number): string =>
      `${JSON.stringify({ time: "t", type: "sample", step, prompt: "p", completion, reward })}\n`;
    writeFileSync(file("events.jsonl"), sample(10, "one") + sample(20, "<b>é", 0.5));
    await index.use();
    appendFileSync(file("events.jsonl"), sample(20, "again", 1));
    await index.use();
    expect(await index.samplesAt(10)).toMatchObject([{ completion: "one", reward: null }]);
    expect(await index.samplesAt(20)).toMatchObject([{ completion: "again", reward: 1 }]);
    expect(await index.samplesAt(30)).toEqual([]);
  });

  test("puts its numbers aside and has them again, reading on from where it was", async () => {
    const index = new RunIndex(folder);
    const text = Array.from({ length: 500 }, (_, i) => line(i + 1, i * i)).join("");
    writeFileSync(file("metrics.jsonl"), text);
    writeFileSync(file("timing.jsonl"), '{"step":500,"seconds":3,"tokens":9}\n');
    mkdirSync(file("aside"));
    await index.use();
    const [before, cursor] = [losses(index), cursorText(cursorOf(index))];
    await index.putAside(file("aside/numbers"));
    expect([index.isHere, index.series.points]).toEqual([false, 0]);
    await index.update();
    expect(index.isHere).toBe(false);
    appendFileSync(file("metrics.jsonl"), line(501, 7));
    await index.use();
    expect(losses(index)).toEqual([...before, 7]);
    expect(index.timeAt(500)).toEqual({ tokens: 9, seconds: 3 });
    expect(index.bytesRead).toBe(
      statSync(file("metrics.jsonl")).size + statSync(file("timing.jsonl")).size,
    );
    const browser = { run: "r", index, cursor: (await goOn(index, readCursor(cursor)!))! };
    expect(stepsOf([...missing(browser)])).toEqual([501]);
  });
});

describe("a browser that comes back", () => {
  const grow = (from: number, to: number): void => {
    for (let step = from; step <= to; step++)
      appendFileSync(file("metrics.jsonl"), line(step, step));
  };

  test("gets exactly what it lacks, of the same server and of another", async () => {
    grow(1, 5);
    const first = new RunIndex(folder);
    await first.use();
    const cursor = readCursor(cursorText(cursorOf(first)))!;
    grow(6, 9);
    await first.use();
    const second = new RunIndex(folder);
    await second.use();
    for (const index of [first, second]) {
      const browser = { run: "r", index, cursor: (await goOn(index, cursor))! };
      expect(stepsOf([...missing(browser)])).toEqual([6, 7, 8, 9]);
    }
  });

  test("is told to ask again where another server finds other bytes, or fewer", async () => {
    grow(1, 5);
    const first = new RunIndex(folder);
    await first.use();
    const cursor = cursorOf(first);
    writeFileSync(file("metrics.jsonl"), "");
    grow(11, 19);
    const second = new RunIndex(folder);
    await second.use();
    expect(await goOn(second, cursor)).toBe(undefined);
    truncateSync(file("metrics.jsonl"), line(11, 11).length);
    const third = new RunIndex(folder);
    await third.use();
    expect(await goOn(third, cursor)).toBe(undefined);
  });

  test("that is far behind asks for its charts again instead of for every value", async () => {
    grow(1, 1);
    const index = new RunIndex(folder);
    await index.use();
    const browser = follow(index);
    const text = Array.from({ length: 30_000 }, (_, i) => line(i + 2, i)).join("");
    appendFileSync(file("metrics.jsonl"), text);
    await index.use();
    expect([...missing(browser)]).toEqual([{ type: "again", run: "r" }]);
    expect([...missing(browser)]).toEqual([]);
  });

  test("cannot send a cursor of its own making", () => {
    for (const text of ["", "a", "a.1.2.3", "a.1.2.3.4.x", "a.-1.2.3.4.5", "a.1.2.3.4.5.6"])
      expect(readCursor(text)).toBe(undefined);
  });
});
