import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Findings } from "../../evaluation/findings.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";
import { readEvalOptions } from "./eval-options.ts";
import { PARTS, PART_DEFINITIONS } from "./parts.ts";
import { evalTemplate } from "./template.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-eval-"));
  writeFileSync(at("reward.mjs"), "export default ({ completion }) => completion.length;\n");
  const pair = (i: number) => ({
    prompt: `question ${i}`,
    chosen: "a".repeat(2 + (i % 5)),
    rejected: "b".repeat(1 + (i % 7)),
  });
  writeFileSync(
    at("pairs.jsonl"),
    Array.from({ length: 40 }, (_, i) => `${JSON.stringify(pair(i))}\n`).join(""),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo();
  const status = await runProgram(argv, io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

const findingsIn = (name: string): Findings =>
  JSON.parse(readFileSync(join(at(name), "findings.json"), "utf8")) as Findings;

describe("attune eval", () => {
  test("a part by itself, all from a file, and all from flags find the same, in the same bytes", async () => {
    const part = ["--reward", at("reward.mjs"), "--data", at("pairs.jsonl")];
    const one = await run("eval", "reward-model", ...part, "--out", at("one"));
    expect(one.err + one.out).toContain("Does it put the better answer first?");
    expect(one.status).toBe(0);
    writeFileSync(
      at("eval.yaml"),
      `reward-model:\n  reward: ${at("reward.mjs")}\n  data: ${at("pairs.jsonl")}\nout: ${at("two")}\n`,
    );
    expect((await run("eval", "--config", at("eval.yaml"))).status).toBe(0);
    const three = ["--reward-model", at("reward.mjs"), "--set", `data=${at("pairs.jsonl")}`];
    expect((await run("eval", ...three, "--out", at("three"))).status).toBe(0);
    const [first, second, third] = ["one", "two", "three"].map(findingsIn);
    expect(second!.findings).toEqual(first!.findings);
    expect(third!.findings).toEqual(first!.findings);
    expect(first!.findings[0]!.measures[0]!.id).toBe("reward-model/accuracy");
  });

  test("the same command goes on with an unfinished run and asks nothing twice", async () => {
    const out = at("again");
    const argv = ["eval", "reward-model", "--reward", at("reward.mjs")];
    argv.push("--data", at("pairs.jsonl"), "--out", out);
    await run(...argv);
    const before = readFileSync(join(out, "answers.jsonl"), "utf8");
    // as a process leaves it that is killed before its end
    const info = JSON.parse(readFileSync(join(out, "run.json"), "utf8")) as { status: string };
    writeFileSync(join(out, "run.json"), JSON.stringify({ ...info, status: "running" }));
    rmSync(join(out, "findings.json"));
    const other = await run(...argv, "--limit", "3");
    expect(other.status).toBe(2);
    expect(other.err).toContain("the run was begun with other options");
    expect((await run(...argv)).status).toBe(0);
    expect(readFileSync(join(out, "answers.jsonl"), "utf8")).toBe(before);
    expect(existsSync(join(out, "findings.json"))).toBe(true);
    const done = await run(...argv);
    expect(done.err).toContain("the folder already holds a run");
  });

  test("attune resume goes on with it", async () => {
    const out = at("resumed");
    const argv = ["eval", "reward-model", "--reward", at("reward.mjs")];
    await run(...argv, "--data", at("pairs.jsonl"), "--out", out);
    const info = JSON.parse(readFileSync(join(out, "run.json"), "utf8")) as object;
    writeFileSync(join(out, "run.json"), JSON.stringify({ ...info, status: "interrupted" }));
    const before = readFileSync(join(out, "findings.json"), "utf8");
    expect((await run("resume", out)).status).toBe(0);
    expect(readFileSync(join(out, "findings.json"), "utf8")).toBe(before);
  });

  test("a dry run and bad input leave nothing behind", async () => {
    const argv = ["eval", "reward-model", "--reward", at("reward.mjs"), "--out", at("nothing")];
    const dry = await run(...argv, "--data", at("pairs.jsonl"), "--dry-run");
    expect(dry.out).toContain("score the answers of 40 pairs");
    expect((await run(...argv, "--data", at("none.jsonl"))).status).toBe(2);
    expect(existsSync(at("nothing"))).toBe(false);
  });

  test.each([
    [[], "nothing is asked for"],
    [["--reward-model", "r.ts"], "eval reward-model needs the option data"],
    [["--reward-model", "r.ts", "--set", "dta=3"], "did you mean data?"],
    [["--reward-model", "r.ts", "--model", "m"], "model is not an option of reward-model"],
  ])("says what is wrong: %j", async (argv, message) => {
    const { status, err } = await run("eval", ...argv);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  test("a threshold that is not reached ends with 1, from flags and from the file", async () => {
    const argv = ["eval", "--reward-model", at("reward.mjs"), "--set", `data=${at("pairs.jsonl")}`];
    const under = ["--fail-under", "reward-model/accuracy=0.9", "--junit", at("junit.xml")];
    const missed = await run(...argv, ...under, "--out", at("missed"));
    expect(missed.status).toBe(1);
    expect(missed.out).toContain("NOT reached: reward-model/accuracy >= 0.9");
    expect(readFileSync(at("junit.xml"), "utf8")).toContain("<failure");
    expect(findingsIn("missed").findings.length).toBeGreaterThan(0);
    const near = await run(...argv, "--fail-under", "reward-model/acuracy=0.9", "--dry-run");
    expect(near.status).toBe(2);
    expect(near.err).toContain("did you mean reward-model/accuracy?");
    const { outcome } = readEvalOptions({
      yaml: { text: "failUnder: [a=1]\nrewardModel:\n  reward: r.ts\n  data: d\n", file: "e.yaml" },
    });
    expect(outcome).toEqual({ failUnder: ["a=1"] });
  });

  test("a mistake in the file is told with its line", () => {
    const text = "seed: 3\nreward-model:\n  reward: r.ts\n  data: d.jsonl\n  limitt: 3\n";
    expect(() => readEvalOptions({ yaml: { text, file: "e.yaml" } })).toThrow(/e\.yaml:5.*limitt/s);
    const part = "rewardmodel:\n  reward: r.ts\n";
    expect(() => readEvalOptions({ yaml: { text: part, file: "e.yaml" } })).toThrow(/e\.yaml:1/);
  });

  test("what stands beside the sections holds for the parts that have it; a section wins", () => {
    const text = "seed: 3\nlimit: 5\nrewardModel:\n  reward: r.ts\n  data: d.jsonl\n  limit: 7\n";
    const { parts } = readEvalOptions({ yaml: { text, file: "e.yaml" }, set: ["seed=9"] });
    expect(parts.get("reward-model")!.resolved).toMatchObject({ seed: 9, limit: 7 });
  });

  test("--init writes a file that names every part, and writes none twice", async () => {
    const file = at("fresh.yaml");
    expect((await run("eval", "--init", "--config", file)).status).toBe(0);
    expect((await run("eval", "--init", "--config", file)).status).toBe(2);
    for (const { title } of Object.values(PARTS))
      expect(readFileSync(file, "utf8")).toContain(title);
    // with the sections taken out of their comments it is read
    const text = evalTemplate()
      .replaceAll(/^# {3}(\w+: \[?FILE)/gm, "  $1")
      .replaceAll(/^# (\w+:)$/gm, "$1");
    const set = [...PART_DEFINITIONS.values()].some(({ fields }) => "model" in fields)
      ? ["model=m"]
      : [];
    expect(() => readEvalOptions({ yaml: { text, file }, set })).not.toThrow();
  });
});
