/** `attune dpo`, `reward`, `kto` and `sft` from file to result, as a user calls them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readHeldOut } from "../../src/training/offline/held-out.ts";
import { madePairs } from "../../src/training/testing.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { attune, saveTinyModel } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-preference-"));
const path = (name: string): string => join(parent, name);
const pairs = madePairs(40);
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path(name);
};

let model: string;
let data: string;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  model = await saveTinyModel(
    path("model"),
    worldTokenizer(
      pairs.flatMap(({ prompt, chosen, rejected }) => [prompt, chosen, rejected] as string[]),
    ),
  );
  data = write(
    "pairs.jsonl",
    pairs.map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
  );
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const common = (out: string): string[] => [
  "--model",
  model,
  "--out",
  path(out),
  "--held-out",
  "10",
  "--batch-size",
  "10",
  "--learning-rate",
  "0.01",
];

interface Result {
  type: string;
  heldOut: number;
  longestWins: { estimate: number; low: number; high: number };
  shortestWins: { estimate: number; low: number; high: number };
}

/** Share of held-out pairs that the better-by-`value` rule gets right; a tie is half. */
const shareRight = (values: readonly number[]): number =>
  values.reduce((total, value) => total + (value > 0 ? 1 : value === 0 ? 0.5 : 0), 0) /
  values.length;

describe.each([
  ["dpo", "rewards/accuracies"],
  ["reward", "accuracy"],
] as const)("attune %s", (command, accuracy) => {
  test("ends with accuracy on held-out pairs and its interval, beside longest wins and shortest wins", async () => {
    const { status, out, err } = await attune(command, "--data", data, ...common(command));
    expect([status, err.split("\n").filter((line) => line.startsWith("error"))]).toEqual([0, []]);
    expect(out).toMatch(/^10 held-out pairs\n/);
    for (const row of [`right order (${accuracy})`, "longest wins", "shortest wins"])
      expect(out).toMatch(
        new RegExp(
          `^${row.replace(/[()/]/g, "\\$&")} +\\d+\\.\\d% \\[\\d+\\.\\d, \\d+\\.\\d\\]`,
          "m",
        ),
      );
  });

  test("says the same in JSON, and it is what the kept pairs say", async () => {
    const { out } = await attune(command, "--json", "--data", data, ...common(`${command}-json`));
    const result = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result)
      .find(({ type }) => type === "result")! as Result &
      Record<string, { estimate: number; low: number; high: number }>;
    const rows = readHeldOut(join(path(`${command}-json`), "model"));
    expect(rows).toHaveLength(10);
    expect(result.heldOut).toBe(10);
    expect(result[accuracy]!.estimate).toBeCloseTo(
      shareRight(rows.map(({ chosen, rejected }) => chosen - rejected)),
      10,
    );
    expect(result.longestWins.estimate).toBeCloseTo(
      shareRight(rows.map(({ chosenLength, rejectedLength }) => chosenLength - rejectedLength)),
      10,
    );
    expect(result.shortestWins.estimate).toBeCloseTo(1 - result.longestWins.estimate, 10);
    for (const { estimate, low, high } of [result[accuracy]!, result.longestWins]) {
      expect(low).toBeLessThan(estimate + 1e-9);
      expect(high).toBeGreaterThan(estimate - 1e-9);
    }
  });
});

test("attune dpo computes the reference once for all its runs, and not again where the cache is on", async () => {
  expect(existsSync(path("cache/reference"))).toBe(true);
  const { err } = await attune("dpo", "--data", data, ...common("dpo-again"), "--beta", "0.3");
  expect(err).not.toMatch(/^reference/m);
  const { err: without } = await attune(
    "dpo",
    "--data",
    data,
    ...common("dpo-off"),
    "--no-reference-cache",
  );
  expect(without).toMatch(/^reference.* 40 rows/m);
});

