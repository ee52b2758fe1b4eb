/**
 * `attune align`: every kind of stage and what it takes from others, a dry run that says what would
 * fail, a stop and what goes on.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readAlignFile } from "../../src/cli/align/file.ts";
import { runProgram } from "../../src/cli/program.ts";
import { fakeIo } from "../../src/cli/testing.ts";
import { startMockServer } from "../../src/constitution/testing/server.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { madePairs } from "../../src/training/testing.ts";
import { attune, saveTinyModel } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-stages-"));
const path = (...names: string[]): string => join(parent, ...names);
const write = (name: string, rows: readonly object[]): void =>
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const asFile = (text: string, name = "attune.yaml"): string => {
  writeFileSync(path(name), text);
  return path(name);
};

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  await saveTinyModel(path("model"), byteTokenizer().files as never, {
    max_position_embeddings: 2048,
  });
  const pairs = madePairs(24).map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected }));
  write("pairs.jsonl", pairs);
  write(
    "prompts.jsonl",
    pairs.slice(0, 8).map(({ prompt }) => ({ prompt })),
  );
  write(
    "demonstrations.jsonl",
    pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
  write("long.jsonl", [{ prompt: "mill ".repeat(60).trim() }]);
  write("endless.jsonl", [{ prompt: "mill ".repeat(500) }]);
  write("broken.jsonl", [
    { prompt: "a", chosen: "b", rejected: "c" },
    { prompt: "a", chosen: 3, rejected: "c" },
  ]);
  writeFileSync(
    path("constitution.yaml"),
    "name: small\nprinciples:\n  - {id: kind, critique: Is it kind?, revision: Make it kind., " +
      "comparison: Which is kinder?}\n",
  );
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const head = (out: string): string => `model: ${path("model")}\nout: ${path(out)}\nseed: 3\n`;
const rollouts =
  `data: ${path("prompts.jsonl")}, batchSize: 8, maxNewTokens: 6, maxLength: 64, maxSteps: 1, ` +
  "sampleSteps: 0";
const reward = `reward: { data: ${path("pairs.jsonl")}, batchSize: 12, heldOut: 6 }\n`;

describe("what a stage takes from others", () => {
  const needs = (text: string): unknown =>
    Object.fromEntries(
      readAlignFile(`model: m\nout: o\n${text}`, "a.yaml").stages.map(
        ({ folder, needs: from, options }) => [
          folder,
          [from, options["data"], options["reward"] ?? options["model"]],
        ],
      ),
    );

  test("revisions, labels, rewards and pairs go where they are of use", () => {
    expect(
      needs(
        "revise: {data: h}\nsft:\ncompare: {data: p}\nreward:\nonline-dpo: {data: " +
          "p}\nrejection_sampling: {data: p}\ndpo:\n",
      ),
    ).toEqual({
      revise: [[], "h", "m"],
      sft: [["revise"], "o/revise/data/sft.jsonl", "m"],
      compare: [["sft"], "p", "o/sft"],
      reward: [["sft", "compare"], "o/compare/data/preferences.jsonl", "o/sft"],
      "online-dpo": [["sft", "reward"], "p", ["o/reward"]],
      "rejection-sampling": [["sft", "reward"], "p", ["o/reward"]],
      dpo: [["sft", "compare"], "o/compare/data/preferences.jsonl", "o/sft"],
    });
    expect(needs("revise: {data: h}\ndpo:\n")).toMatchObject({
      dpo: [["revise"], "o/revise/data/pairs.jsonl", "m"],
    });
    expect(needs("reward: {data: x}\ndpo:\n")).toMatchObject({ dpo: [[], "x", "m"] });
  });

  test("what a section says itself is not taken, and not needed; a judge stands in place of the reward", () => {
    expect(
      needs(
        "revise: {data: h}\nsft: {data: own}\nreward: {data: x, model: other}\nonlineDpo: {data: " +
          "p, judge: c}\n",
      ),
    ).toMatchObject({
      sft: [[], "own", "m"],
      reward: [[], "x", "other"],
      "online-dpo": [["sft"], "p", []],
    });
  });

  test("options that are not at their defaults are known with their lines", () => {
    const { stages } = readAlignFile(
      "model: m\nout: o\nsft:\n  data: d\n  batchSize: 5\n  schedule: linear\nreward:\n  data: x\n",
      "a.yaml",
    );
    const names = stages[0]!.chosen.map(({ option, value, source }) => [option, value, source]);
    expect(names).toContainEqual(["batchSize", 5, "a.yaml:5"]);
    expect(names).toContainEqual(["model", "m", "the whole file"]);
    expect(names.map(([option]) => option)).not.toContain("seed");
    expect(stages[1]!.chosen).toContainEqual({
      option: "model",
      value: "o/sft",
      source: "stage sft",
    });
  });

  test("a mistake in a section is told with its line, also where an option is missing", () => {
    expect(() => readAlignFile("model: m\n\nonlineDpo:\n  data: p\n", "a.yaml")).toThrow(
      /a\.yaml:3: reward: nothing says which answer is better/,
    );
    expect(() => readAlignFile("model: m\nsft: {}\n", "a.yaml")).toThrow(
      /a\.yaml:2: sft needs the option data/,
    );
    expect(() => readAlignFile("model: m\ndpo: {data: x}\ndpo: {data: y}\n", "a.yaml")).toThrow(
      /a\.yaml/,
    );
    expect(() =>
      readAlignFile("model: m\nonlineDpo: {data: x}\nonline-dpo: {data: y}\n", "a.yaml"),
    ).toThrow(/a\.yaml:3: onlineDpo is there twice/);
  });
});

test(
  "online DPO and rejection sampling are stages; what was chosen is kept",
  { tags: ["dear"] },
  async () => {
    const file = asFile(
      `${head("own")}${reward}onlineDpo: { ${rollouts}, rewardSamples: 8 }\nrejectionSampling: { ` +
        `${rollouts}, samples: 4, rewardSamples: 8 }\nevaluation: { data: ` +
        `${path("prompts.jsonl")}, prompts: 4, maxLength: 64, maxNewTokens: 6 }\n`,
    );
    const { status, out } = await attune("align", file);
    expect([status, out]).toEqual([0, expect.stringMatching(/online-dpo[^]*rejection-sampling/)]);
    expect(
      readFileSync(path("own", "rejection-sampling", "answers", "chosen.jsonl"), "utf8"),
    ).toContain('"completion"');
    expect((await attune("align", file, "--dry-run")).out).toMatch(
      /Online DPO +skip[^]*Rejection sampling +skip/,
    );
    // what is only shown is no other input; what is learned is
    asFile(
      readFileSync(file, "utf8")
        .replaceAll("sampleSteps: 0", "sampleSteps: 1")
        .replace("samples: 4", "samples: 2"),
    );
    expect((await attune("align", file, "--dry-run")).out).toMatch(
      /Online DPO +skip[^]*Rejection sampling +run +samples is 2, was 4/,
    );
  },
);

test(
  "a constitution in place of people: revisions are imitated, comparisons teach the reward and DPO",
  { tags: ["dear"] },
  async () => {
    const by = `constitution: ${path("constitution.yaml")}, maxNewTokens: 6`;
    const short = "batchSize: 4, heldOut: 0, maxSteps: 1";
    const file = asFile(
      `${head("cai")}revise: { data: ${path("prompts.jsonl")}, limit: 4, revisions: 1, ${by} ` +
        `}\nsft: { ${short} }\ncompare: { data: ${path("prompts.jsonl")}, ${by} }\nreward: { ` +
        `${short} }\ndpo: { ${short} }\n`,
    );
    const dry = await attune("align", file, "--dry-run");
    expect([dry.status, dry.out]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(
          "Critiques and revisions +run +not done yet: 4 prompts, 12 " +
            "requests[^]*its data come from revise[^]*its data come from compare",
        ),
      ),
    ]);
    expect(existsSync(path("cai"))).toBe(false);
    expect((await attune("align", file)).status).toBe(0);
    expect(readFileSync(path("cai", "dpo", "metrics.jsonl"), "utf8")).toContain("rewards/margins");
    const again = await attune("--json", "align", file);
    expect(again.out.match(/"action":"skip"/g)).toHaveLength(5);
  },
);

describe("a critic judges the evaluation", () => {
  const evaluation = (judge: string, more = ""): string =>
    `evaluation: { data: ${path("prompts.jsonl")}, prompts: 4, maxLength: 64, maxNewTokens: 6, ` +
    `judge: ${judge}, constitution: ${path("constitution.yaml")}${more} }\n`;
  const dpo = `dpo: { data: ${path("pairs.jsonl")}, batchSize: 8, heldOut: 0, maxSteps: 1 }\n`;
  const answers = (out: string): number =>
    readFileSync(path(out, "evaluation", "answers.jsonl"), "utf8").split("\n").length - 1;
  interface Result {
    critic: {
      name: string;
      optimised: boolean;
      entries: {
        name: string;
        control: boolean;
        raw: { estimate: number; n: number };
        positionBias: number;
      }[];
    };
    comparisons: { score?: unknown }[];
  }
  const resultOf = (out: string): Result => JSON.parse(out.trimEnd().split("\n").at(-1)!) as Result;

  test("a local one, without any reward model: both orders, controls, a report, and nothing again", async () => {
    const file = asFile(`${head("judged")}${dpo}${evaluation(path("model"))}`, "judged.yaml");
    expect((await attune("align", file, "--dry-run")).out).toMatch(/2\. Evaluation on 4 prompts/);
    const first = await attune("--json", "align", file);
    expect([first.status, first.err]).toEqual([0, expect.anything()]);
    const { critic, comparisons } = resultOf(first.out);
    expect(critic.entries.map(({ name, control, raw }) => [name, control, raw.n])).toEqual([
      ["dpo", false, 4],
      ["constant answer", true, 4],
      ["longest answer", true, 4],
    ]);
    expect([critic.optimised, comparisons[0]]).toEqual([
      false,
      expect.not.objectContaining({ score: expect.anything() as unknown }),
    ]);
    const html = readFileSync(path("judged", "report.html"), "utf8");
    expect(html).toContain(`Judged by ${critic.name}`);
    expect(html).toMatch(/constant answer \(control\)/);
    expect(html).toContain(`What does ${critic.name} say?`);
    const asked = answers("judged");
    // at most two orders of four prompts for one model and two controls
    expect(asked).toBeLessThanOrEqual(24);
    const again = await attune("--json", "align", file);
    expect(resultOf(again.out).critic).toEqual(critic);
    expect(answers("judged")).toBe(asked);
    expect((await attune("align", file)).out).toMatch(
      /Preferred over base on 4 prompts, both orders judged/,
    );
    // another constitution is another judge
    writeFileSync(
      path("other.yaml"),
      "name: other\nprinciples:\n  - {id: calm, comparison: Which is calmer?}\n",
    );
    asFile(readFileSync(file, "utf8").replace("constitution.yaml", "other.yaml"), "judged.yaml");
    expect((await attune("align", file)).status).toBe(0);
    expect(answers("judged")).toBeGreaterThan(asked);
  });

  test("one behind a server beside a reward model: stopped and gone on with, nothing is asked twice", async () => {
    const server = await startMockServer({
      delay: 10,
      logprobs: ({ messages }) => ({ A: -0.1 - (messages.at(-1)!.content.length % 7) / 10, B: -2 }),
    });
    vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
    vi.stubEnv("OPENAI_API_KEY", "sk-secret-0123456789");
    const file = asFile(
      `${head("served")}${reward}${dpo}${evaluation("openai:m", ", concurrency: 1")}`,
      "served.yaml",
    );
    const io = fakeIo();
    const timer = setInterval(() => {
      if (!existsSync(path("served", "evaluation", "answers.jsonl")) || answers("served") < 5)
        return;
      clearInterval(timer);
      io.signals.emit("SIGINT");
    }, 2);
    expect(await runProgram(["align", file], io)).toBe(1);
    clearInterval(timer);
    expect(io.stderr.text).toContain("goes on from there");
    const kept = [...server.answered.keys()].slice(0, answers("served"));
    expect(kept.length).toBeGreaterThanOrEqual(5);
    const { status, out } = await attune("--json", "align", file);
    expect(status).toBe(0);
    expect(kept.map((key) => server.answered.get(key))).toEqual(kept.map(() => 1));
    const { critic, comparisons } = resultOf(out);
    expect([critic.entries.length, comparisons[0]!.score]).toEqual([3, expect.anything()]);
    // it prefers what comes first by log-odds of 1.3 to 1.9, which both orders find out
    const bias = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds)) - 0.5;
    const constant = critic.entries[1]!;
    expect(constant.positionBias).toBeGreaterThan(bias(1.3) - 1e-9);
    expect(constant.positionBias).toBeLessThan(bias(1.9) + 1e-9);
    expect(server.requests.length).toBeGreaterThan(kept.length);
    await server.close();
  });

  test("that also made the labels is told; mistakes cost nothing", { tags: ["dear"] }, async () => {
    const cai =
      `compare: { data: ${path("prompts.jsonl")}, constitution: ${path("constitution.yaml")}, ` +
      `maxNewTokens: 6 }\ndpo: { batchSize: 4, heldOut: 0, maxSteps: 1 }\n`;
    expect(
      (await attune("align", asFile(`${head("own-labels")}${cai}${evaluation(path("model"))}`)))
        .status,
    ).toBe(0);
    expect(readFileSync(path("own-labels", "report.html"), "utf8")).toContain(
      "also made the labels",
    );
    for (const [asked, message] of [
      [evaluation(path("model"), ", tags: [unknown]"), /no principle of .* has the tag unknown/],
      [evaluation('""', ""), /constitution has no effect here[^]*only used with a judge/],
      [evaluation('"openai:"'), /has no name/],
    ] as const) {
      const { status, err, out } = await attune(
        "align",
        asFile(`${head("mistaken")}${dpo}${asked}`),
        "--dry-run",
      );
      expect([status, err + out]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});

describe("a dry run", () => {
  test("names the stages that would fail, and why, and writes nothing", async () => {
    const file = asFile(
      `${head("dry")}sft: { data: ${path("nowhere.jsonl")} }\nreward: { data: ` +
        `${path("broken.jsonl")} }\nppo: { data: ${path("long.jsonl")}, maxLength: 64 }\ndpo: { ` +
        `data: ${path("pairs.jsonl")}, heldOut: 0, batchSize: 8 }\nevaluation: { data: ` +
        `${path("gone.jsonl")} }\n`,
    );
    const { status, out, err } = await attune("align", file, "--dry-run");
    expect([status, err]).toEqual([2, expect.stringMatching(/4 parts of the pipeline would fail/)]);
    expect(out).toMatch(
      new RegExp(
        String.raw`1\. Supervised[^\n]*\n +would fail: [^\n]*nowhere\.jsonl[^]*2\. ` +
          String.raw`Reward[^\n]*\n +would fail: [^\n]*broken\.jsonl:2[^]*3\. PPO[^\n]*` +
          String.raw`\n +would fail: [^]*4\. DPO +run +not done yet: 24 examples, 3 steps` +
          String.raw`\n[^]*5\. Evaluation\n +would fail: [^\n]*gone\.jsonl`,
      ),
    );
    expect(existsSync(path("dry"))).toBe(false);
  });

  const sft = `sft: { data: ${path("demonstrations.jsonl")}, batchSize: 8, heldOut: 0, maxSteps: 1 }\n`;
  const dpo = (more: string): string => `dpo: { ${more}, heldOut: 0, batchSize: 8, maxSteps: 1 }\n`;
  const own = `data: ${path("pairs.jsonl")}`;
  test.each([
    [
      "prompts of the evaluation that leave no room in the context",
      `${sft}${reward}${dpo(own)}evaluation: { data: ${path("endless.jsonl")}, maxNewTokens: 6 }\n`,
      /Evaluation: .*endless\.jsonl:1: no prompt leaves room for an answer/,
    ],
    [
      "a judge of the evaluation that is not there",
      `${sft}${dpo(own)}evaluation: { data: ${path("prompts.jsonl")}, ` +
        `judge: ${path("nobody")}, constitution: ${path("constitution.yaml")} }\n`,
      /Evaluation: .*nobody/,
    ],
    [
      "projections that the model does not have",
      `${sft}${dpo(`${own}, lora: { targets: [middle_proj] }`)}`,
      /DPO: .*middle_proj/,
    ],
    [
      "the same where the data are still to be made",
      `compare: { data: ${path("prompts.jsonl")}, constitution: ${path("constitution.yaml")}, ` +
        `maxNewTokens: 6 }\n${dpo("lora: { targets: [middle_proj] }")}`,
      /DPO: .*middle_proj/,
    ],
    [
      "a policy whose roll-outs its critic would fill",
      `${sft}${reward}ppo: { ${rollouts}, critic: { warmupSteps: 5 } }\n`,
      /PPO: the policy would never be trained/,
    ],
  ])("finds %s before the first stage, and so does a real run", async (_name, text, message) => {
    const file = asFile(`${head("certain")}${text}`);
    for (const flags of [["--dry-run"], []]) {
      const { status, err } = await attune("align", file, ...flags);
      expect([status, err]).toEqual([2, expect.stringMatching(message)]);
      expect(err).toContain("of the pipeline would fail");
    }
    expect(existsSync(path("certain"))).toBe(false);
  });

  test("opens the models", async () => {
    const file = asFile(
      `model: ${path("no-such-model")}\nout: ${path("dry")}\n${reward}${dpo(own)}evaluation: { ` +
        `data: ${path("prompts.jsonl")}, prompts: 4, maxLength: 64, maxNewTokens: 6 }\n`,
    );
    const { status, out } = await attune("align", file, "--dry-run");
    expect([status, out]).toEqual([
      2,
      expect.stringMatching(
        new RegExp(
          String.raw`Reward model[^\n]*\n +would fail: [^\n]*no-such-model[^]*DPO[^\n]*` +
            String.raw`\n +would fail: as Reward model would` +
            String.raw`\n[^]*Evaluation\n +would fail: as Reward model would` +
            String.raw`\n`,
        ),
      ),
    ]);
  });
});

test("a stop says that attune align goes on, and it does", async () => {
  const file = asFile(
    `${head("stopped")}sft: { data: ${path("demonstrations.jsonl")}, batchSize: 4, heldOut: 0, ` +
      `maxSteps: 60, epochs: 99, checkpointSteps: 1 }\n`,
    "my stop.yaml",
  );
  const io = fakeIo();
  const timer = setInterval(() => {
    if (
      existsSync(path("stopped", "sft", "metrics.jsonl")) &&
      readFileSync(path("stopped", "sft", "metrics.jsonl"), "utf8").includes("\n")
    ) {
      clearInterval(timer);
      io.signals.emit("SIGINT");
    }
  }, 2);
  expect(await runProgram(["align", file], io)).toBe(1);
  clearInterval(timer);
  expect(io.stderr.text).toContain(`try: \`attune align '${file}'\` goes on from there`);
  expect(io.stderr.text).not.toContain("attune resume");
  const resumed = await attune("align", file);
  expect([resumed.status, resumed.err]).toEqual([0, expect.stringMatching(/resume, was cut off/)]);
});
