import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSources } from "../../tests/support/compiled.ts";
import { watched } from "../../tests/support/progress.ts";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { JsonLines, readJsonLines } from "./json-lines.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-lines-"));
  path = join(folder, "events.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a log of JSON lines", () => {
  it("appends, counts bytes, keeps non-finite numbers and goes on after opening again", () => {
    const log = JsonLines.open(path);
    log.append({ step: 1, loss: NaN });
    expect(log.bytes).toBe(24);
    log.close();
    const again = JsonLines.open(path);
    expect([again.bytes, again.repairedBytes]).toEqual([24, 0]);
    again.append({ text: "zwei\nZeilen, ä" });
    again.sync();
    again.close();
    expect(readFileSync(path, "utf8")).toBe(
      '{"step":1,"loss":"NaN"}\n{"text":"zwei\\nZeilen, ä"}\n',
    );
  });

  it("removes a torn end, wherever it was torn", () => {
    const whole = '{"a":1}\n{"b":"ä€"}\n';
    const bytes = Buffer.from(whole);
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(path, bytes.subarray(0, cut));
      const lines = cut < 8 ? 0 : cut < bytes.length ? 1 : 2;
      expect(readJsonLines(path)).toHaveLength(lines);
      const log = JsonLines.open(path);
      expect(log.bytes).toBe([0, 8, bytes.length][lines]);
      log.append({ c: 3 });
      log.close();
      expect(readJsonLines(path)).toEqual([...[{ a: 1 }, { b: "ä€" }].slice(0, lines), { c: 3 }]);
    }
  });

  it("removes blocks of zeros that a power cut leaves", () => {
    writeFileSync(path, `{"a":1}\n${"\0".repeat(500)}\n${"\0".repeat(20)}`);
    const log = JsonLines.open(path);
    expect([log.bytes, log.repairedBytes]).toEqual([8, 521]);
    log.close();
  });

  it("cuts back to a length", () => {
    const log = JsonLines.open(path);
    log.append({ step: 1 });
    const kept = log.bytes;
    log.append({ step: 2 });
    log.truncate(kept);
    log.append({ step: 3 });
    log.close();
    expect(readJsonLines(path)).toEqual([{ step: 1 }, { step: 3 }]);
  });

  it("names the line that something else damaged, and reads nothing where there is no file", () => {
    expect(readJsonLines(join(folder, "none.jsonl"))).toEqual([]);
    writeFileSync(path, '{"a":1}\n{"b":\n{"c":1}\n');
    expect(() => readJsonLines(path)).toThrow(`${path}:2: the line is not a JSON object`);
    writeFileSync(path, 'null\n{"c":1}\n');
    expect(() => readJsonLines(path)).toThrow(`${path}:1: the line is not a JSON object`);
  });

  it("does not let a line set prototypes", () => {
    writeFileSync(path, '{"__proto__":{"polluted":1},"a":1}\n');
    expect((readJsonLines(path)[0] as { polluted?: number }).polluted).toBeUndefined();
  });

  it.skipIf(!existsSync("/dev/full"))("names a full disk", () => {
    symlinkSync("/dev/full", path);
    const log = JsonLines.open(path);
    let error: unknown;
    try {
      log.append({ a: 1 });
    } catch (caught) {
      error = caught;
    }
    log.close();
    expect(error).toBeInstanceOf(AttuneError);
    expect((error as AttuneError).message).toBe(
      `${path}: events.jsonl cannot be extended: the disk is full\n  try: free some space, or ` +
        "write to another disk",
    );
    expect([(error as AttuneError).code, (error as AttuneError).exitCode]).toEqual(["disk", 1]);
  });
});

/**
 * Appends lines for ever, most short and some of megabytes (which a kill does tear), and says which
 * are on the disk.
 */
const WRITER = `
import { writeSync } from "node:fs";
const { JsonLines } = await import(process.argv[2]);
const log = JsonLines.open(process.argv[3]);
let number = Number(process.argv[4]);
writeSync(1, "ready\\n");
for (;;) {
  log.append({ number, filler: "x".repeat(number % 7 === 3 ? 8_000_000 : number % 50) });
  if (number % 5 === 0) {
    log.sync();
    writeSync(1, number + "\\n");
  }
  number++;
}
`;

describe("kill -9", () => {
  it("never costs a line that was flushed, and never a later opening", async () => {
    const compiled = compileSources();
    try {
      const script = join(compiled.root, "writer.mjs");
      writeFileSync(script, WRITER);
      const random = Random.for(1, "kill");
      for (let kill = 0; kill < 8; kill++) {
        if (kill % 4 === 0) rmSync(path, { force: true });
        const before = readJsonLines(path).length;
        const flushed = await killWhileWriting(
          script,
          [compiled.module("runs/json-lines"), path, String(before)],
          random.integer(120),
        );
        const log = JsonLines.open(path);
        log.close();
        const numbers = readJsonLines(path).map(({ number }) => number);
        expect(numbers).toEqual(numbers.map((_, index) => index));
        expect(numbers.length).toBeGreaterThan(flushed);
        // what a tear would leave, for certain
        appendFileSync(path, '{"number":');
        expect(readJsonLines(path)).toHaveLength(numbers.length);
      }
    } finally {
      compiled.remove();
    }
  });
});

/** @returns the number of the last line that the writer said was on the disk; -1 for none */
async function killWhileWriting(
  script: string,
  parameters: string[],
  delay: number,
): Promise<number> {
  const child = spawn(process.execPath, [script, ...parameters], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const running = watched(child);
  expect(await running.until(() => running.said.includes("ready\n"))).toBe(true);
  await sleep(delay);
  child.kill("SIGKILL");
  const { said } = await running.end();
  return Math.max(-1, ...said.split("\n").slice(1, -1).map(Number));
}
