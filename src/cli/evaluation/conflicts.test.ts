import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const folder = testFolder();
const at = (name: string): string => join(folder.path, name);
afterAll(() => folder.remove());

/** Findings of an earlier run: over-refusal, of which less is better, and right answers. */
function writeRun(name: string, [refusal, right]: readonly [number, number], data: string): void {
  const measure = (id: string, estimate: number, good: string) => ({
    id,
    name: id,
    unit: "share",
    good,
    value: { estimate, low: estimate - 0.05, high: estimate + 0.05, n: 400 },
  });
  const measures = [
    measure("harmless/over-refusal", refusal, "lower"),
    measure("honest/accuracy", right, "higher"),
  ];
  mkdirSync(at(name));
  writeFileSync(
    join(at(name), "findings.json"),
    JSON.stringify({ title: name, findings: [{ measures }], facts: [["data", data]] }),
  );
}

beforeAll(() => {
  writeRun("sft", [0.1, 0.5], "aaaa");
  writeRun("dpo", [0.4, 0.8], "aaaa");
  writeRun("other", [0.2, 0.6], "bbbb");
  writeRun("copy", [0.1, 0.5], "aaaa");
  writeFileSync(
    join(at("copy"), "findings.json"),
    readFileSync(join(at("sft"), "findings.json"), "utf8"),
  );
});

async function run(out: string, ...models: string[]) {
  const io = fakeIo();
  const paths = models.map(at).join(",");
  const argv = ["eval", "conflicts", "--models", paths, "--out", at(out)];
  const status = await runProgram(argv, io);
  return { status, err: io.stderr.text };
}

const findingsOf = (name: string): Findings =>
  JSON.parse(readFileSync(join(at(name), "findings.json"), "utf8")) as Findings;

test("more refusals are the expense, in their own values, and high is not good", async () => {
  expect((await run("traded", "sft", "dpo")).status).toBe(0);
  const { findings, warnings } = findingsOf("traded");
  expect(findings[0]!.answer).toContain("at the expense of harmless/over-refusal (+30.0");
  const refusals = findings
    .flatMap(({ measures }) => measures)
    .filter(({ id }) => id.includes("refusal"));
  expect(refusals.map(({ good }) => good)).toEqual(["lower", "lower", "lower"]);
  expect(refusals[0]!.value.estimate).toBeCloseTo(0.3, 12);
  expect(warnings).toEqual([]);
});

test("other data are told; one run twice is refused", async () => {
  expect((await run("mixed", "sft", "other")).status).toBe(0);
  expect(findingsOf("mixed").warnings.join()).toContain("the runs are of different data");
  for (const models of [
    ["sft", "sft"],
    ["sft", "copy"],
  ]) {
    const twice = await run("twice", ...models);
    expect(twice.status).toBe(2);
    expect(twice.err).toContain("the same run is given twice");
  }
});
