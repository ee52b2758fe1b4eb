import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttuneError } from "../core/errors.ts";
import type { Metrics } from "./events.ts";
import { writeFileAtomic } from "./files.ts";
import { readJsonLines } from "./json-lines.ts";
import type { NewRun } from "./new-run.ts";
import { Run } from "./run.ts";

let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "attune-run-"));
  folder = join(parent, "run");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const INFO: NewRun = {
  command: "pond",
  argv: ["pond", "--loss", "tidal"],
  seed: 7,
  config: { given: { loss: "tidal" }, effective: { loss: "tidal", frogs: { count: 3 } } },
  dataHash: "d1",
  modelFingerprint: "m1",
};

const writeWeights =
  (text: string) =>
  async (target: string): Promise<void> => {
    mkdirSync(join(target, "optimizer"));
    writeFileSync(join(target, "weights.bin"), text);
    writeFileSync(join(target, "optimizer", "moments.bin"), `moments of ${text}`);
  };

async function message(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(AttuneError);
    return (error as AttuneError).message;
  }
  throw new Error("nothing was refused");
}

function steps(run: Run): number[] {
  return run.checkpoints().map(({ step }) => step);
}

const MANIFEST = `{
  "schema": 1,
  "step": 1,
  "metricsBytes": 49,
  "score": {
    "metric": "eval_loss",
    "value": 0.5
  },
  "temporary": false,
  "files": {
    "optimizer/moments.bin": {
      "bytes": 14,
      "sha256": "beed9fd9a987566dffeaa536eafe0195abe76c6d78b4bc41803ad75ffe8d49e6"
    },
    "weights.bin": {
      "bytes": 3,
      "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    }
  }
}
`;

