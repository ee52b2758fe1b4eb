/**
 * `attune online-dpo --judge`, as a user calls it: a local critic and one behind a server; resumed
 * to the same bytes, nothing asked twice.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { fakeIo } from "../../src/cli/testing.ts";
import type { MockServer } from "../../src/constitution/testing/server.ts";
import { startMockServer } from "../../src/constitution/testing/server.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { attune, saveTinyModel, snapshot } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-judge-"));
const path = (...names: string[]): string => join(parent, ...names);
const KEY = "sk-secret-0123456789";
let server: MockServer | undefined;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  vi.stubEnv("OPENAI_API_KEY", KEY);
  await saveTinyModel(path("model"), byteTokenizer().files as never, {
    max_position_embeddings: 2048,
  });
  writeFileSync(
    path("prompts.jsonl"),
    ["one", "two", "three", "four"].map((prompt) => `${JSON.stringify({ prompt })}\n`).join(""),
  );
  writeFileSync(
    path("constitution.yaml"),
    "name: small\nprinciples:\n  - {id: kind, comparison: Which is kinder?}\n  - {id: calm, " +
      "comparison: Which is calmer?}\n",
  );
  writeFileSync(path("reward.mjs"), "export default ({ completion }) => completion.length;\n");
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const online = (out: string, judge: string, ...more: string[]): string[] => [
  "online-dpo",
  "--model",
  path("model"),
  "--data",
  path("prompts.jsonl"),
  "--judge",
  judge,
  "--constitution",
  path("constitution.yaml"),
  "--out",
  path(out),
  "--batch-size",
  "4",
  "--max-steps",
  "4",
  "--epochs",
  "9",
  "--max-new-tokens",
  "8",
  "--max-length",
  "64",
  "--checkpoint-steps",
  "1",
  "--sample-steps",
  "0",
  "--learning-rate",
  "1e-2",
  ...more,
];
const lines = (...names: string[]): Record<string, unknown>[] =>
  readFileSync(path(...names), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const compared = (run: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(snapshot(path(run))).filter(
      ([name]) => !["events.jsonl", "timing.jsonl", "run.json", "lock"].includes(name),
    ),
  );

/** Stops the command when a file of its run has so many lines. */
async function stopped(
  argv: readonly string[],
  run: string,
  file: string,
  count: number,
): Promise<string> {
  const io = fakeIo();
  const timer = setInterval(() => {
    const name = path(run, file);
    if (!existsSync(name) || readFileSync(name, "utf8").split("\n").length <= count) return;
    clearInterval(timer);
    io.signals.emit("SIGINT");
  }, 2);
  expect(await runProgram(argv, io)).toBe(1);
  clearInterval(timer);
  return io.stderr.text;
}

describe("a local critic", () => {
  test(
    "judges every pair in both orders, and a stopped run goes on to the same bytes",
    { tags: ["dear"] },
    async () => {
      const whole = await attune(...online("whole", path("model"), "--principles", "2"));
      expect([whole.status, whole.err]).toEqual([
        0,
        expect.stringMatching(/the judge has the same base\n[^]*answers, \d+ found again/),
      ]);
      const metrics = lines("whole", "metrics.jsonl");
      expect(metrics).toHaveLength(4);
      expect(metrics[0]).toMatchObject({ "objective/scores_margin": expect.any(Number) as number });
      expect(metrics[0]).not.toHaveProperty("objective/scores");
      // two principles, two orders, at most two pairs a step
      expect(lines("whole", "answers.jsonl").length).toBeGreaterThan(8);
      expect(lines("whole", "answers.jsonl").length).toBeLessThanOrEqual(32);
      expect(readFileSync(path("whole", "constitution.yaml"), "utf8")).toContain("name: small");
      // within a roll-out's questions, and between two steps
      for (const [name, file, count] of [
        ["asking", "answers.jsonl", 3],
        ["between", "metrics.jsonl", 2],
      ] as const) {
        await stopped(online(name, path("model"), "--principles", "2"), name, file, count);
        const resumed = await attune("resume", path(name));
        expect([name, resumed.status]).toEqual([name, 0]);
        expect(compared(name)).toEqual(compared("whole"));
      }
    },
  );

  test("that reasons clamps its labels; a dry run says what it would ask, and writes nothing", async () => {
    const dry = await attune(...online("dry", path("model"), "--reasoning", "--dry-run"));
    // 4 steps of 2 pairs in two orders, thoughts and a letter
    expect([dry.status, dry.err, dry.out]).toEqual([
      0,
      expect.stringMatching(/\b32 requests, about/),
      expect.stringMatching(/thoughts.maxNewTokens +256/),
    ]);
    expect(existsSync(path("dry"))).toBe(false);
    expect(
      (
        await attune(
          ...online(
            "thinking",
            path("model"),
            "--reasoning",
            "--thoughts-max-new-tokens",
            "4",
            "--max-steps",
            "1",
          ),
        )
      ).status,
    ).toBe(0);
    expect(lines("thinking", "metrics.jsonl")[0]!["objective/scores_margin"]).toBeLessThanOrEqual(
      0.2,
    );
  });

  test("without room for the pairs ends the run with the reason", async () => {
    const { status, err } = await attune(
      ...online("narrow", path("model"), "--context-length", "40"),
    );
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/judges no pair of \d+[^]*room for 40/),
    ]);
    expect(existsSync(path("narrow"))).toBe(false);
  });
});

