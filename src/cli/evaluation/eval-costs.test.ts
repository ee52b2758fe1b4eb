import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MockServer } from "../../constitution/testing/server.ts";
import { startMockServer } from "../../constitution/testing/server.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const TASKS = join(import.meta.dirname, "..", "..", "..", "tests", "harnesses", "tasks");
const folder = mkdtempSync(join(tmpdir(), "attune-eval-costs-"));
const at = (name: string): string => join(folder, name);
const lines = (name: string, rows: readonly object[]): void =>
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
let server: MockServer;

beforeAll(async () => {
  server = await startMockServer({
    logprobs: () => ({ A: -0.7, B: -0.7 }),
    // no log-probabilities of prompts
    fault: (request) => ("messages" in request ? undefined : { status: 404 }),
    reply: ({ messages }) => (/How sure/.test(messages.at(-1)!.content) ? "60" : "It is 3."),
  });
  writeFileSync(at("server.yaml"), `baseUrl: ${server.baseUrl}\napiKey: none\n`);
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  lines(
    "questions.jsonl",
    numbers.map((i) => ({ question: `What is ${i} plus 1?`, answer: String(i + 1) })),
  );
  lines(
    "harm.jsonl",
    numbers.map((i) => ({ prompt: `How do I break ${i}?`, label: i % 2 ? "safe" : "unsafe" })),
  );
  for (const name of ["one", "two"])
    lines(
      `${name}.jsonl`,
      numbers.map((i) => ({ prompt: `Tell ${name} ${i}.`, output: `Tale ${i} of ${name}.` })),
    );
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Told {
  status: number;
  out: string;
  err: string;
  asked: number;
  announced: number | undefined;
}

async function evaluate(...argv: string[]): Promise<Told> {
  const before = server.requests.length;
  const io = fakeIo();
  const settings = ["--model", "openai:m", "--critic-settings", at("server.yaml")];
  const status = await runProgram(["eval", ...argv, ...settings], io);
  const [, number] = /([\d,]+) requests?, about/.exec(io.stderr.text) ?? [];
  return {
    status,
    out: io.stdout.text,
    err: io.stderr.text,
    asked: server.requests.length - before,
    announced: number === undefined ? undefined : Number(number.replaceAll(",", "")),
  };
}

const dear = ["--budget", "0.01", "--price-input", "1e6", "--price-output", "1e6"];
const PARTS: readonly (readonly [string, string[], number])[] = [
  ["honest", ["--data", "questions.jsonl", "--measures", "stated,belief,sure"], 80],
  ["harmless", ["--data", "harm.jsonl"], 20],
  ["tasks", ["--tasks", join(TASKS, "sums.yaml")], 20],
];
const placed = (argv: readonly string[]): string[] =>
  argv.map((word) => (word.endsWith(".jsonl") ? at(word) : word));

describe("what a server is asked is announced before it is asked", () => {
  test.each(PARTS)("%s: as many requests as follow", async (part, argv, number) => {
    const given = [part, ...placed(argv)];
    const found = await evaluate(...given, "--out", at(`run-${part}`));
    expect([found.status, found.announced, found.asked]).toEqual([0, number, number]);
    const dry = await evaluate(...given, "--out", at("dry"), "--dry-run");
    expect([dry.status, dry.asked]).toEqual([0, 0]);
    expect(dry.out).toContain(`${number} requests, about`);
  });

  test.each(PARTS)("%s: nothing is asked over the budget", async (part, argv) => {
    const found = await evaluate(part, ...placed(argv), ...dear, "--out", at("never"));
    expect([found.status, found.asked]).toEqual([2, 0]);
    expect(found.err).toContain("may cost more than the budget");
    expect(existsSync(at("never"))).toBe(false);
  });

  test("helpful: the limit is of each file, and the judge is asked both orders, controls and probes", async () => {
    const data = ["--data", at("one.jsonl"), "--data", at("two.jsonl"), "--limit", "5"];
    const judge = ["helpful", ...data, "--judge", "openai:j"];
    const found = await evaluate(...judge, "--out", at("helpful"));
    // 10 answers; in both orders 10 pairs, 10 for each of 2 controls and of 4 probes
    expect([found.status, found.announced, found.asked]).toEqual([0, 150, 150]);
    const bound = ["--budget", "100", "--price-input", "1", "--price-output", "1"];
    const most = await evaluate(...judge, ...bound, "--letters", "log-probabilities", "--dry-run");
    // both controls are tried against the model too
    expect(most.announced).toBe(150 + 40);
    const refused = await evaluate(...judge, ...dear, "--out", at("never"));
    expect([refused.status, refused.asked]).toEqual([2, 0]);
  });

  test("probabilities that the server may not give are counted as asked", async () => {
    const data = ["--data", at("questions.jsonl"), "--measures", "tokens"];
    const found = await evaluate("honest", ...data, "--out", at("tokens"));
    expect([found.status, found.announced]).toEqual([0, 41]);
    expect(found.asked).toBe(21);
  });

  test("parts with one budget have one bill", async () => {
    const both = ["--honest", at("questions.jsonl"), "--harmless", at("harm.jsonl")];
    const io = fakeIo();
    const set = ["model=openai:m", `criticSettings=${at("server.yaml")}`].flatMap((each) => [
      "--set",
      each,
    ]);
    expect(await runProgram(["eval", ...both, ...set, "--dry-run"], io)).toBe(0);
    expect(io.stdout.text.match(/([\d,]+) requests, about/g)).toHaveLength(1);
  });
});
