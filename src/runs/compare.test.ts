import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { diffRuns, listRuns, showRun, sparkline } from "./compare.ts";
import { Run } from "./run.ts";

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "attune-compare-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function makeRun(name: string, strength: number, losses: readonly number[]): Run {
  const effective = { loss: "tidal", frogs: { strength } };
  const run = Run.create(join(parent, name), {
    command: "pond",
    seed: 1,
    config: { given: {}, effective },
    dataHash: "d",
    modelFingerprint: "m",
  });
  run.record({ type: "start", method: "pond", totalSteps: 10, examples: 4 });
  losses.forEach((loss, index) => run.metrics(index + 1, { loss }));
  return run;
}

describe("runs for people", () => {
  it("are listed with their state, newest first, and what cannot be read apart", () => {
    const first = makeRun("first", 1, [3, 2]);
    first.event("warning", { id: "x", message: "frogs are loud" });
    first.finish("interrupted");
    const second = makeRun("second", 1, [3, NaN]);
    makeRun("third", 1, []).close();
    mkdirSync(join(parent, "damaged"));
    writeFileSync(join(parent, "damaged", "run.json"), "{");
    mkdirSync(join(parent, "something else"));
    writeFileSync(
      join(parent, "first", "metrics.jsonl"),
      '{"step":1,"loss":3}\n{"step":2,"loss":2}\n{"step":3,"lo',
    );

    const { runs, unreadable } = listRuns(parent);
    const byName = Object.fromEntries(runs.map((run) => [run.name, run]));
    expect(byName.first).toMatchObject({
      state: "interrupted",
      step: 2,
      totalSteps: 10,
      last: { loss: 2 },
    });
    expect(byName.second).toMatchObject({ state: "running", step: 2, last: { loss: NaN } });
    expect(byName.third).toMatchObject({ state: "stopped", step: 0, last: {} });
    expect(runs.map(({ info }) => info.created)).toEqual(
      runs
        .map(({ info }) => info.created)
        .toSorted()
        .toReversed(),
    );
    expect(unreadable).toEqual([
      { folder: join(parent, "damaged"), problem: "run.json is not valid JSON" },
    ]);
    second.close();
    expect(() => listRuns(join(parent, "none"))).toThrow("there is no such folder");
  });

  it("may be odd in any way, which is told and hangs nothing", () => {
    const names = [
      "run.json is a pipe",
      "run.json is a folder",
      "metrics are a folder",
      "metrics without steps",
      "metrics are no JSON",
      "events are a pipe",
      "config is a list",
    ];
    for (const name of names) makeRun(name, 1, [3]).close();
    const replace = (name: string, file: string, make: (path: string) => void): void => {
      rmSync(join(parent, name, file));
      make(join(parent, name, file));
    };
    const pipe = (path: string): void => void execFileSync("mkfifo", [path]);
    replace("run.json is a pipe", "run.json", pipe);
    replace("run.json is a folder", "run.json", (path) => mkdirSync(path));
    replace("metrics are a folder", "metrics.jsonl", (path) => mkdirSync(path));
    replace("metrics without steps", "metrics.jsonl", (path) =>
      writeFileSync(path, '{"loss":3}\n'),
    );
    replace("metrics are no JSON", "metrics.jsonl", (path) =>
      writeFileSync(path, '3\n{"step":1,"loss":3}\n'),
    );
    replace("events are a pipe", "events.jsonl", pipe);
    replace("config is a list", "config.resolved.json", (path) => writeFileSync(path, "[]"));
    symlinkSync(join(parent, "config is a list"), join(parent, "a link"));
    writeFileSync(join(parent, "a file"), "");
    const { runs, unreadable } = listRuns(parent);
    expect(runs.map(({ name }) => name).toSorted()).toEqual(["a link", "config is a list"]);
    expect(
      Object.fromEntries(unreadable.map(({ folder, problem }) => [basename(folder), problem])),
    ).toEqual({
      "run.json is a pipe": "run.json is no file",
      "run.json is a folder": "run.json is no file",
      "metrics are a folder": "metrics.jsonl is no file",
      "metrics without steps": "the line has no step",
      "metrics are no JSON": "the line is not a JSON object",
      "events are a pipe": "events.jsonl is no file",
    });
    for (const name of names) {
      expect(() => showRun(join(parent, name)), name).toThrow(AttuneError);
      expect(() => diffRuns(join(parent, name), join(parent, name)), name).toThrow(AttuneError);
    }
    for (const show of [showRun, listRuns])
      expect(() => show(join(parent, "a file"))).toThrow(/no (?:run|folder)|not a run/);
  });

  it("are shown with options, series, checkpoints and warnings", async () => {
    const run = makeRun("one", 1, [3, 2, 1]);
    await run.saveCheckpoint(3, async (folder) => writeFileSync(join(folder, "w"), "w"), {
      score: { metric: "eval_loss", value: 1 },
    });
    run.record({ type: "warning", id: "loud", message: "frogs are loud" });
    run.close();
    const details = showRun(join(parent, "one"));
    expect(details.config).toEqual({ loss: "tidal", frogs: { strength: 1 } });
    expect(details.series.get("loss")).toEqual([
      { step: 1, value: 3 },
      { step: 2, value: 2 },
      { step: 3, value: 1 },
    ]);
    expect(details.checkpoints.map(({ step, score }) => [step, score])).toEqual([
      [3, { metric: "eval_loss", value: 1 }],
    ]);
    expect(details.warnings).toEqual(["frogs are loud"]);
  });

  it("are compared by setup and last metrics", () => {
    makeRun("left", 1, [3, 2]).close();
    const right = makeRun("right", 2, [3, 1.5]);
    right.metrics(2, { eval_loss: 9 });
    right.close();
    const { setup, metrics } = diffRuns(join(parent, "left"), join(parent, "right"));
    expect(setup).toEqual([{ name: "config.frogs.strength", left: "1", right: "2" }]);
    expect(metrics).toEqual([
      { name: "loss", left: 2, right: 1.5 },
      { name: "eval_loss", left: undefined, right: 9 },
    ]);
  });
});

describe("a sparkline", () => {
  it.each<[string, number[], number, string]>([
    ["rises", [0, 1, 2, 3, 4, 5, 6, 7], 40, "▁▂▃▄▅▆▇█"],
    ["is flat", [2, 2, 2], 40, "▁▁▁"],
    ["marks what is not finite", [0, NaN, Infinity, 7], 40, "▁··█"],
    ["averages equal parts", [0, 0, 7, 7, 14, 14], 3, "▁▅█"],
    ["is empty", [], 40, ""],
  ])("%s", (_name, values, width, expected) => {
    expect(sparkline(values, { width })).toBe(expected);
  });

  it("is denser signs in plain ASCII", () => {
    expect(sparkline([0, 1, 2, 3, NaN, 4, 5, 6, 7], { width: 40, unicode: false })).toBe(
      ".:-=?+*#@",
    );
  });
});
