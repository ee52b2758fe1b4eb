import { expect, it } from "vitest";
import type { PlannedStage } from "../../runs/pipeline.ts";
import { OverallProgress } from "./overall-progress.ts";
import type { ProgressOptions, Reporter } from "./reporter.ts";

const planned = (name: string, action: PlannedStage["action"]): PlannedStage => ({
  action,
  because: "",
  folder: name,
  stage: {
    name,
    title: name,
    inputs: {},
    needs: [],
    start: async () => undefined,
    resume: async () => undefined,
  },
});

function bench(): { reporter: Reporter; shown: unknown[] } {
  const shown: unknown[] = [];
  const progress = (options: ProgressOptions) => ({
    update: (done: number, detail?: string | readonly string[]) =>
      void shown.push([done, options.total, ...[detail ?? []].flat()]),
    end: () => void shown.push("end"),
  });
  return {
    shown,
    reporter: {
      mode: "terminal",
      event: () => undefined,
      result: () => undefined,
      write: () => undefined,
      note: () => undefined,
      warn: () => undefined,
      progress,
      close: () => undefined,
    },
  };
}

it("counts stages, parts of those at work too, and tells the time left by the pace of this process", () => {
  const { reporter, shown } = bench();
  let now = 0;
  const overall = new OverallProgress(reporter, () => now);
  overall.plan([planned("sft", "skip"), planned("reward", "resume"), planned("dpo", "run")], 1);
  overall.begin("reward");
  now = 30_000;
  overall
    .watch(reporter)
    .event({ type: "step", step: 1, totalSteps: 2, tokens: 1, metrics: {}, seconds: 1 });
  now = 60_000;
  overall.end("reward");
  overall.end("sft");
  overall.close();
  expect(shown).toEqual([
    [1, 4],
    [1, 4],
    [1.5, 4],
    [2, 4, "about 2m 00s left"],
    [2, 4, "about 2m 00s left"],
    "end",
  ]);
});

it("is not there where nothing is left to do", () => {
  const { reporter, shown } = bench();
  const overall = new OverallProgress(reporter);
  overall.plan([planned("sft", "skip")]);
  overall.close();
  expect(shown).toEqual([]);
});
