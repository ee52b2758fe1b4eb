/** Pipelines: what is skipped, resumed, done again, and why; nothing that was made is lost. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Stage } from "./pipeline.ts";
import { planPipeline, runPipeline, templateTimeOf } from "./pipeline.ts";
import { Run } from "./run.ts";

interface Script {
  calls: string[];
  /** Stages whose next start is cut off. */
  cut: Set<string>;
}

function stageOf(
  name: string,
  script: Script,
  { inputs = {}, needs = [] }: { inputs?: Record<string, unknown>; needs?: string[] } = {},
): Stage {
  const work = async (run: Run, what: string): Promise<void> => {
    script.calls.push(`${what} ${name}`);
    try {
      if (script.cut.delete(name)) throw new Error("killed");
      run.record({
        type: "end",
        status: "completed",
        step: 1,
        totalSteps: 1,
        tokens: 0,
        metrics: {},
        seconds: 0,
      });
    } finally {
      run.close();
    }
  };
  return {
    name,
    title: name,
    inputs,
    needs,
    start: (folder) =>
      work(
        Run.create(folder, {
          command: "test",
          seed: 1,
          config: { given: {}, effective: {} },
          dataHash: "",
          modelFingerprint: "",
        }),
        "start",
      ),
    resume: async (folder) => work((await Run.open(folder)).run, "resume"),
  };
}

const actions = (folder: string, stages: readonly Stage[]): string[] =>
  planPipeline(folder, stages).map(
    ({ stage, action, because }) => `${stage.name}: ${action} (${because})`,
  );

