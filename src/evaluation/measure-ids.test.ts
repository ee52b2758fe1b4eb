import { expect, test } from "vitest";
import { checkMeasureId } from "./measure-ids.ts";

test("ids that a part may find pass, those of names and of several files too", () => {
  for (const [id, part] of [
    ["honest/accuracy", "honest"],
    ["honest/accuracy-2", "honest"],
    ["honest/behaviour/openness", "honest"],
    ["helpful/runs-dpo/win-rate", "helpful"],
    ["tasks/arc/acc", "tasks"],
    ["reward-model/rewardbench-2/数学", "reward-model"],
    ["reward-model/best-of-4", "reward-model"],
    ["compare/dpo/judge/win-rate", "compare"],
    ["over-optimisation/gold-gain", "over-optimisation"],
  ] as const)
    expect(() => checkMeasureId(id, [part]), id).not.toThrow();
});

test("others are refused, with what there is and what was meant", () => {
  expect(() => checkMeasureId("honest/acuracy", ["honest"])).toThrow(
    /did you mean honest\/accuracy/,
  );
  expect(() => checkMeasureId("win-rate", ["compare"])).toThrow(
    /did you mean compare\/\*\/win-rate/,
  );
  expect(() => checkMeasureId("harmless/over-refusal", ["honest"])).toThrow(
    /one of harmless, which is not asked for/,
  );
  expect(() => checkMeasureId("accuracy", ["honest", "harmless"])).toThrow(/honest\/accuracy/);
  expect(() => checkMeasureId("honest/accuracyx", ["honest"])).toThrow(/there is no measure/);
});
