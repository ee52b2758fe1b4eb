/** `attune compare` on tiny models and on files, as somebody who has just cloned the repository would. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MockServer } from "../../src/constitution/testing/server.ts";
import { startMockServer } from "../../src/constitution/testing/server.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { attune, saveTinyModel } from "./support.ts";

let parent: string;
const start = process.cwd();
const at = (...path: string[]): string => join(parent, ...path);
const lines = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(at(name), lines(rows));
  return at(name);
};
const readFindings = (run: string): Page =>
  JSON.parse(readFileSync(at(run, "findings.json"), "utf8")) as Page;

interface Page {
  verdict: { conclusion: string; sentence: string };
  findings: { id: string; measures: { id: string; value: { estimate: number | null } }[] }[];
  warnings: string[];
  facts: [string, string][];
}

/** Prompts with answers of a better and a worse model. */
const PROMPTS = Array.from({ length: 40 }, (_, i) => `What is ${i} plus 1?`);
const right = PROMPTS.map((prompt, i) => ({
  prompt,
  completion: `It is ${i + 1}.`,
  solution: i + 1,
}));
const wrong = PROMPTS.map((prompt, i) => ({
  prompt,
  completion: `It is ${i % 4 === 0 ? i + 1 : i + 2}.`,
  solution: i + 1,
}));
const SHORT = ["--probes", "4", "--no-controls"];

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "attune-compare-"));
  process.chdir(parent);
  const files = worldTokenizer(PROMPTS);
  await saveTinyModel(at("old"), files);
  await saveTinyModel(at("new"), files, { hidden_size: 48, num_attention_heads: 3 });
  write(
    "prompts.jsonl",
    PROMPTS.slice(0, 12).map((prompt, i) => ({ prompt, solution: i + 1 })),
  );
  write("right.jsonl", right);
  write("wrong.jsonl", wrong);
  await attune("compare", "--judge", "--init");
});
afterAll(() => {
  process.chdir(start);
  rmSync(parent, { recursive: true, force: true });
});

describe("a new user", () => {
  test("gets from two models to a verdict with a judge of their own", async () => {
    expect(readFileSync("judge.ts", "utf8")).toContain("export function score");
    expect(await attune("compare", "--judge", "--init")).toMatchObject({ status: 2 });
    const { status, out, err } = await attune(
      "compare",
      "old",
      "new",
      "--data",
      "prompts.jsonl",
      "--judge",
      "./judge.ts",
      "--max-new-tokens",
      "6",
      "--template",
      "none",
      "--out",
      "runs/first",
    );
    expect([status, err]).toEqual([
      0,
      expect.stringContaining("judge judge.ts: a function that scores"),
    ]);
    expect(out).toMatch(/Verdict: [a-z ]+\n/);
    expect(out).not.toContain("NaN");
    const names = readdirSync(at("runs", "first"));
    for (const file of ["findings.json", "findings.html", "comparison.json", "answers", "run.json"])
      expect(names).toContain(file);
    expect(readdirSync(at("runs", "first", "answers"))).toEqual(["new.jsonl", "old.jsonl"]);
    // the answers are inputs again, and give the same verdict without a model
    const again = await attune(
      "compare",
      "runs/first/answers/old.jsonl",
      "runs/first/answers/new.jsonl",
      "--judge",
      "./judge.ts",
      "--out",
      "runs/again",
    );
    expect(again.status).toBe(0);
    expect(readFindings("runs/again").verdict).toEqual(readFindings("runs/first").verdict);
  });

  test("a dry run says what would happen, and writes nothing", async () => {
    const { status, out } = await attune(
      "compare",
      "old",
      "new",
      "--data",
      "prompts.jsonl",
      "--judge",
      "./judge.ts",
      "--dry-run",
      "--out",
      "runs/dry",
    );
    expect([status, out]).toEqual([0, expect.stringContaining("12 prompts to answer")]);
    expect(existsSync(at("runs", "dry"))).toBe(false);
  });

  test("mistakes cost a second and leave no folder", async () => {
    writeFileSync("broken.ts", "export const score = () => { throw new Error('no idea'); };\n");
    writeFileSync("text.ts", "export const score = () => 'good';\n");
    writeFileSync("empty.ts", "export const judge = 1;\n");
    for (const [judge, message] of [
      ["./broken.ts", /no idea/],
      ["./text.ts", /gives no number/],
      ["./empty.ts", /has no judge[\s\S]*exports judge/],
      ["./missing.ts", /no such judge/],
      ["scores", /hold no scores|no scores in a file/],
      ["votes", /there are no votes/],
      ["gold:x", /names no seed/],
    ] as const) {
      const { status, err } = await attune(
        "compare",
        "right.jsonl",
        "wrong.jsonl",
        "--judge",
        judge,
        "--out",
        "runs/wrong",
      );
      expect([judge, status, err]).toEqual([judge, 2, expect.stringMatching(message)]);
    }
    expect(await attune("compare", "right.jsonl", "--judge", "gold")).toMatchObject({
      status: 2,
      err: expect.stringContaining("needs two models"),
    });
    expect(
      await attune(
        "compare",
        "right.jsonl",
        "wrong.jsonl",
        "--judge",
        "./judge.ts",
        "--fail-on",
        "wors",
      ),
    ).toMatchObject({
      status: 2,
      err: expect.stringContaining("did you mean worse?"),
    });
    expect(existsSync(at("runs", "wrong"))).toBe(false);
  });
});

