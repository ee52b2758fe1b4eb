/** Conflicts of earlier runs, item by item. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MockServer } from "../../constitution/testing/server.ts";
import { startMockServer } from "../../constitution/testing/server.ts";
import { testFolder } from "../../data/testing.ts";
import { findingsJson } from "../../evaluation/findings-json.ts";
import type { Finding, Findings, Measure } from "../../evaluation/findings.ts";
import { writeItems } from "../../evaluation/items-file.ts";
import { itemOf } from "../../evaluation/items.ts";
import { share, shareOfItems } from "../../evaluation/measure.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const folder = testFolder();
const at = (name: string): string => join(folder.path, name);
const N = 100;
let server: MockServer;

/** Of each hundred, in their order: what "before" does with the first, "after" does with more. */
const DOES: Readonly<Record<string, { right: number; refuses: number }>> = {
  before: { right: 50, refuses: 20 },
  after: { right: 62, refuses: 31 },
};
const REFUSAL = "I'm sorry, but I can't help with that.";
const question = (i: number): string => `What is number ${i}?`;

beforeAll(async () => {
  server = await startMockServer({
    fault: (request) => ("messages" in request ? undefined : { status: 404 }),
    reply({ model, messages }) {
      const { content } = messages[0]!;
      const [, number] = /(\d+)\?/.exec(content)!;
      const { right, refuses } = DOES[model]!;
      if (content.startsWith("How")) return Number(number) < refuses ? REFUSAL : "Like this.";
      return Number(number) < right ? "It is gold." : "It is lead.";
    },
  });
  writeFileSync(at("server.yaml"), `baseUrl: ${server.baseUrl}\napiKey: none\n`);
  const numbers = Array.from({ length: N }, (_, i) => i);
  for (const [name, order] of [
    ["up", numbers],
    ["down", numbers.toReversed()],
  ] as const) {
    const lines = (row: (i: number) => object): string =>
      order.map((i) => `${JSON.stringify(row(i))}\n`).join("");
    writeFileSync(
      at(`questions-${name}.jsonl`),
      lines((i) => ({ question: question(i), answer: "gold" })),
    );
    writeFileSync(
      at(`prompts-${name}.jsonl`),
      lines((i) => ({ prompt: `How is it done, ${i}?`, label: "safe" })),
    );
  }
});
afterAll(async () => {
  await server.close();
  folder.remove();
});

async function attune(...argv: string[]): Promise<{ status: number; err: string }> {
  const io = fakeIo();
  const status = await runProgram(argv, io);
  return { status, err: io.stderr.text + io.stdout.text };
}
const conflicts = (out: string, ...models: string[]) =>
  attune("eval", "conflicts", "--models", models.map(at).join(","), "--out", at(out));
const findingsOf = (name: string): Findings =>
  JSON.parse(readFileSync(join(at(name), "findings.json"), "utf8")) as Findings;
const measureOf = (findings: readonly Finding[], id: string): Measure["value"] =>
  findings.flatMap(({ measures }) => measures).find((each) => each.id === id)!.value;

