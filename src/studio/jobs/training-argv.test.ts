import { describe, expect, test } from "vitest";
import { trainingArgv } from "./training-argv.ts";

const dpo = (options: Record<string, unknown>): string[] =>
  trainingArgv("dpo", { model: "m", data: "d.jsonl", ...options }, "/runs/dpo-1");

describe("the command line of a training", () => {
  test("holds each given option in one word with its value", () => {
    expect(dpo({ beta: 0.05, packing: undefined, "lora.rank": 8, adapter: "lora" })).toEqual([
      "dpo",
      "--model=m",
      "--data=d.jsonl",
      "--beta=0.05",
      "--adapter=lora",
      "--lora-rank=8",
      "--out=/runs/dpo-1",
    ]);
  });

  test.each([
    ["--out=/etc/passwd"],
    ["--help"],
    ["-x"],
    ["a b; rm -rf /"],
    ["$(id)"],
    ["two\nlines"],
    ["12"],
  ])("takes %j for a file's name", (data) => {
    expect(dpo({ data })).toContain(`--data=${data}`);
  });

  test("says lists and switches so that they read back", () => {
    expect(dpo({ data: ["a,b.jsonl", "--c.jsonl"], dataWeights: [1, 3] })).toContain(
      '--data=["a,b.jsonl","--c.jsonl"]',
    );
    expect(trainingArgv("sft", { model: "m", data: "d", packing: true }, "/r")).toContain(
      "--packing",
    );
    expect(trainingArgv("sft", { model: "m", data: "d", packing: false }, "/r")).toContain(
      "--no-packing",
    );
  });

  test("refuses what the trainer refuses, and what a command line cannot say", () => {
    expect(() => dpo({ beta: "much" })).toThrow("beta does not take this value");
    expect(() => dpo({ out: "/etc" })).toThrow("out is not an option of dpo");
    expect(() => dpo({ data: '["a"]' })).toThrow("a command line cannot say this value of data");
    expect(() => trainingArgv("dpoo", {}, "/r")).toThrow("there is no such trainer");
    expect(() => trainingArgv("constructor", {}, "/r")).toThrow("there is no such trainer");
    expect(() => trainingArgv("dpo", { data: "d" }, "/r")).toThrow("dpo needs the option model");
  });
});