describe("files of answers", () => {
  test("a better model is found, and requirements decide the exit status", async () => {
    const run = (
      out: string,
      ...more: string[]
    ): Promise<{ status: number; out: string; err: string }> =>
      attune(
        "compare",
        "wrong.jsonl",
        "right.jsonl",
        "--judge",
        "./judge.ts",
        "--out",
        out,
        ...SHORT,
        ...more,
      );
    const found = await run(
      "runs/found",
      "--fail-under",
      "compare/right/win-rate=0.5",
      "--junit",
      "junit.xml",
    );
    expect(found.status).toBe(0);
    expect(readFindings("runs/found").verdict.conclusion).toBe("better");
    expect(readFileSync(at("junit.xml"), "utf8")).toContain("<testsuite ");
    const missed = await run("runs/missed", "--fail-under", "compare/right/win-rate=99%");
    expect([missed.status, missed.err]).toEqual([
      1,
      expect.stringContaining("does not reach 99.0%"),
    ]);
    expect((await run("runs/better", "--fail-on", "better")).status).toBe(1);
    const unknown = await run("runs/unknown", "--fail-under", "win-rate=0.5");
    expect([unknown.status, unknown.err]).toEqual([
      2,
      expect.stringContaining("did you mean compare/*/win-rate?"),
    ]);
    expect(existsSync(at("runs/unknown"))).toBe(false);
    // the same seed gives the same bytes
    const judged = (name: string): string => readFileSync(at(name, "comparison.json"), "utf8");
    expect(judged("runs/missed")).toBe(judged("runs/found"));
  });

  test("--json is one result", async () => {
    const { out } = await attune(
      "compare",
      "wrong.jsonl",
      "right.jsonl",
      "--judge",
      "./judge.ts",
      "--out",
      "runs/json",
      "--json",
      ...SHORT,
    );
    const results = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string })
      .filter(({ type }) => type === "result");
    expect(results).toEqual([
      expect.objectContaining({ verdict: expect.objectContaining({ conclusion: "better" }) }),
    ]);
  });

  test("a judge that compares sees both orders", async () => {
    writeFileSync(
      "pair.ts",
      [
        "interface Row { extra: { solution?: number } }",
        "export function compare(_: string, first: string, second: string, row: Row): number {",
        "  const right = (text: string) => Number(text.includes(` ${row.extra.solution}.`));",
        "  return 0.5 + (right(first) - right(second)) / 2;",
        "}",
      ].join("\n"),
    );
    const { status } = await attune(
      "compare",
      "wrong.jsonl",
      "right.jsonl",
      "--judge",
      "./pair.ts",
      "--judge",
      "./judge.ts",
      "--out",
      "runs/pair",
      ...SHORT,
    );
    expect(status).toBe(0);
    expect(readFindings("runs/pair").verdict.conclusion).toBe("better");
  });

  test.each([
    ["one prompt", (rows: typeof right) => rows.slice(0, 1)],
    ["all ties", () => right],
    ["duplicates", (rows: typeof right) => [...rows, ...rows]],
    [
      "missing and empty answers",
      (rows: typeof right) =>
        rows.map((row, i) => (i % 3 === 0 ? { ...row, completion: i % 2 === 0 ? "" : null } : row)),
    ],
    [
      "other prompts beside the same",
      (rows: typeof right) => [...rows.slice(5), { prompt: "Else?", completion: "x", solution: 1 }],
    ],
  ])("%s: a clear statement, and never NaN", async (name, change) => {
    write("changed.jsonl", change(wrong as typeof right) as object[]);
    const folder = `runs/${name.replaceAll(" ", "-")}`;
    const { status, out } = await attune(
      "compare",
      "changed.jsonl",
      "right.jsonl",
      "--judge",
      "./judge.ts",
      "--out",
      folder,
      ...SHORT,
    );
    expect(status).toBe(0);
    for (const text of [
      out,
      readFileSync(at(folder, "findings.json"), "utf8"),
      readFileSync(at(folder, "findings.html"), "utf8"),
    ])
      expect(text).not.toMatch(/NaN|undefined/);
    expect(readFindings(folder).verdict.sentence).not.toBe("");
  });

  test("nothing in common is refused", async () => {
    write("else.jsonl", [{ prompt: "Else?", completion: "x" }]);
    const { status, err } = await attune(
      "compare",
      "else.jsonl",
      "right.jsonl",
      "--judge",
      "./judge.ts",
      "--out",
      "runs/else",
    );
    expect([status, err]).toEqual([2, expect.stringContaining("prompt")]);
  });

  test("scores of the files judge, and so do votes", async () => {
    const scored = (
      rows: readonly { prompt: string; completion: string; solution: number }[],
    ): object[] =>
      rows.map(({ prompt, completion, solution }) => ({
        prompt,
        completion,
        acc: completion === `It is ${solution}.` ? 1 : 0,
      }));
    write("scored-old.jsonl", scored(wrong));
    write("scored-new.jsonl", scored(right));
    const { status, err } = await attune(
      "compare",
      "scored-old.jsonl",
      "scored-new.jsonl",
      "--judge",
      "scores",
      "--out",
      "runs/scores",
      ...SHORT,
    );
    expect([status, err]).toEqual([0, expect.stringContaining("judge scores: the column acc")]);
    expect(readFindings("runs/scores").verdict.conclusion).toBe("better");
    write("votes.json", []);
    writeFileSync(
      at("votes.json"),
      JSON.stringify(
        PROMPTS.map((instruction, i) => ({
          instruction,
          output_1: right[i]!.completion,
          generator_1: "new",
          output_2: wrong[i]!.completion,
          generator_2: "old",
          preference: i % 4 === 0 ? 1.5 : 1,
        })),
      ),
    );
    const voted = await attune(
      "compare",
      "votes.json",
      "--judge",
      "votes",
      "--names",
      "new,old",
      "--out",
      "runs/votes",
    );
    expect([voted.status, voted.err]).toEqual([0, expect.stringContaining("40 votes")]);
    const [pair] = (
      JSON.parse(readFileSync(at("runs/votes", "comparison.json"), "utf8")) as {
        judges: { pairs: { candidate: string; verdict: { conclusion: string } }[] }[];
      }
    ).judges[0]!.pairs;
    expect([pair!.candidate, pair!.verdict.conclusion]).toEqual(["old", "worse"]);
  });
});

