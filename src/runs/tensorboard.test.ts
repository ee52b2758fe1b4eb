import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";
import type { MetricLine } from "./report.ts";
import { Run } from "./run.ts";
import {
  tfRecord,
  recordEnds,
  scalarEvent,
  TensorBoardWriter,
  versionEvent,
} from "./tensorboard.ts";

const root = mkdtempSync(join(tmpdir(), "attune-tensorboard-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Golden {
  wallTime: number;
  lines: MetricLine[];
  file: string;
}
const golden = JSON.parse(
  readFileSync(new URL("../../tests/golden/tensorboard/events.json", import.meta.url), "utf8"),
) as Golden;
const created = "2026-01-02T03:04:05.678Z";

it("has the checksum of RFC 3720", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

it("writes the bytes that TensorBoard's own messages and record writer give", () => {
  const events = [
    versionEvent(golden.wallTime),
    ...golden.lines.map((line) => scalarEvent(line, golden.wallTime)),
  ];
  expect(Buffer.concat(events.map(tfRecord)).toString("hex")).toBe(golden.file);
  const writer = new TensorBoardWriter(join(root, "new"), {
    created,
    lines: [],
    now: () => golden.wallTime,
  });
  for (const line of golden.lines) writer.line(line);
  writer.close();
  expect(writer.path).toBe(
    join(root, "new", "tensorboard", "events.out.tfevents.1767323045.attune"),
  );
  expect(readFileSync(writer.path).toString("hex")).toBe(golden.file);
  expect(statSync(writer.path).mode & 0o777).toBe(0o600);
});

it("tells after a kill what the metrics tell, wherever the file was torn", () => {
  const folder = join(root, "torn");
  const open = (lines: readonly MetricLine[]) => {
    const writer = new TensorBoardWriter(folder, { created, lines, now: () => golden.wallTime });
    writer.close();
    return writer.path;
  };
  const path = open(golden.lines);
  const whole = readFileSync(path);
  const ends = recordEnds(whole);
  expect(ends).toHaveLength(4);
  for (let length = 0; length <= whole.byteLength; length++) {
    truncateSync(path, length);
    open(golden.lines);
    expect(readFileSync(path).equals(whole)).toBe(true);
  }
  // a flipped bit ends what can be read
  const damaged = Buffer.from(whole);
  damaged[ends[1]! - 6]! ^= 1;
  expect(recordEnds(damaged)).toEqual(ends.slice(0, 1));
  // metrics were cut back to a checkpoint
  open(golden.lines.slice(0, 1));
  expect(readFileSync(path).equals(whole.subarray(0, ends[1]))).toBe(true);
});

it("has no step twice in a run that goes on from its checkpoint", async () => {
  const folder = join(root, "run");
  const facts = {
    command: "dpo",
    seed: 7,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  };
  const run = Run.create(folder, facts);
  run.reportTo(["tensorboard"]);
  const step = (to: Run, number: number) =>
    to.record({
      type: "step",
      step: number,
      totalSteps: 4,
      tokens: number,
      metrics: { loss: number },
      seconds: 1,
    });
  step(run, 1);
  step(run, 2);
  await run.saveCheckpoint(2, async () => undefined);
  step(run, 3);
  run.close();
  const path = join(
    folder,
    "tensorboard",
    `events.out.tfevents.${Math.floor(Date.parse(run.info.created) / 1000)}.attune`,
  );
  expect(recordEnds(readFileSync(path))).toHaveLength(4);
  appendFileSync(path, "torn");
  const { run: again } = await Run.open(folder);
  again.reportTo(["tensorboard"]);
  for (const number of [3, 4]) step(again, number);
  again.finish("completed");
  const file = readFileSync(path);
  const ends = recordEnds(file);
  expect(ends.at(-1)).toBe(file.byteLength);
  const starts = [0, ...ends];
  // behind the length, its checksum, and the wall time: the key of the step and the step
  expect(
    ends.slice(1).map((_, i) => [...file.subarray(starts[i + 1]! + 21, starts[i + 1]! + 23)]),
  ).toEqual([1, 2, 3, 4].map((number) => [0x10, number]));
});

it("writes nothing where it is not asked for", () => {
  const folder = join(root, "none");
  const run = Run.create(folder, {
    command: "dpo",
    seed: 7,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  });
  run.reportTo(["none"]);
  run.metrics(1, { loss: 1 });
  run.close();
  expect(() => statSync(join(folder, "tensorboard"))).toThrow("ENOENT");
});
