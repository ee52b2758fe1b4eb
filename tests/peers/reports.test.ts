/**
 * What `--report-to` writes, read by the programs that it is for: `wandb sync` sends a run to a
 * server on this machine, TensorBoard and trackio read the event files. Part of
 * `npm run test:peers`.
 */
import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { numberFromJson, parseJson } from "../../src/core/json.ts";
import { readJsonLines } from "../../src/runs/json-lines.ts";
import { tagOf } from "../../src/runs/report.ts";
import { Run } from "../../src/runs/run.ts";
import { attune, saveTinyModel, smallTokenizerFiles } from "../cli/support.ts";
import { repositoryRoot } from "../support/shared.ts";
import { findPython } from "./python.ts";
import { type StoredRun, WandbServer } from "./wandb-server.ts";

const runs = process.env["ATTUNE_PEERS"] === "1";
if (!runs)
  console.log("skipped: reports in wandb, tensorboard and trackio; npm run test:peers runs them");

const root = mkdtempSync(join(tmpdir(), "attune-reports-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const config = {
  beta: 0.1,
  lora: { rank: 8, targets: ["all-linear"] },
  prompt: "Long. ".repeat(8000),
};
const STEPS = 400;

/** Enough for several blocks of W&B's file; a value of every kind, and held-out ones. */
function record(run: Run, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    run.metrics(step, {
      loss: 1 / step,
      learning_rate: 1e-7 * step,
      grad_norm: step === 2 ? NaN : step === 3 ? Infinity : step,
      "rewards/margins": -step,
    });
    if (step % 50 === 0) run.metrics(step, { eval_loss: 2 / step });
  }
}

/** Tags with values, of one line of metrics.jsonl. */
const valuesOf = (line: Record<string, unknown>): [string, number][] =>
  Object.entries(line)
    .filter(([name]) => name !== "step")
    .map(([name, value]) => [tagOf(name), numberFromJson(value)!]);

