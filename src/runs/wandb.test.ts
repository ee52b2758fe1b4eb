import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import type { MetricLine } from "./report.ts";
import { Run } from "./run.ts";
import type { RunInfo } from "./run-info.ts";
import { LOG_HEADER, logFile, logRecord, readLog } from "./wandb-log.ts";
import { WandbWriter } from "./wandb.ts";

const root = mkdtempSync(join(tmpdir(), "attune-wandb-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Golden {
  id: string;
  info: RunInfo;
  config: object;
  lines: MetricLine[];
  /** Seconds since 1970. */
  now: number;
  /** In hex, with what the client itself wrote. */
  records: string[];
}
const goldenFile = (name: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../../tests/golden/wandb/${name}.gz`, import.meta.url)));
const golden = JSON.parse(goldenFile("records.json").toString()) as Golden;
const { info, config, lines, now } = golden;
const facts = {
  command: "dpo",
  seed: 7,
  config: { given: {}, effective: {} },
  dataHash: "d",
  modelFingerprint: "m",
};
/** The record of the run is long: its hash is enough. */
const shown = (record: string): string =>
  record.length < 4096 ? record : createHash("sha256").update(record).digest("hex");
const hex = (records: readonly Buffer[]): string[] =>
  records.map((content) => shown(content.toString("hex")));
const expected = golden.records.map(shown);

it("reads the client's file, and makes the same file of its records", () => {
  const file = goldenFile("client.wandb");
  const records = readLog(file);
  expect(records.length).toBeGreaterThan(golden.records.length);
  expect(file.byteLength).toBeGreaterThan(32 * 1024);
  expect(logFile(records).equals(file)).toBe(true);
});

it("holds records of every length at every place of a block, and ends at what is torn or damaged", () => {
  const block = 32 * 1024;
  for (let left = 0; left <= 16; left++) {
    const filler = Buffer.alloc(block - LOG_HEADER.byteLength - 7 - left, 1);
    for (const length of [0, 1, 8, 9, 10, 2 * block]) {
      const records = [filler, Buffer.alloc(length, 2), Buffer.from("last")];
      const file = logFile(records);
      expect(readLog(file).map((content) => content.byteLength)).toEqual(
        records.map((content) => content.byteLength),
      );
      expect(readLog(file.subarray(0, -1))).toHaveLength(2);
      const damaged = Buffer.from(file);
      damaged[file.byteLength - 1]! ^= 1;
      expect(readLog(damaged)).toHaveLength(2);
    }
  }
  expect(readLog(Buffer.concat([Buffer.from("another"), logRecord(Buffer.from("a"), 7)]))).toEqual(
    [],
  );
});

it("writes the records that W&B's own client writes", () => {
  const writer = new WandbWriter(join(root, "golden"), { info, config, lines: [], now: () => now });
  for (const line of lines) writer.line(line);
  writer.end("interrupted");
  writer.close();
  expect(writer.path).toBe(
    join(
      root,
      "golden",
      "wandb",
      `offline-run-20260102_030405-${golden.id}`,
      `run-${golden.id}.wandb`,
    ),
  );
  expect(hex(readLog(readFileSync(writer.path)))).toEqual(expected);
  expect(statSync(writer.path).mode & 0o777).toBe(0o600);
});

it("tells after a kill what the metrics tell, wherever the file was torn, with the times that it had", () => {
  const folder = join(root, "golden");
  const open = (known: readonly MetricLine[], options = { config, now }): string => {
    const writer = new WandbWriter(folder, {
      info,
      config: options.config,
      lines: known,
      now: () => options.now,
    });
    writer.close();
    return writer.path;
  };
  const path = open(lines);
  // the end is gone, as the run goes on
  const whole = readFileSync(path);
  expect(hex(readLog(whole))).toEqual(expected.slice(0, -1));
  const small = { beta: 0.2 };
  open(lines, { config: small, now: now + 50 });
  const changed = readFileSync(path);
  expect(hex(readLog(changed)).toSpliced(1, 1)).toEqual(expected.slice(0, -1).toSpliced(1, 1));
  for (let length = 0; length <= changed.byteLength; length += 13) {
    truncateSync(path, length);
    open(lines, { config: small, now });
    expect(readFileSync(path).equals(changed)).toBe(true);
  }
  // metrics were cut back to a checkpoint, and differ after it
  open(lines.slice(0, 1), { config: small, now: now + 50 });
  expect(readLog(readFileSync(path))).toEqual(readLog(changed).slice(0, 6));
  writeFileSync(path, changed);
  open([lines[0]!, { step: 2, loss: 0.5 }], { config: small, now: now + 50 });
  const after = readLog(readFileSync(path));
  expect(after.slice(0, 6)).toEqual(readLog(changed).slice(0, 6));
  expect(after[7]!.toString()).toContain(String(now + 50));
  expect(after[7]!.toString()).not.toContain("Infinity");
});

it("has no step twice in a run that goes on from its checkpoint, and is to be sent again", async () => {
  const folder = join(root, "run");
  const run = Run.create(folder, facts);
  run.reportTo(["tensorboard", "wandb"]);
  for (const step of [1, 2]) run.metrics(step, { loss: step });
  await run.saveCheckpoint(2, async () => undefined);
  run.metrics(3, { loss: 3 });
  run.fail(new Error("no memory"));
  const path = fileOf(folder, run.info);
  expect(readLog(readFileSync(path)).at(-1)!.toString("hex")).toMatch(/9201(02|04)0801/);
  writeFileSync(`${path}.synced`, "");
  const { run: again } = await Run.open(folder);
  again.reportTo(["tensorboard", "wandb"]);
  expect(existsSync(`${path}.synced`)).toBe(false);
  for (const step of [3, 4]) again.metrics(step, { loss: step });
  again.finish("completed");
  const records = readLog(readFileSync(path)).map(String);
  const steps = records
    .filter((_, index) => index > 4 && index % 2 === 1)
    .map((text) => /global_step\D+(\d)/.exec(text)![1]);
  expect(steps).toEqual(["1", "2", "3", "4"]);
  expect(records).toHaveLength(4 + 2 * 4 + 1);
  expect(existsSync(join(folder, "tensorboard"))).toBe(true);
});

it("refuses a pipe in place of its file", () => {
  const writer = new WandbWriter(join(root, "pipe"), { info, config: {}, lines: [] });
  writer.close();
  rmSync(writer.path);
  execFileSync("mkfifo", [writer.path]);
  expect(() => new WandbWriter(join(root, "pipe"), { info, config: {}, lines: [] })).toThrow(
    /is no file/,
  );
});

it("does not mind a clock that was set back", () => {
  const writer = new WandbWriter(join(root, "clock"), {
    info,
    config: {},
    lines: lines.slice(0, 1),
    now: () => now - 3600,
  });
  writer.end("completed");
  writer.close();
  const records = readLog(readFileSync(writer.path));
  expect(records.at(-2)!.includes(Buffer.from("_runtime\x82\x01\x010", "latin1"))).toBe(true);
  expect(records.at(-1)!.toString("hex")).toBe("0807920100");
});

it("goes to the project that WANDB_PROJECT names, and to attune", () => {
  const project = (folder: string, given?: string): string => {
    const writer = new WandbWriter(join(root, folder), {
      info,
      config: {},
      lines: [],
      project: given,
    });
    writer.close();
    return readLog(readFileSync(writer.path))[1]!.toString();
  };
  expect(project("unnamed")).toContain("\x1a\x06attune");
  expect(project("empty", "")).toContain("\x1a\x06attune");
  expect(project("named", "mine")).toContain("\x1a\x04mine");
});

/** Where the run's id is the last part of its folder's name. */
function fileOf(folder: string, runInfo: RunInfo): string {
  const writer = new WandbWriter(join(root, "elsewhere"), { info: runInfo, config: {}, lines: [] });
  writer.close();
  return writer.path.replace(join(root, "elsewhere"), folder);
}