describe("nothing is ignored", () => {
  test.each([
    ["--prompts", "5", "where a model answers"],
    ["--data", "prompts.jsonl", "where a model answers"],
    ["--max-new-tokens", "9", "where a model answers"],
    ["--rubric", "be kind", "with a judge that is a model"],
    ["--context-length", "99", "where a model answers or judges"],
    ["--on-bad", "drop", "with --data that names a data set"],
  ])("%s %s has no effect between files with a function", async (option, value, why) => {
    const files = ["wrong.jsonl", "right.jsonl", "--judge", "./judge.ts"];
    const { status, err } = await attune("compare", ...files, option, value);
    expect(status).toBe(2);
    expect(err).toContain(`${option} has no effect here`);
    expect(err).toContain(`only used ${why}`);
  });

  test("prompts that a model did not answer stand in the verdict", async () => {
    write("long.jsonl", [
      ...PROMPTS.slice(0, 9).map((prompt) => ({ prompt })),
      { prompt: `What is ${"1 plus ".repeat(400)} 1?` },
    ]);
    const { status, out } = await attune(
      ..."compare old new --data long.jsonl --judge ./judge.ts --json".split(" "),
      ..."--max-new-tokens 4 --context-length 64 --template none".split(" "),
      ...SHORT,
    );
    expect(status).toBe(0);
    const { verdict } = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { verdict?: { sentence: string } })
      .find((line) => line.verdict) as { verdict: { sentence: string } };
    expect(verdict.sentence).toContain("old gave no answer to 1 prompt of 10, which are left out");
    expect(verdict.sentence).toContain("new gave no answer to 1 prompt of 10");
  });
});

