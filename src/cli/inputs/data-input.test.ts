import { Command } from "commander";
import { afterAll, expect, test } from "vitest";
import { jsonLines, testFolder } from "../../data/testing.ts";
import { FORMATS } from "../../data/formats/index.ts";
import { parseConfig } from "../../config/sources.ts";
import { describeType } from "../../config/types.ts";
import { dpoConfig } from "../../training/offline/dpo.config.ts";
import { grpoConfig } from "../../training/online/grpo.config.ts";
import { ktoConfig } from "../../training/offline/kto.config.ts";
import { sftConfig } from "../../training/offline/sft.config.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import type { Reporter } from "../display/reporter.ts";
import { dataSources, loadTrainingData } from "./data-input.ts";

const folder = testFolder();
afterAll(() => folder.remove());

/** The options that a command line gives. */
function parse(...argv: string[]) {
  const command = new Command();
  addConfigOptions(command, dpoConfig);
  command.parse(["--model", "m", ...argv], { from: "user" });
  return parseConfig(dpoConfig, { flags: readConfigFlags(dpoConfig, command.opts()) }).resolved;
}

test("data sets come by repetition, and a comma belongs to a path", () => {
  expect(parse("--data", "a,b=1.jsonl").data).toBe("a,b=1.jsonl");
  const { data, dataWeights } = parse(
    "--data",
    "a.jsonl",
    "--data",
    "org/b",
    "--data-weights",
    "1,0.5",
  );
  expect(dataSources(data, dataWeights)).toEqual([
    { source: "a.jsonl", weight: 1 },
    { source: "org/b", weight: 0.5 },
  ]);
  const file = parseConfig(dpoConfig, {
    yaml: {
      file: "c.yaml",
      text:
        "model: m\ndata: [a.jsonl, b.jsonl]\ndata_weights: [2, 1]\ncolumns: [prompt=q]\nlimit: " +
        "5\n",
    },
  }).resolved;
  expect(file).toMatchObject({
    data: ["a.jsonl", "b.jsonl"],
    dataWeights: [2, 1],
    columns: ["prompt=q"],
    limit: 5,
  });
  expect(() => parse("--data", "a", "--data-weights", "1")).toThrow("--data-weights");
  expect(() => dataSources(["a", "b"], [1])).toThrow("--data-weights: 1 weights for 2 data sets");
});

test("every trainer knows every format", () => {
  for (const { fields } of [dpoConfig, ktoConfig, sftConfig, grpoConfig]) {
    expect(describeType(fields.format.type).words.toSorted()).toEqual(
      ["auto", ...FORMATS.map(({ name }) => name)].toSorted(),
    );
  }
});

test("a training command reads one's own columns, weights and limits, and tells what it chose", async () => {
  const a = folder.write(
    "a.jsonl",
    jsonLines(
      ...Array.from({ length: 9 }, (_, i) => ({
        q: `a${i}`,
        completion: "x",
        thumbs: i % 2 === 0 ? "up" : "down",
      })),
    ),
  );
  const b = folder.write(
    "b.jsonl",
    jsonLines(
      ...Array.from({ length: 9 }, (_, i) => ({ q: `b${i}`, completion: "y", thumbs: "up" })),
    ),
  );
  const config = {
    data: [a, b],
    dataWeights: [1, 2],
    limit: 4,
    seed: 1,
    format: "auto",
    columns: ["prompt=q"],
    ignoreColumns: [],
    onBad: "few" as const,
  };
  const notes: string[] = [];
  const reporter = {
    note: (text: string) => void notes.push(text),
  } as Partial<Reporter> as Reporter;
  const { records } = await loadTrainingData(config, "unpaired", {
    context: { reporter, signal: new AbortController().signal },
  });
  expect(
    records.map((record) =>
      record.kind === "unpaired" ? [record.prompt, record.label] : undefined,
    ),
  ).toEqual([
    ["a0", true],
    ["a1", false],
    ["a2", true],
    ["a3", false],
    ...["b0", "b1", "b2", "b3"].flatMap((prompt) => [
      [prompt, true],
      [prompt, true],
    ]),
  ]);
  expect(notes).toEqual(["the column thumbs is read as the label: whether the answer is good"]);
});
