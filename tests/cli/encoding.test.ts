/**
 * What `attune` says of the rows before it learns from them: marks, cuts, control tokens, what no
 * record keeps.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { byteTokenizer } from "../../src/text/testing.ts";
import { attune, saveTinyModel } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-encoding-"));
const path = (name: string): string => join(parent, name);
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path(name);
};
let model: string;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  const { files } = byteTokenizer();
  model = await saveTinyModel(path("model"), {
    "tokenizer.json": files["tokenizer.json"]!,
    "tokenizer_config.json": files["tokenizer_config.json"]!,
  });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const dryRun = (command: string, data: string, ...more: string[]) =>
  attune(command, "--model", model, "--data", data, "--held-out", "0", "--dry-run", ...more);

test("a dry run tells what will be cut, and the run itself does", async () => {
  const data = write("long.jsonl", [
    { prompt: "why?", chosen: "a".repeat(80), rejected: "no" },
    { prompt: "why?", chosen: "yes", rejected: "no" },
  ]);
  const told = new RegExp(
    `1 of 2 rows did not fit into 48 tokens and were cut, by \\d+ tokens in the median and \\d+ ` +
      "at most: 1 lost the end of an answer or a text, and do not learn to stop there; the " +
      "first: " +
      `${data}:1`,
  );
  const dry = await dryRun("dpo", data, "--max-length", "48");
  expect([dry.status, dry.err]).toEqual([0, expect.stringMatching(told)]);
  const run = await attune(
    "dpo",
    "--model",
    model,
    "--data",
    data,
    "--held-out",
    "0",
    "--max-length",
    "48",
    "--max-steps",
    "1",
    "--out",
    path("run"),
  );
  expect([run.status, run.err]).toEqual([0, expect.stringMatching(told)]);
});

test("rows so few that a share of them is none say that nothing is held out, for every trainer, and only where some were wanted", async () => {
  const pairs = write("few.jsonl", [
    { prompt: "a", chosen: "yes", rejected: "no" },
    { prompt: "b", chosen: "yes", rejected: "no" },
  ]);
  const judged = write("few-judged.jsonl", [
    { prompt: "a", completion: "yes", label: true },
    { prompt: "b", completion: "no", label: false },
  ]);
  for (const [command, data] of [
    ["dpo", pairs],
    ["reward", pairs],
    ["sft", judged.replace("judged", "shown")],
    ["kto", judged],
  ] as const) {
    if (command === "sft")
      write("few-shown.jsonl", [
        { prompt: "a", completion: "yes" },
        { prompt: "b", completion: "no" },
      ]);
    const { status, err } = await attune(command, "--model", model, "--data", data, "--dry-run");
    expect([command, status, err.match(/nothing is held out[^\n]*/g)]).toEqual([
      command,
      0,
      [
        "nothing is held out, so nothing is measured on rows that were not learned: 5% of 2 rows " +
          "is less than one; --held-out N holds out N rows [nothing-held-out]",
      ],
    ]);
  }
  expect((await dryRun("dpo", pairs)).err).not.toContain("nothing is held out");
});

test("a template that is written out in texts is warned of, and read where texts are trusted", async () => {
  const data = write(
    "rendered-text.jsonl",
    ["two", "one"].map((word) => ({
      text: `<user>what is ${word}<end><assistant>${word} is ${word}<end>`,
    })),
  );
  const careful = await dryRun("sft", data);
  expect([careful.status, careful.err]).toEqual([
    0,
    expect.stringMatching(
      new RegExp(
        "2 of 2 rows hold control tokens such as <end>, which are read as ordinary characters; " +
          `the first: ${data}:1; .*--trust-text reads it`,
      ),
    ),
  ]);
  const trusting = await dryRun("sft", data, "--trust-text");
  expect([trusting.status, trusting.err]).toEqual([
    0,
    expect.not.stringContaining("control tokens"),
  ]);
});

test("what no record keeps is told by every kind of trainer", async () => {
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content: "a", mood: "glad" },
  ];
  const told = (data: string) =>
    expect.stringMatching(
      new RegExp(`not kept: the key mood of messages \\(1 row, the first at ${data}:1\\)`),
    );
  const sft = write("mood.jsonl", [{ messages }]);
  expect((await dryRun("sft", sft)).err).toEqual(told(sft));
  const prompts = write("mood-prompts.jsonl", [
    { prompt: [{ role: "user", content: "q", mood: "glad" }] },
  ]);
  writeFileSync(path("reward.mjs"), "export default () => 1;\n");
  expect(
    (
      await attune(
        "rloo",
        "--model",
        model,
        "--data",
        prompts,
        "--reward",
        path("reward.mjs"),
        "--dry-run",
        "--max-new-tokens",
        "4",
      )
    ).err,
  ).toEqual(told(prompts));
});

test("an answer of weight 0 is not learned, and a row of nothing else is a bad row", async () => {
  const data = write("weights.jsonl", [
    {
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: "hello" },
      ],
    },
    {
      messages: [
        { role: "user", content: "q1" },
        { role: "assistant", content: "bad answer", weight: 0 },
        { role: "user", content: "q2" },
        { role: "assistant", content: "good answer", weight: 1 },
      ],
    },
    {
      messages: [
        { role: "user", content: "q1" },
        { role: "assistant", content: "bad answer", weight: 0 },
      ],
    },
  ]);
  expect((await dryRun("sft", data)).err).toMatch(new RegExp(`${data}:3: every answer`));
  const dropped = await dryRun("sft", data, "--on-bad", "drop");
  expect([dropped.status, dropped.err]).toEqual([
    0,
    expect.stringMatching(/1 of 3 rows left out: every answer/),
  ]);
  expect(dropped.out).toMatch(/examples +2/);
});