describe("servers", () => {
  let server: MockServer | undefined;
  afterAll(() => server?.close());

  test("a judge that fails in the middle loses nothing and is asked nothing twice", async () => {
    let broken = true;
    server = await startMockServer({
      logprobs: ({ messages }) => {
        const last = messages.at(-1)!.content;
        return last.indexOf("It is 7.") < last.indexOf("It is 8.")
          ? { A: -0.1, B: -2.4 }
          : { A: -0.7, B: -0.7 };
      },
      fault: (_request, _attempt, count) => (broken && count > 25 ? { status: 503 } : undefined),
    });
    writeFileSync("server.yaml", `baseUrl: ${server.baseUrl}\napiKey: none\n`);
    const options = [
      "--judge",
      "openai:judge",
      "--critic-settings",
      "server.yaml",
      "--retries",
      "0",
      "--rubric",
      "The right sum is better.",
      "--concurrency",
      "2",
      ...SHORT,
      "--probes",
      "0",
    ];
    const failed = await attune(
      "compare",
      "wrong.jsonl",
      "right.jsonl",
      ...options,
      "--out",
      "runs/served",
    );
    expect([failed.status, failed.err]).toEqual([2, expect.stringMatching(/503|resume/)]);
    const before = server.answered.size;
    expect(before).toBeGreaterThan(10);
    broken = false;
    const resumed = await attune("resume", "runs/served");
    expect([resumed.status, resumed.err]).toEqual([0, expect.any(String)]);
    expect([...server.answered.values()].every((times) => times === 1)).toBe(true);
    expect(server.answered.size).toBeGreaterThan(before);
    const dry = await attune(
      "compare",
      "wrong.jsonl",
      "right.jsonl",
      ...options,
      "--price-input",
      "1",
      "--price-output",
      "2",
      "--dry-run",
    );
    expect([dry.status, dry.out]).toEqual([
      0,
      expect.stringMatching(/requests.*in your currency/s),
    ]);
  });

  test("a model behind a server is compared like any other", async () => {
    const answering = await startMockServer({
      reply: ({ messages }) => `It is ${Number(/\d+/.exec(messages.at(-1)!.content)![0]) + 1}.`,
    });
    writeFileSync("model.yaml", `baseUrl: ${answering.baseUrl}\napiKey: none\n`);
    const { status } = await attune(
      "compare",
      "wrong.jsonl",
      "openai:good",
      "--critic-settings",
      "model.yaml",
      "--judge",
      "./judge.ts",
      "--out",
      "runs/openai",
      ...SHORT,
    );
    await answering.close();
    expect(status).toBe(0);
    expect(readFindings("runs/openai").verdict.conclusion).toBe("better");
    expect(answering.answered.size).toBe(40);
  });
});

test("a judge that fails is mended, and what it judged stands", async () => {
  writeFileSync(
    "moody.ts",
    `import { appendFileSync, existsSync } from "node:fs";
let calls = 0;
export function score({ completion }: { completion: string }): number {
  if (calls++ > 40 && !existsSync("go-on")) throw new Error("not yet");
  appendFileSync("asked", "x");
  return -completion.length;
}
`,
  );
  const options = ["--judge", "moody.ts", "--out", "runs/moody", ...SHORT];
  const failed = await attune("compare", "wrong.jsonl", "right.jsonl", ...options);
  expect([failed.status, failed.err]).toEqual([2, expect.stringContaining("not yet")]);
  expect(failed.err).toContain("--reuse");
  const source = readFileSync("moody.ts", "utf8");
  writeFileSync("moody.ts", source.replace("-completion", "completion"));
  expect(await attune("resume", "runs/moody")).toMatchObject({
    status: 2,
    err: expect.stringContaining("begin a new run"),
  });
  writeFileSync("moody.ts", source);
  writeFileSync("go-on", "");
  expect(await attune("resume", "runs/moody")).toMatchObject({ status: 0 });
  expect(readFindings("runs/moody").verdict.sentence).not.toBe("");
  const kept = readFileSync(at("runs", "moody", "answers.jsonl"), "utf8")
    .trim()
    .split("\n");
  const keys = kept.map((line) => (JSON.parse(line) as { key: string }).key);
  expect(new Set(keys).size).toBe(keys.length);
  // a batch that failed is asked whole again, and the trial comes with each start
  expect(readFileSync("asked", "utf8").length).toBeLessThanOrEqual(keys.length + 32 + 3);
});
