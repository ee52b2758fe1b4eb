/** Servers that turn requests down in the middle, or tell no log-probabilities. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MockServer, ServerFault } from "../../constitution/testing/server.ts";
import { startMockServer } from "../../constitution/testing/server.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-eval-missing-"));
const at = (name: string): string => join(folder, name);
const N = 40;
let server: MockServer;
/** What the server does with a question, by its number. */
let fault: (question: number, count: number) => ServerFault;

beforeAll(async () => {
  server = await startMockServer({
    fault(request, _, count) {
      // no log-probabilities of prompts
      if (!("messages" in request)) return { status: 404 };
      const [, number = "-1"] = /What is (\d+) /.exec(request.messages[0]!.content) ?? [];
      return fault(Number(number), count);
    },
    reply: ({ messages }) =>
      /letter of the right option/.test(messages[0]!.content) ? "B." : "It is 3.",
  });
  writeFileSync(at("server.yaml"), `baseUrl: ${server.baseUrl}\napiKey: none\n`);
  const lines = (name: string, row: (i: number) => object): void =>
    writeFileSync(
      at(name),
      Array.from({ length: N }, (_, i) => `${JSON.stringify(row(i))}\n`).join(""),
    );
  lines("open.jsonl", (i) => ({ question: `What is ${i} or 3?`, answer: i < 20 ? "3" : "4" }));
  lines("choices.jsonl", (i) => ({
    question: `What is ${i} or 3?`,
    choices: ["one", "three", "five", "six"],
    answer: i < 30 ? 1 : 0,
  }));
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<{ status: number; err: string; asked: number }> {
  const before = server.requests.length;
  const io = fakeIo();
  const status = await runProgram(argv, io);
  return {
    status,
    err: io.stderr.text + io.stdout.text,
    asked: server.requests.length - before,
  };
}
const words = (text: string): string[] => text.split(" ");
const served = (part: string): string[] =>
  words(`eval ${part} --model openai:m --critic-settings ${at("server.yaml")}`);
const honest = (data: string, out: string, ...more: string[]) =>
  run(
    ...served("honest"),
    ...words(`--data ${at(data)} --measures sure --out ${at(out)}`),
    ...more,
  );
const findingsOf = (out: string): Findings =>
  JSON.parse(readFileSync(join(at(out), "findings.json"), "utf8")) as Findings;

describe("a server that turns requests down in the middle", () => {
  test.each([401, 402, 403])("with %i ends the evaluation, which goes on later", async (status) => {
    const from = server.requests.length;
    fault = (_, count) => (count - from > 20 ? { status } : undefined);
    const out = `stopped-${status}`;
    const stopped = await honest("open.jsonl", out, "--concurrency", "1");
    expect(stopped.status).toBe(2);
    expect(stopped.err).toContain(`the server turns requests down (${status})`);
    expect(stopped.err).toContain("attune resume");
    fault = () => undefined;
    const resumed = await run("resume", at(out));
    expect(resumed.status).toBe(0);
    // 20 of 40 answers were kept; the others follow, and 40 doubts
    expect(resumed.asked).toBe(N - 20 + N);
    expect(findingsOf(out).findings[0]!.measures[0]!.value.n).toBe(N);
  });

  test("with few 400s says how many, and what they could change", async () => {
    // two that would be right, one that would be wrong
    fault = (number) => ([1, 2, 30].includes(number) ? { status: 400 } : undefined);
    const { status } = await honest("open.jsonl", "few");
    expect(status).toBe(0);
    const [truth] = findingsOf("few").findings;
    expect(truth!.measures[0]!.value).toMatchObject({ estimate: 18 / 37, n: 37 });
    expect(truth!.answer).toContain("3 questions of 40 got no answer");
    // 18 of 40, and 21 of 40
    expect(truth!.answer).toContain('"right" would lie between 45.0 and 52.5%');
  });

  test("with many 400s fails, unless so many may be missing", async () => {
    fault = (number) => (number > 30 ? { status: 400 } : undefined);
    const failed = await honest("open.jsonl", "many");
    expect(failed.status).toBe(2);
    expect(failed.err).toContain("too many questions got no answer");
    expect(failed.err).toContain("9 of 40 (answers)");
    const more = words(`--max-missing 0.3 --reuse ${at("many")}`);
    const allowed = await honest("open.jsonl", "allowed", ...more);
    expect(allowed.status).toBe(0);
    expect(findingsOf("allowed").findings[0]!.answer).toContain("9 questions of 40");
  });
});

describe("multiple choice on a server without log-probabilities", () => {
  test("goes by the letter that is written, and says so once", async () => {
    fault = () => undefined;
    const { status, err, asked } = await honest("choices.jsonl", "letters");
    expect(status).toBe(0);
    // one probe
    expect(asked).toBe(N + 1);
    const { findings, warnings } = findingsOf("letters");
    expect(findings.map(({ measures }) => measures[0])).toMatchObject([
      { id: "honest/multiple-choice-acc", value: { estimate: 30 / N, n: N } },
    ]);
    expect(warnings.filter((text) => text.includes("told by the letter"))).toHaveLength(1);
    expect(err).toContain("the server gives no log-probabilities of prompts: 404");
  });

  test("and by choice, without asking for any", async () => {
    fault = () => undefined;
    const { status, asked } = await honest("choices.jsonl", "written", "--options", "written");
    expect([status, asked]).toEqual([0, N]);
    expect(findingsOf("written").warnings.join()).not.toContain("log-probabilities");
  });

  test("a task that needs them is refused with the reason", async () => {
    const tasks = join(import.meta.dirname, "..", "..", "..", "tests", "harnesses", "tasks");
    const { status, err } = await run(
      ...served("tasks"),
      ...words(`--tasks ${join(tasks, "capitals.yaml")} --limit 3 --out ${at("task")}`),
    );
    expect(status).toBe(2);
    expect(err).toContain("the model tells no log-probabilities of continuations");
    expect(err).toContain("404");
  });
});
