import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { testFolder } from "../data/testing.ts";
import { Run } from "../runs/run.ts";
import { readOptimisationRun } from "./optimisation-run.ts";

const folder = testFolder();
afterAll(() => folder.remove());

/** A run of 40 steps that ended at some step, its best checkpoint at 20. */
async function endedAt(last: number): Promise<ReturnType<typeof readOptimisationRun>> {
  const place = join(folder.path, `run-${last}`);
  const run = Run.create(place, {
    command: "ppo",
    seed: 1,
    dataHash: "d",
    modelFingerprint: "m",
    config: { given: {}, effective: {} },
  });
  for (let step = 1; step <= last; step++) {
    run.metrics(step, { "objective/kl": 0.1, "objective/scores": 0 });
    if (step % 10 === 0)
      await run.saveCheckpoint(
        step,
        (draft) => Promise.resolve(writeFileSync(join(draft, "state.bin"), "")),
        { score: { metric: "objective/scores", value: step === 20 ? 1 : 0 } },
      );
  }
  const counts = { step: last, totalSteps: 40, tokens: 0, seconds: 1 };
  run.record({ type: "end", status: "completed", metrics: {}, ...counts });
  return readOptimisationRun(place);
}

test("a run that a guard ended early gave the best checkpoint, another one its last step", async () => {
  const whole = await endedAt(40);
  expect(whole.modelStep).toBe(40);
  expect(whole.kept.map(({ step }) => step)).toEqual([20, 30, 40]);
  expect((await endedAt(30)).modelStep).toBe(20);
});
