import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { jsonLines, testFolder } from "../../data/testing.ts";
import { FORMAT_NAMES } from "../../data/formats/names.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const source = folder.write(
  "pairs.jsonl",
  jsonLines(
    { prompt: "a", chosen: "b", rejected: "c", p: 0.9 },
    { prompt: "d", chosen: "e", rejected: "f", p: 1 },
  ),
);

async function attune(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo();
  const status = await runProgram(argv, io);
  const clean = (text: string): string =>
    text.replaceAll(`${folder.path}/`, "").replaceAll(/(\.\.\/)+\S*?pairs\.jsonl/g, "pairs.jsonl");
  return { status, out: clean(io.stdout.text), err: clean(io.stderr.text) };
}

test("inspect answers with a table, or with one JSON line", async () => {
  const { status, out } = await attune("data", "inspect", source, "--examples", "1");
  expect(status).toBe(0);
  expect(out).toMatch(/^pairs\.jsonl\n {2}format {3}attune\n {2}rows {5}2\n/);
  expect(out).toMatch(/pairs\.jsonl:1 \(preference\)\n {2}prompt: a\n/);
  const json = await attune("--json", "data", "inspect", source, "--examples", "0");
  expect(JSON.parse(json.out)).toMatchObject({
    type: "result",
    format: "attune",
    records: 2,
    preferences: { pairs: 2, probabilities: 1 },
    examples: [],
  });
});

test("convert writes the file and says what is lost", async () => {
  const { status, out } = await attune(
    "data",
    "convert",
    source,
    "--to",
    "trl",
    "--out",
    at("out.jsonl"),
  );
  expect([status, out]).toEqual([
    0,
    "2 rows of attune -> 2 rows of trl in out.jsonl\n  lost: p of 1 record, which trl does not " +
      "hold\n",
  ]);
  expect(readFileSync(at("out.jsonl"), "utf8")).toBe(
    jsonLines(
      { prompt: "a", chosen: "b", rejected: "c" },
      { prompt: "d", chosen: "e", rejected: "f" },
    ),
  );
});

test("one's own columns, several data sets by weights, and a limit", async () => {
  const own = folder.write(
    "own.jsonl",
    jsonLines(
      { q: "a", good: "b", bad: "c" },
      { q: "d", good: "e", bad: "f" },
      { q: "g", good: "h", bad: "i" },
    ),
  );
  const { status } = await attune(
    "data",
    "convert",
    own,
    own,
    "--to",
    "trl",
    "--out",
    at("mixed.jsonl"),
    "--columns",
    "prompt=q,chosen=good",
    "rejected=bad",
    "--limit",
    "2",
    "--data-weights",
    "1,2",
  );
  expect(status).toBe(0);
  expect(
    readFileSync(at("mixed.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { prompt: string }).prompt),
  ).toEqual(["a", "d", "a", "a", "d", "d"]);
  const other = await attune(
    "--json",
    "data",
    "inspect",
    own,
    source,
    "--columns",
    "prompt=q,chosen=good,rejected=bad",
    "--limit",
    "1",
  );
  expect(JSON.parse(other.out)).toMatchObject({
    records: 2,
    warnings: ["q: prompt", "good: chosen", "bad: rejected"].map(
      (names) =>
        expect.stringContaining(
          `pairs.jsonl has no column ${names} is read as it stands`,
        ) as unknown,
    ),
  });
  const inspected = await attune(
    "--json",
    "data",
    "inspect",
    own,
    own,
    "--columns",
    "prompt=q,chosen=good,rejected=bad",
    "--limit",
    "1",
  );
  expect(JSON.parse(inspected.out)).toMatchObject({
    records: 2,
    rows: 2,
    duplicates: { records: 1 },
  });
});

test.each([
  [["inspect", source, "--data-weights", "0"], "numbers above 0 are needed"],
  [["inspect", source, source, "--data-weights", "1"], "--data-weights: 1 weights for 2 data sets"],
  [["inspect", at("none.jsonl")], "error: none.jsonl: there is no such file or folder\n"],
  [
    ["convert", source, "--to", "trll", "--out", at("x.jsonl")],
    "error: there is no data format named trll\n",
  ],
  [
    ["convert", source, "--to", "trl", "--out", at("x.jsonl"), "--kind", "pairs"],
    "error: there is no choice pairs\n  expected: preference, demonstration, ",
  ],
  [
    ["inspect", source, "--on-bad", "keep"],
    "error: there is no choice keep\n  expected: few, error, drop",
  ],
  [
    [
      "convert",
      folder.write("bad.jsonl", '{"prompt": "a", "chosen": "b", "rejected": "b"}\n'),
      "--to",
      "trl",
      "--out",
      at("x.jsonl"),
    ],
    "error: bad.jsonl:1: chosen and rejected are identical\n",
  ],
])("what the user can mend ends with 2: %#", async (argv, message) => {
  const { status, err } = await attune("data", ...argv);
  expect(status).toBe(2);
  expect(err).toContain(message);
  expect(existsSync(at("x.jsonl"))).toBe(false);
});

test("help names every format, and of those that can be written the losses", async () => {
  const { out } = await attune("data", "convert", "--help");
  for (const name of FORMAT_NAMES) expect(out.replaceAll(/\s+/g, "")).toContain(name);
  for (const name of [
    "trl",
    "attune",
    "openai-preference",
    "sharegpt",
    "alpaca",
    "arena-140k",
    "anthropic-hh",
  ])
    expect(out).toContain(`\n  ${name} `);
  expect(out).toMatch(/\n {2}attune +holds: [^:]*loses: nothing\n/);
});