describe("a run folder", () => {
  it("has the layout that is documented", async () => {
    const run = Run.create(folder, INFO);
    run.metrics(1, { loss: 0.625, "rewards/accuracies": 0.5 });
    run.timing(1, { seconds: 0.25, tokens: 512 });
    await run.saveCheckpoint(1, writeWeights("one"), {
      score: { metric: "eval_loss", value: 0.5 },
    });
    await run.saveArtifact("model", writeWeights("final"));
    expect(readdirSync(folder).toSorted()).toEqual([
      "checkpoints",
      "config.given.yaml",
      "config.resolved.json",
      "events.jsonl",
      "lock",
      "metrics.jsonl",
      "model",
      "run.json",
      "timing.jsonl",
    ]);
    run.finish("completed");

    expect(existsSync(join(folder, "lock"))).toBe(false);
    expect(readFileSync(join(folder, "config.given.yaml"), "utf8")).toBe("loss: tidal\n");
    expect(readFileSync(join(folder, "config.resolved.json"), "utf8")).toBe(
      '{\n  "loss": "tidal",\n  "frogs": {\n    "count": 3\n  }\n}\n',
    );
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe(
      '{"step":1,"loss":0.625,"rewards/accuracies":0.5}\n',
    );
    expect(readFileSync(join(folder, "timing.jsonl"), "utf8")).toBe(
      '{"step":1,"seconds":0.25,"tokens":512}\n',
    );
    expect(JSON.parse(readFileSync(join(folder, "run.json"), "utf8"))).toEqual({
      schema: 1,
      command: "pond",
      argv: ["pond", "--loss", "tidal"],
      workingFolder: process.cwd(),
      status: "completed",
      seed: 7,
      versions: {
        attune: expect.stringMatching(/^\d+\.\d+\.\d+/),
        node: process.versions.node,
        "onnxruntime-node": expect.stringMatching(/^\d+\.\d+\.\d+/),
      },
      dataHash: "d1",
      modelFingerprint: "m1",
      configHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      keepLast: 2,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(readFileSync(join(folder, "checkpoints", "step-000001", "manifest.json"), "utf8")).toBe(
      MANIFEST,
    );
    const events = readJsonLines(join(folder, "events.jsonl"));
    expect(events.map(({ type }) => type)).toEqual([
      "created",
      "checkpoint",
      "artifact",
      "finished",
    ]);
    expect(events[1]).toMatchObject({
      step: 1,
      score: { metric: "eval_loss", value: 0.5 },
      time: expect.stringMatching(/Z$/),
    });
  });

  it("puts a trainer's events where they belong", () => {
    const run = Run.create(folder, INFO);
    const start = { type: "start", method: "pond", totalSteps: 2, examples: 10 } as const;
    expect(run.record(start)).toBe(start);
    run.record({
      type: "step",
      step: 1,
      totalSteps: 2,
      tokens: 9,
      metrics: { loss: 1 },
      seconds: 0.5,
    });
    run.record({
      type: "evaluation",
      step: 1,
      totalSteps: 2,
      examples: 4,
      metrics: { eval_loss: 2 },
      seconds: 0.1,
    });
    run.record({ type: "checkpoint", step: 1, totalSteps: 2, path: "x", best: true });
    run.record({ type: "sample", step: 1, prompt: "p", completion: "c" });
    run.record({
      type: "end",
      status: "interrupted",
      step: 1,
      totalSteps: 2,
      tokens: 9,
      metrics: { loss: 1 },
      seconds: 0.6,
    });
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe(
      '{"step":1,"loss":1}\n{"step":1,"eval_loss":2}\n',
    );
    expect(readFileSync(join(folder, "timing.jsonl"), "utf8")).toBe(
      '{"step":1,"seconds":0.5,"tokens":9}\n',
    );
    expect(readJsonLines(join(folder, "events.jsonl")).map(({ type }) => type)).toEqual([
      "created",
      "start",
      "sample",
      "end",
      "finished",
    ]);
    expect(JSON.parse(readFileSync(join(folder, "run.json"), "utf8"))).toMatchObject({
      status: "interrupted",
    });
  });

  it("refuses metrics that are not in the table", async () => {
    const run = Run.create(folder, INFO);
    expect(
      await message(() => run.metrics(1, { loss: 1, "rewards/margin": 2 } as Metrics)),
    ).toContain(
      'the metric "rewards/margin" is not defined\n  try: did you mean "rewards/margins"?',
    );
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe("");
    run.close();
  });

  it("is never written over", async () => {
    const run = Run.create(folder, INFO);
    expect(await message(() => Run.create(folder, INFO))).toBe(
      `${folder}: the folder already holds a run\n  got: a run that is running\n  try: \`attune ` +
        `resume ${folder}\` to go on with it, or another --out`,
    );
    run.finish("completed");
    expect(await message(() => Run.create(folder, INFO))).toBe(
      `${folder}: the folder already holds a run\n  got: a run that is completed\n  try: another ` +
        "--out",
    );
    const other = join(parent, "other");
    mkdirSync(other);
    writeFileSync(join(other, "thesis.tex"), "");
    expect(await message(() => Run.create(other, INFO))).toBe(
      `${other}: the folder for the run is not empty\n  got: it holds thesis.tex\n  try: another ` +
        "--out",
    );
    expect(readdirSync(other)).toEqual(["thesis.tex"]);
    const file = join(parent, "file");
    writeFileSync(file, "");
    expect(await message(() => Run.create(file, INFO))).toContain("the run folder cannot be read");
  });

  it("takes the place of a creation that was killed before it was a run", () => {
    mkdirSync(folder);
    for (const name of ["lock", "config.given.yaml", ".tmp-0123456789ab-run.json"])
      writeFileSync(join(folder, name), "");
    writeFileSync(join(folder, "events.jsonl"), '{"type":"created"}\n{"to');
    Run.create(folder, INFO).close();
    expect(readJsonLines(join(folder, "events.jsonl"))).toHaveLength(1);
    expect(readdirSync(folder).filter((name) => name.startsWith(".tmp-"))).toEqual([]);
  });
});

describe("checkpoints", () => {
  it("keeps the newest and the best", async () => {
    const run = Run.create(folder, INFO);
    const losses = [3, 1, 2, NaN, 1, 4];
    for (const [index, value] of losses.entries())
      await run.saveCheckpoint(index + 1, writeWeights(`${index}`), {
        score: { metric: "eval_loss", value },
      });
    expect(steps(run)).toEqual([2, 5, 6]);
    expect(run.bestCheckpoint()?.step).toBe(2);
    expect((await run.latestCheckpoint())?.step).toBe(6);
    run.close();
  });

  it("drops what an interruption saved as soon as the run goes on", async () => {
    const run = Run.create(folder, INFO);
    await run.saveCheckpoint(10, writeWeights("a"));
    await run.saveCheckpoint(20, writeWeights("b"));
    expect(
      (await run.saveCheckpoint(20, writeWeights("other"), { temporary: true })).temporary,
    ).toBe(false);
    await run.saveCheckpoint(27, writeWeights("c"), { temporary: true });
    expect(steps(run)).toEqual([10, 20, 27]);
    await run.saveCheckpoint(30, writeWeights("d"));
    expect(steps(run)).toEqual([20, 30]);
    await run.saveCheckpoint(33, writeWeights("e"), { temporary: true });
    run.finish("completed");
    expect(steps(run)).toEqual([20, 30]);
    expect(readFileSync(join(folder, "checkpoints", "step-000020", "weights.bin"), "utf8")).toBe(
      "b",
    );
  });

  it("keeps as many as the option says, and all of them for 0", async () => {
    const keeps = async (effective: object): Promise<number[]> => {
      const place = join(folder, JSON.stringify(effective).replaceAll(/\W/g, ""));
      const config = { given: {}, effective };
      const run = Run.create(place, { ...INFO, config });
      for (const step of [1, 2, 3, 4]) {
        run.metrics(step, { loss: step });
        await run.saveCheckpoint(step, writeWeights(`weights ${step}`));
      }
      run.close();
      return steps(run);
    };
    expect(await keeps({})).toEqual([3, 4]);
    expect(await keeps({ keepCheckpoints: 3 })).toEqual([2, 3, 4]);
    expect(await keeps({ keepCheckpoints: 0 })).toEqual([1, 2, 3, 4]);
  });

  it("passes over damaged ones, and says why", async () => {
    const run = Run.create(folder, { ...INFO, keepLast: 9 });
    for (const step of [1, 2, 3, 4, 5, 6]) {
      run.metrics(step, { loss: step });
      await run.saveCheckpoint(step, writeWeights(`weights ${step}`));
    }
    run.close();
    const at = (step: number, name: string): string =>
      join(folder, "checkpoints", `step-00000${step}`, name);
    writeFileSync(at(2, "weights.bin"), "weights 9"); // same length, other content
    truncateSync(at(3, "weights.bin"), 4);
    rmSync(at(4, "optimizer/moments.bin"));
    writeFileSync(at(5, "extra.bin"), "");
    writeFileSync(at(6, "manifest.json"), '{"schema":1');
    mkdirSync(join(folder, "checkpoints", ".tmp-0123456789ab-step-000007"));

    const { run: again, warnings } = await Run.open(folder);
    expect(again.resumedFrom?.step).toBe(1);
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe('{"step":1,"loss":1}\n');
    const reasons = warnings
      .map((warning) => warning.replace(join(folder, "checkpoints"), ""))
      .toSorted();
    expect(reasons).toEqual([
      "the checkpoint /step-000002 is passed over: the content of weights.bin does not match its " +
        "hash",
      "the checkpoint /step-000003 is passed over: weights.bin has 4 bytes instead of 9",
      "the checkpoint /step-000004 is passed over: optimizer/moments.bin is missing",
      "the checkpoint /step-000005 is passed over: extra.bin is not in its manifest",
      "the checkpoint /step-000006 is passed over: its manifest.json is not JSON",
    ]);
    expect(existsSync(join(folder, "checkpoints", ".tmp-0123456789ab-step-000007"))).toBe(false);
    await again.saveCheckpoint(2, writeWeights("weights 2"));
    expect((await again.latestCheckpoint())?.step).toBe(2);
    again.close();
  });

  it("does not go on from one whose metrics are lost", async () => {
    const run = Run.create(folder, INFO);
    for (const step of [1, 2]) {
      run.metrics(step, { loss: step });
      await run.saveCheckpoint(step, writeWeights("w"));
    }
    run.close();
    truncateSync(join(folder, "metrics.jsonl"), 25);
    const { run: again, warnings } = await Run.open(folder);
    expect(again.resumedFrom?.step).toBe(1);
    expect(warnings[0]).toContain("step-000002 is passed over: metrics.jsonl ends before it");
    again.close();
  });

  it("leaves nothing where the trainer fails while it writes", async () => {
    const run = Run.create(folder, INFO);
    const nan = new AttuneError("numeric", "a NaN in blocks.3.weight");
    await expect(
      run.saveCheckpoint(1, async (target) => {
        writeFileSync(join(target, "weights.bin"), "half");
        throw nan;
      }),
    ).rejects.toBe(nan);
    expect(readdirSync(join(folder, "checkpoints"))).toEqual([]);
    run.close();
  });
});

describe("opening a run to go on with it", () => {
  it("begins at the start where there is no checkpoint yet", async () => {
    const run = Run.create(folder, INFO);
    run.metrics(1, { loss: 1 });
    run.close();
    const { run: again, warnings } = await Run.open(folder);
    expect([again.resumedFrom, warnings, again.info.status]).toEqual([undefined, [], "running"]);
    expect(statSync(join(folder, "metrics.jsonl")).size).toBe(0);
    again.close();
  });

  it("refuses what cannot go on", async () => {
    expect(await message(() => Run.open(folder))).toBe(
      `${folder}: there is no such folder\n  expected: a folder with run.json\n  try: \`attune ` +
        `runs\` lists the runs`,
    );
    const run = Run.create(folder, INFO);
    expect(await message(() => Run.open(folder))).toContain(
      "another process is working on this run",
    );
    run.close();
    expect(await message(() => Run.open(folder, { dataHash: "d2", modelFingerprint: "m1" }))).toBe(
      `${folder}: the data changed since the run began\n  got: d2\n  expected: d1\n  try: put ` +
        "the old data back, or begin a new run",
    );
    expect(
      await message(() => Run.open(folder, { dataHash: "d1", modelFingerprint: "m2" })),
    ).toContain("the model changed since the run began");
    (await Run.open(folder)).run.finish("completed");
    expect(await message(() => Run.open(folder))).toContain("this run has finished");
    writeFileSync(join(folder, "run.json"), '{"schema":2}');
    expect(await message(() => Run.open(folder))).toContain(
      "run.json does not have the layout of this version (schema",
    );
  });

  it("warns where the versions are others", async () => {
    Run.create(folder, INFO).close();
    const file = join(folder, "run.json");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(
        /"onnxruntime-node": "[^"]+"/,
        '"onnxruntime-node": "1.0.0"',
      ),
    );
    const { run, warnings } = await Run.open(folder);
    run.close();
    expect(warnings).toEqual([
      expect.stringMatching(
        /^onnxruntime-node is \d.*, the run began with 1\.0\.0: the rest may differ in the last digits$/,
      ),
    ]);
  });

  it("records why a run failed, and lets it go on", async () => {
    const run = Run.create(folder, INFO);
    run.fail(new AttuneError("numeric", "a NaN in the loss"));
    run.fail(new Error("again"));
    expect(readJsonLines(join(folder, "events.jsonl")).slice(1)).toMatchObject([
      { type: "error", code: "numeric", message: "a NaN in the loss" },
      { type: "finished", status: "failed" },
    ]);
    const { run: again } = await Run.open(folder);
    again.fail(new AttuneError("interrupted", "stopped"));
    expect(again.info.status).toBe("interrupted");
  });
});

