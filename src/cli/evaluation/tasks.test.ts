import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../../../tests/harnesses/tiny-model.ts";
import { readAnswers } from "../../evaluation/answer-files/read.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const TASKS = join(import.meta.dirname, "..", "..", "..", "tests", "harnesses", "tasks");
const folder = mkdtempSync(join(tmpdir(), "attune-tasks-"));
const at = (name: string): string => join(folder, name);

beforeAll(() => writeTinyModel(at("model")));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo();
  const status = await runProgram(["eval", "tasks", "--model", at("model"), ...argv], io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

const task = (name: string): string => join(TASKS, `${name}.yaml`);

describe("attune eval tasks", () => {
  test("tells what lm_eval finds, with intervals, and logs samples that compare reads", async () => {
    const { status, out, err } = await run("--tasks", task("group"), "--out", at("run"));
    expect(err + out).toContain("How does it do on attune_capitals?");
    expect(status).toBe(0);
    const { findings } = JSON.parse(
      readFileSync(join(at("run"), "findings.json"), "utf8"),
    ) as Findings;
    const measures = findings.flatMap((each) => each.measures);
    const value = (id: string): number => measures.find((each) => each.id === id)!.value.estimate;
    expect(value("tasks/attune-capitals/acc")).toBeCloseTo(0.25, 6);
    expect(value("tasks/attune-capitals/acc-norm")).toBeCloseTo(0.125, 6);
    // 24 documents of one task and 16 of the other
    expect(value("tasks/attune-multiple-choice/acc")).toBeCloseTo((6 + 8) / 40, 6);
    for (const { value: each } of measures.filter(({ value: of }) => of.noClaim === undefined)) {
      expect(each.low).toBeLessThanOrEqual(each.estimate);
      expect(each.high).toBeGreaterThanOrEqual(each.estimate);
    }
    const samples = join(at("run"), "samples_attune_capitals.jsonl");
    const { sets } = await readAnswers(samples, {});
    expect(sets[0]!.answers).toHaveLength(24);
    const line = JSON.parse(readFileSync(samples, "utf8").split("\n")[0]!) as { doc_id: number };
    expect(line).toMatchObject({ doc_id: 0, target: "2", filter: "none", acc: 0 });
  });

  test("goes on with a run that was cut off, and asks nothing twice", async () => {
    const argv = ["--tasks", task("sums"), "--limit", "4", "--out", at("again")];
    expect((await run(...argv)).status).toBe(0);
    const kept = readFileSync(join(at("again"), "answers.jsonl"), "utf8");
    const info = JSON.parse(readFileSync(join(at("again"), "run.json"), "utf8")) as object;
    writeFileSync(join(at("again"), "run.json"), JSON.stringify({ ...info, status: "running" }));
    expect((await run(...argv)).status).toBe(0);
    expect(readFileSync(join(at("again"), "answers.jsonl"), "utf8")).toBe(kept);
  });

  test("a dry run counts what would be asked, and writes nothing", async () => {
    const both = ["--tasks", task("facts"), "--tasks", task("sums")];
    const { status, out } = await run(...both, "--out", at("dry"), "--dry-run");
    expect(out).toContain("20 requests about 20 documents of attune_sums");
    expect(status).toBe(0);
    expect(out).toContain("32 requests about 16 documents of attune_facts");
    expect(existsSync(at("dry"))).toBe(false);
  });

  test("of nothing that is answered nothing is concluded", async () => {
    writeFileSync(
      at("long.jsonl"),
      `${JSON.stringify({ text: "long ".repeat(2000), word: "a" })}\n`,
    );
    writeFileSync(
      at("long.yaml"),
      [
        "task: long",
        "dataset_path: json",
        "dataset_kwargs: { data_files: { test: long.jsonl } }",
        "test_split: test",
        "output_type: loglikelihood",
        "doc_to_text: text",
        "doc_to_target: word",
      ].join("\n"),
    );
    const argv = ["--tasks", at("long.yaml"), "--out", at("long")];
    const refused = await run(...argv);
    expect([refused.status, refused.err]).toEqual([
      2,
      expect.stringContaining("too many questions got no answer"),
    ]);
    const { status, out, err } = await run(...argv, "--max-missing", "1");
    expect(status).toBe(0);
    expect(out + err).toContain("1 document left out");
    expect(out + err).not.toMatch(/NaN|Infinity/);
  });
});