describe.skipIf(!runs)("wandb sync", () => {
  let server: WandbServer;
  beforeAll(async () => {
    delete process.env["WANDB_PROJECT"];
    server = await WandbServer.start();
  });
  afterAll(() => server.close());

  /** Sends what has not been sent. @returns what the client printed */
  async function sync(folder: string): Promise<string> {
    const home = join(root, "home");
    mkdirSync(home, { recursive: true });
    const environment = {
      PATH: process.env["PATH"],
      HOME: home,
      WANDB_DIR: home,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: "0".repeat(40),
    };
    const { stdout, stderr } = await promisify(execFile)(
      join(dirname(findPython()), "wandb"),
      ["sync", join(folder, "wandb"), "--skip-synced"],
      { env: environment },
    );
    return stdout + stderr;
  }

  function stored(folder: string): StoredRun {
    const [name] = readdirSync(join(folder, "wandb"));
    return server.runs.get(name!.split("-").at(-1)!)!;
  }

  /** Compares what has arrived with metrics.jsonl. */
  function expectEqual(folder: string): void {
    const lines = readJsonLines(join(folder, "metrics.jsonl"));
    const { history } = stored(folder);
    expect(history.map(({ _timestamp, _runtime, ...line }) => line)).toEqual(
      lines.map((line, index) => ({
        ...Object.fromEntries(valuesOf(line)),
        "train/global_step": line["step"],
        _step: index,
      })),
    );
    expect(
      history.every(
        ({ _timestamp, _runtime }) => typeof _timestamp === "number" && Number(_runtime) >= 0,
      ),
    ).toBe(true);
    const effective = parseJson(
      readFileSync(join(folder, "config.resolved.json"), "utf8"),
    ) as Record<string, unknown>;
    for (const [name, value] of Object.entries(effective))
      expect(stored(folder).config[name]).toEqual({ value });
  }

  test("sends every step of a run that was killed, sent, gone on with, and sent again", async () => {
    const folder = join(root, "run");
    const run = Run.create(folder, {
      command: "dpo",
      seed: 7,
      config: { given: {}, effective: config },
      dataHash: "d",
      modelFingerprint: "m",
    });
    run.reportTo(["wandb"]);
    record(run, 1, STEPS / 2);
    await run.saveCheckpoint(STEPS / 2, async () => undefined);
    record(run, STEPS / 2 + 1, STEPS - 20);
    run.close();
    expect(await sync(folder)).toContain("Finished syncing");
    expectEqual(folder);
    // what W&B's client says of a run that has no end
    expect(stored(folder).exitCode).toBe(1);
    expect(await sync(folder)).toContain("Skipped 1 synced run");
    const { run: again } = await Run.open(folder);
    again.reportTo(["wandb"]);
    record(again, STEPS / 2 + 1, STEPS);
    again.finish("completed");
    expect(await sync(folder)).toContain("Finished syncing");
    expectEqual(folder);
    expect(stored(folder).history).toHaveLength(STEPS + STEPS / 50);
    expect(stored(folder)).toMatchObject({
      project: "attune",
      displayName: "run",
      jobType: "dpo",
      exitCode: 0,
      summary: { "train/global_step": STEPS, "eval/loss": 2 / STEPS, "train/loss": 1 / STEPS },
    });
    expect(stored(folder).config["attune"]).toMatchObject({ value: { command: "dpo", seed: 7 } });
    // charts go over the run's steps
    expect(JSON.stringify(stored(folder).config["_wandb"])).toContain("train/global_step");
    expect(server.runs.size).toBe(1);
    expect(server.unknown).toEqual([]);
  });

  test("sends a run of the command line", async () => {
    const model = await saveTinyModel(join(root, "model"), smallTokenizerFiles(128));
    const rows = Array.from({ length: 12 }, (_, i) =>
      JSON.stringify({ prompt: "abc".slice(i % 3), completion: "cab".slice(i % 2) }),
    );
    writeFileSync(join(root, "data.jsonl"), `${rows.join("\n")}\n`);
    const folder = join(root, "sft");
    const { status, err } = await attune(
      "--quiet",
      "sft",
      "--model",
      model,
      "--data",
      join(root, "data.jsonl"),
      "--out",
      folder,
      "--batch-size",
      "2",
      "--report-to",
      "tensorboard,wandb",
    );
    expect([status, err]).toEqual([0, expect.any(String)]);
    expect(await sync(folder)).toContain("Finished syncing");
    expectEqual(folder);
    expect(stored(folder)).toMatchObject({ displayName: "sft", jobType: "sft", exitCode: 0 });
    expect(stored(folder).history.length).toBeGreaterThan(3);
    expect(existsSync(join(folder, "tensorboard"))).toBe(true);
  });
});

test.skipIf(!runs)("TensorBoard and trackio read the values of the event files", () => {
  const folder = join(root, "board");
  const run = Run.create(folder, {
    command: "dpo",
    seed: 7,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  });
  run.reportTo(["tensorboard"]);
  record(run, 1, 100);
  run.finish("completed");
  const environment = { ...process.env, TRACKIO_DIR: join(root, "trackio"), HF_HUB_OFFLINE: "1" };
  const script = join(repositoryRoot, "scripts", "golden", "read_event_files.py");
  const out = execFileSync(findPython(), [script, join(folder, "tensorboard")], {
    encoding: "utf8",
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const read = parseJson(out.trim().split("\n").at(-1)!) as Record<
    string,
    Record<string, [number, unknown][]>
  >;
  const expected: Record<string, [number, number][]> = {};
  for (const line of readJsonLines(join(folder, "metrics.jsonl")))
    for (const [tag, value] of valuesOf(line))
      (expected[tag] ??= []).push([Number(line["step"]), Math.fround(value)]);
  const revived = (found: Record<string, [number, unknown][]>) =>
    Object.fromEntries(
      Object.entries(found).map(([tag, values]) => [
        tag,
        values.map(([step, value]) => [step, numberFromJson(value)]),
      ]),
    );
  expect(revived(read["tensorboard"]!)).toEqual(expected);
  expect(revived(read["trackio"]!)).toEqual(expected);
});
