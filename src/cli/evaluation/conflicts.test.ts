import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { Run } from "../../runs/run.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";
import { placeModels } from "./conflict-places.ts";

const folder = testFolder();
const at = (name: string): string => join(folder.path, name);
afterAll(() => folder.remove());

/** Findings of an earlier run: over-refusal, of which less is better, and right answers. */
function writeRun(name: string, [refusal, right]: readonly [number, number], data: string): void {
  const measure = (id: string, estimate: number, good: string) => ({
    id,
    name: `share of ${id}`,
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

const run = (out: string, ...models: string[]) => runAlong([], out, ...models);

async function runAlong(options: readonly string[], out: string, ...models: string[]) {
  const io = fakeIo();
  const paths = models.map(at).join(",");
  const argv = ["eval", "conflicts", "--models", paths, "--out", at(out), ...options];
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
  // ids are told in words
  expect(findings[0]!.figures[0]).toMatchObject({
    kind: "list",
    items: [
      "honest/accuracy: share of honest/accuracy",
      "harmless/over-refusal: share of harmless/over-refusal",
    ],
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("sft, dpo have no items.jsonl");
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

test("along a scale there is a chart of each objective, and a sentence for each step", async () => {
  const along = ["--along", "kl=8.4,0"];
  expect((await runAlong(along, "scale", "dpo", "sft")).status).toBe(0);
  const finding = findingsOf("scale").findings.find(({ id }) => id === "conflicts-along")!;
  expect(finding.answer).toContain("From kl 0 to 8.40 it helped honest/accuracy (+30.0");
  expect(finding.answer).toContain("at the expense of harmless/over-refusal (+30.0");
  const charts = finding.figures.flatMap((part) => (part.kind === "chart" ? [part.chart] : []));
  expect(charts.map(({ title }) => title)).toEqual([
    "honest/accuracy along kl",
    "harmless/over-refusal along kl",
  ]);
  expect(charts[0]).toMatchObject({
    xLabel: "kl",
    series: [
      {
        points: [
          { x: 0, y: 50, low: expect.closeTo(45), high: expect.closeTo(55) },
          { x: 8.4, y: 80 },
        ],
      },
    ],
  });
});

test("the scale may be told by the runs; a place that nobody knows or two share is refused", async () => {
  for (const [name, step] of [
    ["trained", 40],
    ["longer", 90],
  ] as const) {
    const config = { beta: step / 100 };
    const made = Run.create(at(`${name}-run`), {
      command: "ppo",
      seed: 1,
      dataHash: "d",
      modelFingerprint: "m",
      config: { given: config, effective: config },
    });
    for (let i = 1; i <= step; i++) {
      made.metrics(i, { "objective/kl": 0.01 * i });
      if (i === 10)
        await made.saveCheckpoint(i, (folder) =>
          Promise.resolve(writeFileSync(join(folder, "state.safetensors"), "")),
        );
    }
    made.finish("completed");
    writeFileSync(
      join(at(`${name}-run`), "findings.json"),
      readFileSync(join(at(name === "trained" ? "sft" : "dpo"), "findings.json"), "utf8"),
    );
  }
  const early = join(at("longer-run"), "checkpoints", "step-000010");
  expect(placeModels([early, at("longer-run")], "step").along!.values).toEqual([10, 90]);
  // the roll-outs of steps 8 to 14, around that which the policy of step 10 made
  expect(placeModels([early, at("longer-run")], "kl").along!.values[0]).toBeCloseTo(0.11, 9);
  expect(placeModels([early, at("trained-run")], "beta").along!.values).toEqual([0.4, 0.9]);
  const models = ["longer-run", "trained-run"];
  for (const [scale, first] of [
    ["step", 40],
    ["kl", 0.37],
    ["beta", 0.4],
  ] as const) {
    const { status, err } = await runAlong(["--along", scale], `by-${scale}`, ...models);
    expect(status, err).toBe(0);
    const finding = findingsOf(`by-${scale}`).findings.find(({ id }) => id === "conflicts-along")!;
    const [part] = finding.figures;
    const chart = part?.kind === "chart" && part.chart.kind === "lines" ? part.chart : undefined;
    expect(chart!.series[0]!.points[0]!.x).toBeCloseTo(first, 9);
  }
  const refused = async (along: string): Promise<string> =>
    (await runAlong(["--along", along], "refused", "sft", "dpo")).err;
  expect(await refused("kl=1,1")).toContain("two models have the same kl");
  expect(await refused("kl=1")).toContain("--along needs a number for each model");
  expect(await refused("step")).toContain("nothing tells the step of this model");
});