describe("a pipeline", () => {
  test("runs once, is skipped then, and does again what follows a change", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    const stages = (rate: number): Stage[] => [
      stageOf("a", script),
      stageOf("b", script, { needs: ["a"], inputs: { lora: { rank: 8 }, rate } }),
      stageOf("c", script, { needs: ["b"] }),
      stageOf("d", script, { needs: ["a"] }),
    ];
    expect(actions(folder, stages(1))).toEqual(
      ["a", "b", "c", "d"].map((name) => `${name}: run (not done yet)`),
    );
    await runPipeline(folder, stages(1));
    expect(script.calls).toEqual(["start a", "start b", "start c", "start d"]);
    expect(actions(folder, stages(1)).every((line) => line.endsWith("skip (done already)"))).toBe(
      true,
    );
    await runPipeline(folder, stages(1));
    expect(script.calls).toHaveLength(4);
    expect(actions(folder, stages(2))).toEqual([
      "a: skip (done already)",
      "b: run (rate is 2, was 1)",
      "c: run (an earlier stage has changed)",
      "d: skip (done already)",
    ]);
    await runPipeline(folder, stages(2));
    expect(script.calls.slice(4)).toEqual(["start b", "start c"]);
    expect(existsSync(join(folder, "b.before-1", "run.json"))).toBe(true);
  });

  test("keeps the date on which it began, for the templates of every stage", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const stages = [stageOf("a", { calls: [], cut: new Set() })];
    expect(templateTimeOf(folder)).toBeUndefined();
    await runPipeline(folder, stages, { templateTime: "2026-05-04T10:00:00" });
    await runPipeline(folder, stages, { templateTime: "2026-05-05T10:00:00" });
    expect(templateTimeOf(folder)).toBe("2026-05-04T10:00:00");
  });

  test("goes on with a stage that was cut off, and with those behind it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set(["b"]) };
    const stages = [
      stageOf("a", script),
      stageOf("b", script, { needs: ["a"] }),
      stageOf("c", script, { needs: ["b"] }),
    ];
    await expect(runPipeline(folder, stages)).rejects.toThrow("killed");
    expect(actions(folder, stages)).toEqual([
      "a: skip (done already)",
      "b: resume (was cut off)",
      "c: run (not done yet)",
    ]);
    const results = await runPipeline(folder, stages);
    expect(script.calls).toEqual(["start a", "start b", "resume b", "start c"]);
    expect(results.map(({ action }) => action)).toEqual(["skip", "resume", "run"]);
    expect(results.every(({ seconds }) => seconds >= 0)).toBe(true);
  });

  test("a stage that went on with options changed by hand is done again, since the pipeline asks for others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set(["a"]) };
    const stages = [stageOf("a", script)];
    await expect(runPipeline(folder, stages)).rejects.toThrow("killed");
    writeFileSync(join(folder, "a", "config.resolved.json"), '{"rate":2}');
    await expect(runPipeline(folder, stages)).rejects.toThrow(/changed by hand/);
    const { run } = await Run.open(join(folder, "a"), undefined, { acceptChanges: true });
    run.finish("completed");
    expect(actions(folder, stages)).toEqual([
      "a: run (went on with options that were changed by hand: rate is 2, was not given)",
    ]);
    await runPipeline(folder, stages);
    expect(script.calls.at(-1)).toBe("start a");
    expect(actions(folder, stages)).toEqual(["a: skip (done already)"]);
  });

  test("another minor version of attune does everything again; a patch, the order of inputs and the clock do not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    const stages = (inputs: Record<string, unknown>): Stage[] => [
      stageOf("a", script, { inputs }),
      stageOf("b", script, { needs: ["a"] }),
    ];
    await runPipeline(folder, stages({ x: 1, y: 2 }), { version: "0.4.1" });
    const planned = (version: string): string[] =>
      planPipeline(folder, stages({ y: 2, x: 1 }), { version }).map(
        ({ action, because }) => `${action} (${because})`,
      );
    expect(planned("0.4.9")).toEqual(["skip (done already)", "skip (done already)"]);
    expect(planned("0.5.0")).toEqual([
      "run (was made by attune 0.4, this is 0.5)",
      "run (was made by attune 0.4, this is 0.5)",
    ]);
    expect(planned("1.4.1")[0]).toMatch(/^run/);
  });

  test("a run that was killed while it began leaves nothing to put aside; anything else is kept", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    for (const [name, file] of [
      ["a", "metrics.jsonl"],
      ["b", "notes.txt"],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, file), "");
    }
    await runPipeline(folder, [stageOf("a", script), stageOf("b", script)]);
    expect(readdirSync(folder).toSorted()).toEqual(["a", "b", "b.before-1", "pipeline.json"]);
  });

  test("sweeps what a killed process was writing, and lets one process in at a time", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    writeFileSync(join(folder, ".tmp-0123456789ab-pipeline.json"), "{");
    let beside: unknown;
    const stage = stageOf("a", script);
    const start = async (own: string): Promise<void> => {
      beside = await runPipeline(folder, [stageOf("b", script)]).catch((error: unknown) => error);
      await stage.start(own);
    };
    writeFileSync(join(folder, "lock"), "of a process that is gone");
    const left: string[] = [];
    await runPipeline(folder, [{ ...stage, start }], { onLockTaken: (from) => left.push(from) });
    expect(left).toEqual(["an unknown process"]);
    expect(String(beside)).toContain("another process is working on this run");
    expect(script.calls).toEqual(["start a"]);
    expect(readdirSync(folder).toSorted()).toEqual(["a", "pipeline.json"]);
  });

  test("a folder that is gone is made again, with what was made from it; a stop comes between stages", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    const stages = [stageOf("a", script), stageOf("b", script, { needs: ["a"] })];
    await runPipeline(folder, stages);
    rmSync(join(folder, "a"), { recursive: true });
    expect(actions(folder, stages)).toEqual([
      "a: run (its folder is gone)",
      "b: run (a is done again)",
    ]);
    await expect(runPipeline(folder, stages, { signal: AbortSignal.abort() })).rejects.toThrow(
      "stopped before a",
    );
    expect(readFileSync(join(folder, "pipeline.json"), "utf8")).toContain('"schema": 1');
  });

  test("runs stages beside each other, none before those that it needs, and lets the others end where one fails", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    const script: Script = { calls: [], cut: new Set() };
    const open = new Set<string>();
    let most = 0;
    const slow = (name: string, needs: string[] = []): Stage => {
      const stage = stageOf(name, script, { needs });
      return {
        ...stage,
        start: async (at) => {
          for (const need of needs)
            expect(open.has(need), `${need} while ${name} begins`).toBe(false);
          most = Math.max(most, open.add(name).size);
          for (let turn = 0; turn < 5; turn++)
            await new Promise((resolve) => setImmediate(resolve));
          await stage.start(at).finally(() => open.delete(name));
        },
      };
    };
    const stages = [
      slow("a"),
      slow("b", ["a"]),
      slow("c", ["a"]),
      slow("d", ["b", "c"]),
      slow("e", ["a"]),
    ];
    const done = await runPipeline(folder, stages, { concurrency: 2 });
    expect(most).toBe(2);
    expect(done.map(({ stage }) => stage.name)).toEqual(["a", "b", "c", "d", "e"]);
    expect(script.calls[0]).toBe("start a");
    expect(script.calls.indexOf("start d")).toBeGreaterThan(
      Math.max(script.calls.indexOf("start b"), script.calls.indexOf("start c")),
    );
    expect(actions(folder, stages).every((line) => line.endsWith("skip (done already)"))).toBe(
      true,
    );

    const other = mkdtempSync(join(tmpdir(), "attune-pipeline-"));
    script.cut.add("b");
    await expect(runPipeline(other, stages, { concurrency: 2 })).rejects.toThrow("killed");
    expect(actions(other, stages)).toEqual([
      "a: skip (done already)",
      "b: resume (was cut off)",
      "c: skip (done already)",
      "d: run (not done yet)",
      "e: run (not done yet)",
    ]);
  });
});