describe("a critic behind a server", () => {
  const letters = (request: { messages: { content: string }[] }): Record<string, number> => ({
    A: -0.1 - (request.messages.at(-1)!.content.length % 7) / 10,
    B: -2,
  });

  test("is asked nothing twice after a stop, survives errors, and its key is nowhere", async () => {
    server = await startMockServer({
      logprobs: letters,
      delay: 20,
      fault: (_request, attempt, count) =>
        attempt === 1 && count % 5 === 0
          ? { status: 500, headers: { "retry-after-ms": "1" } }
          : undefined,
    });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const argv = online("server", "openai:m", "--concurrency", "1");
    const err = await stopped(argv, "server", "answers.jsonl", 6);
    expect(err).toMatch(/attune resume/);
    const kept = [...server.answered.keys()].slice(0, lines("server", "answers.jsonl").length);
    expect(kept.length).toBeGreaterThanOrEqual(6);
    expect((await attune("resume", path("server"))).status).toBe(0);
    // the one that was open at the stop was never received, and is asked again
    expect(kept.map((key) => server!.answered.get(key))).toEqual(kept.map(() => 1));
    expect(lines("server", "metrics.jsonl")).toHaveLength(4);
    const files = readdirSync(path("server"), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(
      files
        .filter((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8").includes(KEY))
        .map(({ name }) => name),
    ).toEqual([]);
  });

  test("costs what is said, and a budget is kept", async () => {
    server = await startMockServer({ logprobs: letters });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const { status, err } = await attune(
      ...online(
        "dear",
        "openai:m",
        "--price-input",
        "1000",
        "--price-output",
        "1000",
        "--budget",
        "0.01",
      ),
    );
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/may cost more than the budget[^]*at most about \d+\.\d\d/),
    ]);
    expect([existsSync(path("dear")), server.requests.length]).toEqual([false, 0]);
  });

  test("that turns the key down leaves no folder", async () => {
    server = await startMockServer({
      fault: () => ({
        status: 401,
        body: { error: { message: `Incorrect API key provided: ${KEY}` } },
      }),
    });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const { status, err } = await attune(...online("denied", "openai:m"));
    expect([status, err]).toEqual([2, expect.stringMatching(/turns requests down \(401\)/)]);
    expect([err.includes(KEY), existsSync(path("denied"))]).toEqual([false, false]);
  });
});

test.each([
  [["--reward", "./reward.mjs"], /--judge: a judge stands in place of a reward/],
  [
    ["--missing-eos-penalty", "2"],
    /--missing-eos-penalty has no effect here[^]*only used with a reward/,
  ],
  [["--samples", "4"], /a judge compares two answers/],
  [["--concurrency", "2"], /only used with a model behind a server/],
  [["--judge-batch", "2"], /only used with a local judge that reasons/],
  [["--tags", "unknown"], /no principle of .* has the tag unknown/],
  [["--constitution", "nowhere.yaml"], /no such file/],
])("with a judge, %j is refused", async (more, message) => {
  const { status, err } = await attune(...online("refused", path("model"), ...more));
  expect([status, err]).toEqual([2, expect.stringMatching(message)]);
  expect(existsSync(path("refused"))).toBe(false);
});

test("without reward and judge nothing begins; options of a judge are refused beside a reward", async () => {
  const argv = [
    "online-dpo",
    "--model",
    path("model"),
    "--data",
    path("prompts.jsonl"),
    "--out",
    path("none"),
  ];
  expect((await attune(...argv)).err).toMatch(/nothing says which answer is better[^]*--judge/);
  expect(
    (
      await attune(
        ...argv,
        "--reward",
        path("reward.mjs"),
        "--constitution",
        path("constitution.yaml"),
      )
    ).err,
  ).toMatch(/--constitution has no effect here[^]*only used with a judge/);
});
