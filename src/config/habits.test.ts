import { expect, test } from "vitest";
import { dpoConfig } from "../training/offline/dpo.config.ts";
import { parseConfig } from "./sources.ts";
import { habitOf, ownerOf } from "./habits.ts";

test("a habit is answered with the name here, where the command has it", () => {
  expect(habitOf("lr", ["learningRate"])).toEqual({ option: "learningRate" });
  expect(habitOf("per_device_train_batch_size", ["batchSize"])).toEqual({ option: "batchSize" });
  expect(habitOf("lora-r", ["lora.rank"])).toEqual({ option: "lora.rank" });
  expect(habitOf("n", ["batchSize"])).toBeUndefined();
  expect(habitOf("optim", [])).toMatchObject({ says: expect.stringContaining("AdamW") });
  expect(habitOf("constructor", ["model"])).toBeUndefined();
});

test("an option that a command has nothing of names those that have it", () => {
  expect(ownerOf("lr")).toBe("--learning-rate belongs to the trainers");
  expect(ownerOf("lora-rank")).toBe("--lora-rank belongs to the trainers");
  expect(ownerOf("n")).toMatch(/^--samples belongs to methods that draw answers, such as grpo/);
  expect(ownerOf("top_p")).toBe(
    "--top-p belongs to commands that answer: generate, chat and serve",
  );
  expect([ownerOf("optim"), ownerOf("constructor"), ownerOf("frogs")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("config files and --set meet habits too", () => {
  const values = { model: "m", data: "d" };
  expect(() => parseConfig(dpoConfig, { values, set: ["lr=1e-4"] })).toThrow(
    /--set lr is not an option of dpo[\s\S]*lr is learningRate here/,
  );
  expect(() =>
    parseConfig(dpoConfig, {
      values,
      yaml: { text: "gradient_accumulation_steps: 4\n", file: "c.yaml" },
    }),
  ).toThrow(/c\.yaml:1[\s\S]*a step is --batch-size examples/);
});