describe("attune kto", () => {
  test("learns from pairs and from judged answers, and makes a usable model", async () => {
    const judged = write(
      "judged.jsonl",
      pairs.flatMap(({ prompt, chosen, rejected }) => [
        { prompt, completion: chosen, label: true },
        { prompt, completion: rejected, label: false },
      ]),
    );
    for (const [name, source] of [
      ["kto-pairs", data],
      ["kto-judged", judged],
    ] as const) {
      const { status, err } = await attune("kto", "--data", source, ...common(name));
      expect([status, err.split("\n").filter((line) => line.startsWith("error"))]).toEqual([0, []]);
      const first = JSON.parse(
        readFileSync(join(path(name), "metrics.jsonl"), "utf8").split("\n")[0]!,
      ) as Record<string, number>;
      expect(first["loss"]).toBeCloseTo(0.5, 4);
    }
    const { status, out } = await attune(
      "generate",
      "--model",
      path("kto-pairs"),
      "--max-new-tokens",
      "4",
      "abc",
    );
    expect(status).toBe(0);
    expect(out.length).toBeGreaterThan(0);
  });

  test("a batch of one and an unknown option are usage errors, and nothing is written", async () => {
    for (const [options, words] of [
      [["--batch-size", "1"], "another row's answer"],
      [["--set", "desirableWieght=2"], "desirableWeight"],
    ] as const) {
      const { status, err } = await attune(
        "kto",
        "--model",
        model,
        "--data",
        data,
        "--out",
        path("bad"),
        ...options,
      );
      expect(status).toBe(2);
      expect(err).toContain(words);
      expect(existsSync(path("bad"))).toBe(false);
    }
  });
});

describe("labels that are probabilities", () => {
  const soft = (): string =>
    write(
      "soft.jsonl",
      pairs.map(({ prompt, chosen, rejected }, i) => ({
        prompt,
        chosen: i === 2 ? rejected : chosen,
        rejected: i === 2 ? chosen : rejected,
        p: [0.5, 0.75, 0.1][i] ?? 1,
      })),
    );
  const told = async (command: string, ...more: string[]): Promise<string> => {
    const given = ["--model", model, "--data", soft(), "--dry-run", ...more];
    const { status, err } = await attune(command, ...given);
    expect(status).toBe(0);
    return err;
  };

  test("attune dpo tells which rows are turned over, left out and read as certain", async () => {
    const err = await told("dpo", "--loss", "ipo");
    expect(err).toMatch(/1 of 40 pairs have a p below 0\.5.*soft\.jsonl:3, p 0\.1/);
    expect(err).toMatch(/1 of 40 pairs are ties.*ipo learns nothing.*soft\.jsonl:1/);
    expect(err).toMatch(
      /2 of 40 pairs have a p between 0 and 1, which ipo.*soft\.jsonl:2, p 0\.75/,
    );
    const sigmoid = await told("dpo");
    expect(sigmoid).toContain("p below 0.5");
    expect(sigmoid).not.toMatch(/ties|between 0 and 1/);
  });

  test.each([
    ["kto", "KTO"],
    ["sft", "learning from demonstrations"],
  ])("attune %s tells what answers alone do not keep", async (command, reader) => {
    const err = await told(command);
    expect(err).toContain(`1 of 40 pairs are ties (p 0.5), from which ${reader} learns nothing`);
    expect(err).toContain(`2 of 40 pairs have a p between 0 and 1, which ${reader} does not read`);
  });
});

test("attune sft refuses a mixture of kinds, naming the row, and writes nothing", async () => {
  const mixed = write("mixed.jsonl", [
    { prompt: "a", completion: "b" },
    { prompt: "c", completion: "d" },
    {
      messages: [
        { role: "user", content: "e" },
        { role: "assistant", content: "f" },
      ],
    },
  ]);
  const { status, err } = await attune("sft", "--data", mixed, ...common("mixed"));
  expect(status).toBe(2);
  expect(err).toMatch(/mixed\.jsonl.*3/);
  expect(existsSync(path("mixed"))).toBe(false);
});

test("attune reward takes several ranked answers to a prompt", async () => {
  const ranked = write(
    "ranked.jsonl",
    pairs.map(({ prompt, chosen, rejected }) => ({
      prompt,
      completions: [
        { completion: chosen, score: 5 },
        { completion: rejected, score: 1 },
        { completion: `${chosen as string}x`, score: 3 },
      ],
    })),
  );
  const { status, out, err } = await attune("reward", "--data", ranked, ...common("ranked"));
  expect([status, err.split("\n").filter((line) => line.startsWith("error"))]).toEqual([0, []]);
  expect(out).toMatch(/^\d+ held-out pairs\n/);
});