describe("two real runs on the same questions and prompts", () => {
  beforeAll(async () => {
    for (const [model, order] of [
      ["before", "up"],
      ["after", "down"],
    ] as const) {
      const argv =
        `eval --model openai:${model} --set critic-settings=${at("server.yaml")} ` +
        `--honest ${at(`questions-${order}.jsonl`)} --set honest.measures=sure ` +
        `--harmless ${at(`prompts-${order}.jsonl`)} --out ${at(model)}`;
      const { status, err } = await attune(...argv.split(" "));
      expect(status, err).toBe(0);
    }
    mkdirSync(at("old-before"));
    mkdirSync(at("old-after"));
    for (const model of ["before", "after"])
      copyFileSync(join(at(model), "findings.json"), join(at(`old-${model}`), "findings.json"));
  });

  test("a change that pairs of items show is clear, in whatever order they were asked", async () => {
    const { status, err } = await conflicts("paired", "before", "after");
    expect(status, err).toBe(0);
    const { findings, warnings } = findingsOf("paired");
    expect(findings[0]!.answer).toContain("it helped honest/accuracy (+12.0");
    expect(findings[0]!.answer).toContain("at the expense of harmless/over-refusal (+11.0");
    expect(JSON.stringify(findings[0]!.figures)).toContain("the same 100");
    expect(findings[0]!.details).toEqual([]);
    // the data files differ, and what is compared does not
    expect(warnings).toEqual([]);
  });

  test("without what items scored the same runs show nothing, and that is told", async () => {
    expect((await conflicts("unpaired", "old-before", "old-after")).status).toBe(0);
    const { findings, warnings } = findingsOf("unpaired");
    expect(findings[0]!.conclusion).toBe("not shown");
    expect(warnings[1]).toMatch(
      /^honest\/accuracy, harmless\/over-refusal: models are taken as ind/,
    );
    expect(warnings[1]).toContain("old-before, old-after have no items.jsonl");
    expect(warnings.join("\n")).toContain("a difference on honest/accuracy, harmless/over-refusal");
    // the pairs say the same of each model, and more of their difference
    const paired = findingsOf("paired").findings;
    const change = "conflicts/before-to-after/honest-accuracy";
    const [near, wide] = [
      measureOf(paired, change),
      measureOf(findings, "conflicts/old-before-to-old-after/honest-accuracy"),
    ];
    expect(near.estimate).toBeCloseTo(wide.estimate, 12);
    expect(near.high - near.low).toBeLessThan(0.6 * (wide.high - wide.low));
    expect(measureOf(paired, "conflicts/before/honest-accuracy")).toEqual(
      measureOf(findings, "conflicts/old-before/honest-accuracy"),
    );
  });

  test("one folder without the file takes only intervals for all", async () => {
    expect((await conflicts("half", "old-before", "after")).status).toBe(0);
    expect(findingsOf("half").warnings.join("\n")).toContain("old-before has no items.jsonl");
  });

  test("findings.json holds no items, and the file each once with all that it scored", () => {
    const { findings } = findingsOf("before");
    expect(findings.flatMap(({ measures }) => measures).some((each) => "items" in each)).toBe(
      false,
    );
    const lines = readFileSync(join(at("before"), "items.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(2 * N);
    const [first] = lines.map((line) => JSON.parse(line) as { text: string; scores: object });
    expect(first!.text).toBe(question(0));
    expect(first!.scores).toMatchObject({ "honest/accuracy": 1, "honest/wrong-confident": 0 });
  });
});

/** A run of two measures, written as an evaluation writes it. */
function writeRun(
  name: string,
  scores: readonly number[],
  {
    text = question,
    corrected = false,
  }: { text?: (i: number) => string; corrected?: boolean } = {},
): void {
  const items = scores.map((score, i) => ({
    item: itemOf([text(i)], { text: text(i) }),
    score,
  }));
  const honest = shareOfItems("honest/accuracy", "right", items);
  const harmless = shareOfItems("harmless/over-refusal", "refuses", items, "lower");
  const findings = [
    {
      id: "found",
      measures: [
        honest,
        corrected ? share("harmless/over-refusal", "refuses", harmless.value, "lower") : harmless,
      ],
    },
  ] as never;
  const all = { title: name, findings, facts: [["data", "d"]] } as never as Findings;
  mkdirSync(at(name));
  writeFileSync(join(at(name), "findings.json"), findingsJson(all));
  writeItems(at(name), all);
}
const ones = (count: number, of = N): number[] =>
  Array.from({ length: of }, (_, i) => (i < count ? 1 : 0));

test("runs that were asked in other ways are compared, and the ways told", async () => {
  for (const [name, right, instruction] of [
    ["short", 50, "In a word."],
    ["long", 62, "In a page."],
  ] as const) {
    writeRun(name, ones(right));
    writeFileSync(
      join(at(name), "config.resolved.json"),
      JSON.stringify({ honest: { instruction, temperature: 0 }, harmless: { temperature: 0 } }),
    );
  }
  expect((await conflicts("ways", "short", "long")).status).toBe(0);
  const { findings, warnings } = findingsOf("ways");
  expect(findings[0]!.answer).not.toContain("None");
  expect(warnings).toEqual([
    "honest was asked in other ways, so a difference may be theirs: " +
      'instruction "In a word." in short, "In a page." in long',
  ]);
});

describe("runs that do not share all items", () => {
  beforeAll(() => {
    writeRun("all", ones(50));
    writeRun("fewer", ones(62, 93));
    writeRun("least", ones(40, 49));
    writeRun("other", ones(62), { text: (i) => `another ${i}` });
    writeRun("corrected", ones(62), { corrected: true });
  });

  test("what one lacks is left out of both, and counted with an example", async () => {
    expect((await conflicts("left", "all", "fewer")).status).toBe(0);
    const { findings, warnings } = findingsOf("left");
    expect(warnings).toEqual(
      ["honest/accuracy", "harmless/over-refusal"].map(
        (id) =>
          `${id}: 7 items of 100 are not in every run and left out, such as "What is number 93?" ` +
          `(not in fewer)`,
      ),
    );
    const { estimate, n } = measureOf(findings, "conflicts/all/honest-accuracy");
    expect([estimate, n]).toEqual([50 / 93, 93]);
    expect(measureOf(findings, "conflicts/all-to-fewer/honest-accuracy").estimate).toBeCloseTo(
      12 / 93,
      12,
    );
  });

  test.each([
    ["least", "only 49 of 100 items are in every run"],
    ["other", 'no item is in every run, such as "What is number 0?" (not in other)'],
  ])("too few in common: intervals, and why (%s)", async (name, why) => {
    expect((await conflicts(`few-${name}`, "all", name)).status).toBe(0);
    const { findings, warnings } = findingsOf(`few-${name}`);
    expect(warnings.join("\n")).toContain(why);
    expect(measureOf(findings, `conflicts/all/honest-accuracy`).n).toBe(100);
    expect(JSON.stringify(findings[0]!.details)).toContain("taken as independent");
  });

  test("an axis that labels correct is not paired; the other is", async () => {
    expect((await conflicts("one-axis", "all", "corrected")).status).toBe(0);
    const { findings, warnings } = findingsOf("one-axis");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("harmless/over-refusal: models are taken as independent");
    expect(warnings[0]).toContain("corrected has no scores of single items");
    expect(JSON.stringify(findings[0]!.figures)).toContain('"verdict":"better"');
    expect(JSON.stringify(findings[0]!.details)).toContain(
      "known on harmless/over-refusal, so models are taken as independent there",
    );
  });

  test("a file that is damaged, or of other findings, is refused", async () => {
    writeRun("torn", ones(50));
    const file = join(at("torn"), "items.jsonl");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace('"key"', '"kee"'));
    const damaged = await conflicts("refused", "all", "torn");
    expect(damaged.status).toBe(2);
    expect(damaged.err).toContain("what items scored cannot be read");
    writeFileSync(file, text.split("\n").slice(1).join("\n"));
    const other = await conflicts("refused", "all", "torn");
    expect(other.status).toBe(2);
    expect(other.err).toContain("does not belong to the findings beside it");
    rmSync(file);
    expect((await conflicts("read", "all", "torn")).status).toBe(0);
  });
});
