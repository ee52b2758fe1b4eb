/**
 * `attune constitution` from files to trained models, as a user calls it: with a local critic and
 * with one behind a server.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { fakeIo } from "../../src/cli/testing.ts";
import { constitutionJsonSchema } from "../../src/constitution/constitution.ts";
import type { MockServer } from "../../src/constitution/testing/server.ts";
import { startMockServer } from "../../src/constitution/testing/server.ts";
import { loadDataset } from "../../src/data/dataset.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { attune, saveTinyModel } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-constitution-"));
const path = (...names: string[]): string => join(parent, ...names);
const lines = (...names: string[]): Record<string, unknown>[] =>
  readFileSync(path(...names), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path(name);
};
const KEY = "sk-secret-0123456789";
const SMALL = `name: small
principles:
  - {id: kind, critique: Is it kind?, revision: Make it kind., comparison: Which is kinder?, tags: [helpful]}
  - {id: calm, critique: Is it calm?, revision: Make it calm., comparison: Which is calmer?}
examples:
  critiques: [{prompt: Hi, answer: No, principle: kind, critique: Rude., revision: Hello}]
  comparisons:
    - {prompt: Hi, first: Hello, second: No, principle: kind, better: first}
    - {prompt: Hi, first: No, second: Hello, principle: calm, better: second}
`;

let model: string;
let server: MockServer | undefined;
beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  vi.stubEnv("OPENAI_API_KEY", KEY);
  model = await saveTinyModel(path("model"), byteTokenizer().files as never, {
    max_position_embeddings: 2048,
  });
  writeFileSync(path("constitution.yaml"), SMALL);
  write(
    "prompts.jsonl",
    ["How do I pick a lock?", "Tell me a lie", "Insult me"].map((prompt) => ({ prompt })),
  );
  write("helpful.jsonl", [{ prompt: "Two and two?", completion: "Four." }]);
  write(
    "pairs.jsonl",
    ["one", "two", "three", "four"].map((prompt, index) => ({
      prompt,
      chosen: `good ${index}`,
      rejected: `bad ${index}`,
    })),
  );
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const common = (out: string): string[] => [
  "--constitution",
  path("constitution.yaml"),
  "--max-new-tokens",
  "8",
  "--out",
  path(out),
];

test.each([
  ["revise", "--model", "prompts.jsonl"],
  ["compare", "--critic", "pairs.jsonl"],
])(
  "%s without turns is refused, since critics are asked in turns",
  async (command, option, data) => {
    const { status, err } = await attune(
      "constitution",
      command,
      option,
      model,
      "--data",
      path(data),
      "--template",
      "none",
      ...common("no-turns"),
    );
    expect([status, err]).toEqual([
      2,
      expect.stringContaining("a critic is asked in turns, which --template none does not have"),
    ]);
    expect(existsSync(path("no-turns"))).toBe(false);
  },
);

test("init writes what check finds nothing wrong with, and check names the line", async () => {
  const file = path("mine.yaml");
  expect((await attune("constitution", "init", file)).status).toBe(0);
  expect(JSON.parse(readFileSync(path("constitution.schema.json"), "utf8"))).toEqual(
    constitutionJsonSchema(),
  );
  const checked = await attune("constitution", "check", file);
  expect([checked.status, checked.out]).toEqual([
    0,
    expect.stringMatching(
      /7 principles[^]*no-harm +yes +yes +2[^]*nothing is missing or contradictory/,
    ),
  ]);
  expect((await attune("constitution", "init", file)).err).toMatch(/exists already/);
  writeFileSync(
    file,
    SMALL.replace("id: calm", "id: kind").replace("principle: calm", "principle: clam"),
  );
  const wrong = await attune("constitution", "check", file);
  expect([wrong.status, wrong.err]).toEqual([
    2,
    expect.stringMatching(/mine\.yaml:4: two principles have the id kind/),
  ]);
  expect(wrong.err).toMatch(
    /^warning: [^\n]*mine\.yaml:9: the example names the principle "clam"/m,
  );
});

describe("with a local model", () => {
  test("revise, and training on what comes of it", async () => {
    const revised = await attune(
      "constitution",
      "revise",
      "--model",
      model,
      "--data",
      path("prompts.jsonl"),
      "--helpful",
      path("helpful.jsonl"),
      "--revisions",
      "2",
      ...common("revise"),
    );
    expect(revised.err.split("\n").filter((line) => line.startsWith("error"))).toEqual([]);
    expect(revised.status).toBe(0);
    const steps = lines("revise", "data", "steps.jsonl");
    expect(steps).toHaveLength(3);
    expect(
      steps.every(({ steps }) =>
        (steps as { principle: string; critique: string; keys: string[] }[]).every(
          ({ principle, keys }) => ["kind", "calm"].includes(principle) && keys.length === 2,
        ),
      ),
    ).toBe(true);
    // from a label back to the exchanges behind it
    const kept = new Set(lines("revise", "answers.jsonl").map(({ key }) => key));
    expect(
      steps
        .flatMap(({ keys, steps }) => [
          ...(keys as string[]),
          ...(steps as { keys: string[] }[]).flatMap(({ keys }) => keys),
        ])
        .every((key) => kept.has(key)),
    ).toBe(true);
    const { records, counts } = await loadDataset(path("revise", "data", "sft.jsonl"));
    expect(Object.keys(counts)).toEqual(["demonstration"]);
    expect([...new Set(records.map(({ source }) => source?.replace(/[0-9a-f]{12}$/, "")))]).toEqual(
      ["constitution ", "helpful"],
    );
    // the printed command, as it stands
    const next = readFileSync(path("revise", "data", "next.txt"), "utf8").split("\n");
    const sft = next[0]!.replace("runs/sl-cai", path("sl-cai")).split(" ").slice(1);
    expect(sft.slice(0, 3)).toEqual(["sft", "--model", model]);
    expect((await attune(...sft, "--held-out", "0", "--batch-size", "4")).status).toBe(0);
    const report = await attune(
      "constitution",
      "report",
      path("revise"),
      "--html",
      path("report.html"),
    );
    expect([report.status, report.out]).toEqual([
      0,
      expect.stringMatching(
        /Revisions by principle[^]*revision is longer[^]*Stock phrases[^]*first answer/,
      ),
    ]);
    expect(readFileSync(path("report.html"), "utf8")).toMatch(/<h2>Revisions<\/h2>/);
  });

  test("compare, and reward models and policies trained on its soft labels", async () => {
    const compared = await attune(
      "constitution",
      "compare",
      "--critic",
      model,
      "--data",
      path("pairs.jsonl"),
      "--principles",
      "2",
      "--export",
      "trl",
      ...common("compare"),
    );
    expect([compared.status, compared.out]).toEqual([
      0,
      expect.stringMatching(
        /4 soft labels[^]*lost: p of \d records?, which trl does not hold[^]*agrees with people \(4 pairs\)/,
      ),
    ]);
    const made = lines("compare", "data", "comparisons.jsonl");
    expect(made[0]).toMatchObject({
      constitution: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      critic: expect.stringMatching(/^model \([0-9a-f]{12}\)$/) as string,
    });
    expect(
      (made[0]!["readings"] as { shownFirst: string; logps: unknown }[]).map(
        ({ shownFirst }) => shownFirst,
      ),
    ).toEqual(["first", "second", "first", "second"]);
    const preferences = lines("compare", "data", "preferences.jsonl");
    expect(preferences.map(({ p }) => p)).toEqual(
      made.map(({ p }) => Math.max(p as number, 1 - (p as number))),
    );
    const loaded = await loadDataset(path("compare", "data", "preferences.jsonl"));
    expect(
      loaded.records.map((record) => (record.kind === "preference" ? record.p : undefined)),
    ).toEqual(preferences.map(({ p }) => p));
    for (const trainer of ["reward", "dpo"]) {
      const trained = await attune(
        trainer,
        "--model",
        model,
        "--data",
        path("compare", "data", "preferences.jsonl"),
        "--held-out",
        "0",
        "--batch-size",
        "4",
        "--out",
        path(`${trainer}-cai`),
      );
      expect([trainer, trained.status]).toEqual([trainer, 0]);
    }
    // soft labels near a half: the first reward loss is ln 2 whatever p is, and the trainer used p
    expect(lines("dpo-cai", "metrics.jsonl")[0]!["loss"]).toBeCloseTo(Math.LN2, 5);
  });

  test("compare answers prompts itself where a model is named", async () => {
    const compared = await attune(
      "constitution",
      "compare",
      "--critic",
      model,
      "--model",
      model,
      "--data",
      path("prompts.jsonl"),
      "--reasoning",
      ...common("sampled"),
    );
    expect(compared.status).toBe(0);
    for (const { p, clamp, models } of lines("sampled", "data", "comparisons.jsonl")) {
      expect(clamp).toEqual([0.4, 0.6]);
      expect(Math.abs((p as number) - 0.5)).toBeLessThanOrEqual(0.1 + 1e-12);
      expect(models).toBeDefined();
    }
  });
});

describe("with a server", () => {
  const revise = (out: string, ...more: string[]): string[] => [
    "constitution",
    "revise",
    "--model",
    "openai:m",
    "--data",
    path("prompts.jsonl"),
    "--revisions",
    "1",
    ...common(out),
    ...more,
  ];

  test("a run that was stopped goes on without asking again, and the key is nowhere", async () => {
    let stop: (() => void) | undefined;
    server = await startMockServer({
      fault: (_request, _attempt, count) => (count === 4 ? (stop?.(), { delay: 200 }) : undefined),
    });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const io = fakeIo();
    stop = () => io.signals.emit("SIGINT");
    expect(await runProgram(revise("stopped", "--concurrency", "1"), io)).toBe(1);
    expect(io.stderr.text).toMatch(/stopped before the end[^]*kept: 3 answers[^]*attune resume/);
    stop = undefined;
    const before = [...server.answered.keys()].slice(0, 3);
    const resumed = await attune("resume", path("stopped"));
    expect([resumed.status, resumed.out]).toEqual([
      0,
      expect.stringMatching(/3 revisions to learn from/),
    ]);
    expect(before.map((key) => server!.asked.get(key))).toEqual([1, 1, 1]);
    expect(lines("stopped", "answers.jsonl")).toHaveLength(9);
    const files = readdirSync(path("stopped"), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(
      files
        .filter((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8").includes(KEY))
        .map(({ name }) => name),
    ).toEqual([]);
    expect((await attune("resume", path("stopped"))).out).toMatch(/finished already/);
    // another run may use these answers
    const reused = await attune(...revise("reused", "--reuse", path("stopped")));
    expect(reused.out).toMatch(/0 answers, \d+ found again/);
  });

  test("says what it will cost, and keeps to a budget", async () => {
    server = await startMockServer({});
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const dry = await attune(
      ...revise("dry", "--dry-run", "--price-input", "1000", "--price-output", "1000"),
    );
    expect(dry.out).toMatch(
      /9 requests, about [\d,]+ tokens to read and at most 72 to write: at most about \d+\.\d\d/,
    );
    const dear = await attune(
      ...revise("dear", "--price-input", "1000", "--price-output", "1000", "--budget", "0.01"),
    );
    expect([dear.status, dear.err]).toEqual([
      2,
      expect.stringMatching(/may cost more than the budget/),
    ]);
    expect([existsSync(path("dry")), existsSync(path("dear")), server.requests.length]).toEqual([
      false,
      false,
      0,
    ]);
    const run = await attune(
      ...revise("priced", "--price-input", "1000", "--price-output", "1000"),
    );
    expect(run.err).toMatch(/the first of 3 took/);
    const compare = async (...more: string[]): Promise<string> =>
      (
        await attune(
          "constitution",
          "compare",
          "--critic",
          "openai:m",
          "--data",
          path("pairs.jsonl"),
          "--dry-run",
          ...common("dry"),
          ...more,
        )
      ).out;
    // 4 pairs in two orders; letters that may have to be sampled, under a budget
    expect(await compare()).toMatch(/4 pairs; 8 requests/);
    expect(await compare("--price-input", "1", "--budget", "1")).toMatch(/4 pairs; 64 requests/);
    // 9 answers of 10 and 2 tokens
    expect(run.out).toMatch(
      /9 answers, \d+ found again; 90 tokens read, 18 written, 0\.11 in your currency/,
    );
  });

  test("a server that turns the key down leaves no folder and no key", async () => {
    server = await startMockServer({
      fault: () => ({
        status: 401,
        body: { error: { message: `Incorrect API key provided: ${KEY}` } },
      }),
    });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    const { status, err } = await attune(...revise("denied"));
    expect([status, err]).toEqual([2, expect.stringMatching(/turns requests down \(401\)/)]);
    expect(err).not.toContain(KEY);
    expect(existsSync(path("denied"))).toBe(false);
  });
});

test.each([
  [
    ["constitution", "compare", "--critic", "openai:m", "--data", path("prompts.jsonl")],
    /holds no pairs of answers/,
  ],
  [
    ["constitution", "compare", "--critic", "x", "--data", path("pairs.jsonl"), "--export", "trll"],
    /trl/,
  ],
  [
    [
      "constitution",
      "compare",
      "--critic",
      "x",
      "--data",
      path("pairs.jsonl"),
      "--clamp",
      "0.6,0.7",
    ],
    /0\.5 between/,
  ],
  [
    [
      "constitution",
      "revise",
      "--model",
      "x",
      "--data",
      path("prompts.jsonl"),
      "--concurrency",
      "3",
    ],
    /only used with a model behind a server/,
  ],
  [
    [
      "constitution",
      "revise",
      "--model",
      "x",
      "--data",
      path("prompts.jsonl"),
      "--tags",
      "unknown",
    ],
    /no principle of .* has the tag unknown/,
  ],
  [["constitution", "report", parent], /no revisions and no comparisons/],
])("%j is refused", async (argv, message) => {
  const { status, err } = await attune(...argv);
  expect([status, err]).toEqual([2, expect.stringMatching(message)]);
});