async function writeToFullDevice(target: string): Promise<void> {
  symlinkSync("/dev/full", join(target, "weights.bin"));
  writeFileSync(join(target, "weights.bin"), "x".repeat(10));
}

describe("a full disk", () => {
  it.skipIf(!existsSync("/dev/full"))("is named, with the last good checkpoint", async () => {
    const run = Run.create(folder, INFO);
    await run.saveCheckpoint(5, writeWeights("good"));
    const target = join(folder, "checkpoints", "step-000010");
    expect(await message(() => run.saveCheckpoint(10, writeToFullDevice))).toBe(
      `${target}: the checkpoint of step 10 cannot be saved: the disk is full\n  got: ENOSPC: no ` +
        `space left on device, write\n  try: the last good checkpoint is step 5; free some ` +
        "space, " +
        `then \`attune resume\` goes on from it`,
    );
    expect(steps(run)).toEqual([5]);
    expect(readdirSync(join(folder, "checkpoints"))).toEqual(["step-000005"]);
    run.close();
  });

  it("keeps every file whole on a real small disk", async ({ skip }) => {
    const disk = join(parent, "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      skip("a small file system cannot be mounted here");
    }
    try {
      const run = Run.create(join(disk, "run"), INFO);
      await run.saveCheckpoint(1, writeWeights("x".repeat(60_000)));
      expect(
        await message(() => run.saveCheckpoint(2, writeWeights("y".repeat(400_000)))),
      ).toContain("the last good checkpoint is step 1");
      expect(
        await message(() => writeFileAtomic(join(disk, "run", "run.json"), "z".repeat(600_000))),
      ).toContain("run.json cannot be written: the disk is full");
      expect(
        await message(() => {
          for (;;) run.event("note", { filler: "f".repeat(5000) });
        }),
      ).toContain("events.jsonl cannot be extended: the disk is full");
      run.fail(new Error("full"));
      expect(readJsonLines(join(disk, "run", "events.jsonl")).length).toBeGreaterThan(2);
      writeFileSync(join(disk, "run", "events.jsonl"), "");
      const { run: again } = await Run.open(join(disk, "run"));
      expect(again.resumedFrom?.step).toBe(1);
      again.close();
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});
