/**
 * Files that whoever goes on with a run trusts: a change by hand is told, and taken only on
 * request.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseJson, stringifyJson } from "../core/json.ts";
import { showRun } from "./compare.ts";
import { readJsonLines } from "./json-lines.ts";
import { Run } from "./run.ts";

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "attune-recorded-"));
  folder = join(parent, "run");
  const effective = {
    learningRate: 0.001,
    lora: { rank: 8 },
    targets: ["q", "v"],
    limit: Infinity,
  };
  Run.create(folder, {
    command: "dpo",
    seed: 7,
    config: { given: {}, effective },
    dataHash: "d1",
    modelFingerprint: "m1",
  }).close();
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

type Json = Record<string, unknown>;
/** Edits a file of the run as a person would. */
function edit(name: string, change: (value: Json) => unknown): void {
  const file = join(folder, name);
  writeFileSync(file, stringifyJson(change(parseJson(readFileSync(file, "utf8")) as Json)));
}

const opening = async (options: { acceptChanges?: boolean } = {}): Promise<Run> =>
  (await Run.open(folder, undefined, options)).run;

describe("options that were changed by hand", () => {
  test("are refused, each with what it was and what it is", async () => {
    edit("config.resolved.json", (config) => ({
      ...config,
      lora: { rank: 4 },
      targets: ["q"],
      learningRate: 0.5,
      extra: true,
    }));
    await expect(opening()).rejects.toMatchObject({
      code: "run",
      what: "the run was changed by hand since it began, in 4 places",
      details: {
        got: 'learningRate 0.5, lora.rank 4, targets ["q"], extra true',
        expected: 'learningRate 0.001, lora.rank 8, targets ["q","v"], extra not given',
        hint: expect.stringContaining("--accept-changes") as string,
      },
    });
    expect(showRun(folder).warnings).toContain(
      "changed by hand since the run began: learningRate is 0.5, was 0.001",
    );
  });

  test("are taken on request, and then are what the run is; both stay in its history", async () => {
    edit("config.resolved.json", (config) => ({ ...config, learningRate: 0.5 }));
    const run = await opening({ acceptChanges: true });
    expect(run.info.accepted).toEqual(["learningRate is 0.5, was 0.001"]);
    run.close();
    (await opening()).close();
    expect(
      readJsonLines(join(folder, "events.jsonl")).filter(({ type }) => type === "changed"),
    ).toMatchObject([{ changes: [{ name: "learningRate", before: "0.001", after: "0.5" }] }]);
    edit("config.resolved.json", (config) => ({ ...config, learningRate: 0.001 }));
    await expect(opening()).rejects.toMatchObject({
      details: { got: "learningRate 0.001", expected: "learningRate 0.5" },
    });
  });

  test("another order, other spaces and a value that JSON cannot write are no change", async () => {
    edit("config.resolved.json", ({ learningRate, ...rest }) => ({ ...rest, learningRate }));
    (await opening()).close();
  });

  test("a file that is gone or broken is said to be", async () => {
    writeFileSync(join(folder, "config.resolved.json"), "{");
    await expect(opening()).rejects.toThrow(/the options of the run cannot be read/);
    rmSync(join(folder, "config.resolved.json"));
    await expect(opening()).rejects.toThrow(/cannot be read[^]*no such file/);
  });
});

test("run.json counts too, where it decides how the run goes on", async () => {
  edit("run.json", (info) => ({ ...info, dataHash: "d2", seed: 8 }));
  await expect(opening()).rejects.toMatchObject({
    details: {
      got: "run.json: seed 8, run.json: dataHash d2",
      expected: "run.json: seed 7, run.json: dataHash d1",
    },
  });
  edit("run.json", (info) => ({ ...info, dataHash: "d1", seed: 7, workingFolder: "/elsewhere" }));
  (await opening()).close();
});

test("where the history is lost, the hash in run.json still tells of a change", async () => {
  writeFileSync(join(folder, "events.jsonl"), "");
  (await opening()).close();
  edit("config.resolved.json", (config) => ({ ...config, learningRate: 0.5 }));
  await expect(opening()).rejects.toThrow(/config.resolved.json hash/);
});

test("a run of a version that recorded nothing goes on", async () => {
  writeFileSync(join(folder, "events.jsonl"), "");
  edit("run.json", (info) => ({ ...info, configHash: undefined }));
  edit("config.resolved.json", (config) => ({ ...config, learningRate: 0.5 }));
  (await opening()).close();
});

test("a lock that a dead process left is taken over, and that is said", async () => {
  writeFileSync(join(folder, "lock"), "no owner\n");
  const { run, warnings } = await Run.open(folder);
  run.close();
  expect(warnings).toEqual([
    "the lock of an unknown process is taken over: that process is gone, and did not end the run",
  ]);
});
