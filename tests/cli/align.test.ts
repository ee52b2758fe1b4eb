/**
 * `attune align` from file to report: stages that are skipped and done again, and everything that
 * can be wrong with the file.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readAlignFile } from "../../src/cli/align/file.ts";
import type { Findings } from "../../src/evaluation/findings.ts";
import { measuresOf } from "../../src/evaluation/findings.ts";
import { checkMeasureId } from "../../src/evaluation/measure-ids.ts";
import { attuneVersion } from "../../src/runs/versions.ts";
import { madePairs } from "../../src/training/testing.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { attune, saveTinyModel } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-align-"));
const path = (name: string): string => join(parent, name);
const pairs = madePairs(48);
const write = (name: string, rows: readonly object[]): void =>
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  await saveTinyModel(
    path("model"),
    worldTokenizer(
      pairs.flatMap(({ prompt, chosen, rejected }) => [prompt, chosen, rejected] as string[]),
    ),
  );
  write(
    "pairs.jsonl",
    pairs.slice(0, 24).map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
  );
  write(
    "other.jsonl",
    pairs.slice(24).map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
  );
  write(
    "demonstrations.jsonl",
    pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const file = ({ beta = 0.1, more = "" } = {}): string => `
model: ${path("model")}
out: ${path("out")}
seed: 7
sft:
  data: ${path("demonstrations.jsonl")}
  batchSize: 16
  maxSteps: 2
reward: { data: ${path("pairs.jsonl")}, batchSize: 12, heldOut: 6 }
heldOutReward:
  data: ${path("other.jsonl")}
  batchSize: 12
  heldOut: 6
ppo:
  data: ${path("pairs.jsonl")}
  batchSize: 8
  maxNewTokens: 6
  critic: { warmupSteps: 0 }
  maxLength: 64
  maxSteps: 2
  ppoEpochs: 1
  rewardSamples: 8
  sampleSteps: 0
dpo:
  beta: ${beta}
  batchSize: 8
  maxSteps: 2
  heldOut: 0
evaluation:
  data: ${path("other.jsonl")}
  prompts: 6
  maxLength: 64
  maxNewTokens: 6
${more}`;

const stagesOf = (out: string): string[] => {
  const result = out
    .trimEnd()
    .split("\n")
    .map(
      (line) => JSON.parse(line) as { type: string; stages?: { name: string; action: string }[] },
    )
    .findLast(({ type }) => type === "result")!;
  return result.stages!.map(({ name, action }) => `${name} ${action}`);
};

interface Bar {
  type: string;
  title?: string;
  done?: number;
  total?: number;
  final?: boolean;
}

const barsOf = (out: string): Bar[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Bar)
    .filter(({ type }) => type === "progress");

/** The page of a pipeline of untrained models, which do not end their answers. */
function expectReport(): void {
  const html = readFileSync(join(path("out"), "report.html"), "utf8");
  const { document } = parseHTML(html);
  expect([...document.querySelectorAll("[src], link, script")]).toEqual([]);
  for (const name of ["sft", "base", "ppo", "dpo"]) expect(html).toContain(`>${name}<`);
  expect(document.querySelectorAll("svg").length).toBeGreaterThan(1);
  // untrained models do not end their answers
  expect(html).toMatch(
    /Nothing can be concluded about [^<]* against sft: [^<]* did not end by themselves and were cut/,
  );
  expect(html).not.toMatch(/wins \d/);
  const row = (...cells: (string | RegExp)[]) =>
    [...document.querySelectorAll("tr")].some((line) =>
      cells.every((cell, i) =>
        typeof cell === "string"
          ? line.children[i]?.textContent === cell
          : cell.test(line.children[i]?.textContent ?? ""),
      ),
    );
  expect(html).toMatch(/<dt>made<\/dt>\s*<dd>\d{4}-\d\d-\d\d \d\d:\d\d UTC<\/dd>/);
  expect(html).toMatch(new RegExp(`attune ${attuneVersion().replaceAll(".", "\\.")}, seed 7: `));
  expect(row("sft", "maxSteps", "2", /attune\.yaml:8$/)).toBe(true);
  expect(row("ppo", "reward", join(path("out"), "reward"), "stage reward")).toBe(true);
  expect(row("sft", "seed", "7", "the whole file")).toBe(true);
  expect(html).not.toContain(">adamEpsilon<");
  const sha256 = createHash("sha256")
    .update(readFileSync(path("pairs.jsonl")))
    .digest("hex")
    .slice(0, 16);
  expect(row(path("pairs.jsonl"), "reward, ppo, dpo", "24", sha256)).toBe(true);
  expect(row(path("other.jsonl"), "held-out-reward, evaluation", "24", /^[0-9a-f]{16}$/)).toBe(
    true,
  );
}

describe("the pipeline", () => {
  test("runs every stage, judges and reports; is skipped then; does again what a change touches", async () => {
    writeFileSync(path("attune.yaml"), file());
    const plan = await attune("align", path("attune.yaml"), "--dry-run");
    expect([plan.status, plan.err]).toEqual([
      0,
      expect.stringMatching(/^opening data and models: 5 stages in \d+s\n$/),
    ]);
    expect(plan.out).toMatch(
      /1\. Supervised fine-tuning +run +not done yet: 46 examples, 2 held out, 2 steps/,
    );
    expect(plan.out).toMatch(/6\. Evaluation on 6 prompts/);
    expect(existsSync(path("out"))).toBe(false);

    const first = await attune("--json", "align", path("attune.yaml"));
    const all = barsOf(first.out).findLast(({ title, final }) => title === "all stages" && final)!;
    expect(all.done).toBe(all.total);
    expect([first.status, first.err]).toEqual([0, expect.anything()]);
    expect(stagesOf(first.out)).toEqual([
      "sft run",
      "reward run",
      "held-out-reward run",
      "ppo run",
      "dpo run",
    ]);
    expect(first.out).toMatch(
      /"id":"cut-answers","message":"sft: \d of 6 answers did not end by themselves/,
    );
    expectReport();

    const facts = JSON.parse(readFileSync(join(path("out"), "report.json"), "utf8")) as Findings;
    expect(facts.findings.map(({ id }) => id)).toEqual([
      "is-it-better",
      "was-the-reward-hacked",
      "does-reward-know",
      "does-held-out-reward-know",
    ]);
    expect(measuresOf(facts).map(({ id }) => id)).toContain("align/reward/accuracy");
    for (const { id } of measuresOf(facts)) checkMeasureId(id, ["align"]);

    const asked = ["--junit", path("align.xml"), "--fail-under", "align/reward/accuracy=1"];
    const second = await attune("--json", "align", path("attune.yaml"), ...asked);
    expect(second.status).toBe(1);
    expect(second.out).toContain("1 requirement of 1 not reached");
    expect(readFileSync(path("align.xml"), "utf8")).toContain(
      'name="align/reward/accuracy &gt;= 1"',
    );
    const mistaken = await attune("align", path("attune.yaml"), "--fail-on", "wrose");
    expect([mistaken.status, mistaken.err]).toEqual([
      2,
      expect.stringContaining("did you mean worse"),
    ]);
    expect(stagesOf(second.out).every((line) => line.endsWith(" skip"))).toBe(true);
    writeFileSync(path("attune.yaml"), file({ beta: 0.3 }));
    expect((await attune("align", path("attune.yaml"), "--dry-run")).out).toMatch(
      /DPO +run +beta is 0.3, was 0.1/,
    );
    const third = await attune("--json", "align", path("attune.yaml"));
    expect(stagesOf(third.out)).toEqual([
      "sft skip",
      "reward skip",
      "held-out-reward skip",
      "ppo skip",
      "dpo run",
    ]);
    expect(existsSync(join(path("out"), "dpo.before-1", "run.json"))).toBe(true);
    // Other content under the same name is another input.
    write(
      "pairs.jsonl",
      pairs.slice(0, 20).map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
    );
    expect((await attune("align", path("attune.yaml"), "--dry-run")).out).toMatch(
      /Reward model +run +data .* is .*, was /,
    );
  });

  test(
    "judges again when the stages of the file are others; other demonstrations of PPO-ptx are another input",
    { tags: ["dear"] },
    async () => {
      const out = path("judged");
      const judged = (more: string): string =>
        `model: ${path("model")}\nout: ${out}\nreward: { data: ${path("other.jsonl")}, ` +
        `batchSize: 12, heldOut: 6 }\n${more}evaluation: { data: ${path("other.jsonl")}, ` +
        `prompts: 4, maxLength: 64, maxNewTokens: 4 }\n`;
      const [careful, dpo] = [
        `heldOutReward: { data: ${path("demonstrated.jsonl")}, batchSize: 12, heldOut: 6 }\n`,
        "dpo: { batchSize: 8, maxSteps: 1, heldOut: 0 }\n",
      ];
      write(
        "demonstrated.jsonl",
        pairs.map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
      );
      const scores = async (
        text: string,
      ): Promise<{ name: string; score: { estimate: number } }[]> => {
        writeFileSync(path("judged.yaml"), text);
        const { out: lines } = await attune("--json", "align", path("judged.yaml"));
        return (
          JSON.parse(lines.trimEnd().split("\n").at(-1)!) as {
            comparisons: { name: string; score: { estimate: number } }[];
          }
        ).comparisons;
      };
      const first = await scores(judged(careful + dpo));
      const second = await scores(judged(dpo));
      expect(second.map(({ name }) => name)).toEqual(["base", "dpo"]);
      expect(second[0]!.score.estimate).not.toBe(first[0]!.score.estimate);
      expect((await scores(judged(""))).map(({ name }) => name)).toEqual(["base"]);

      write(
        "mixed.jsonl",
        pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
      );
      const ptx =
        `model: ${path("model")}\nout: ${path("ptx")}\nreward: { data: ${path("other.jsonl")}, ` +
        `batchSize: 12, heldOut: 6 }\nppo: { data: ${path("other.jsonl")}, batchSize: 8, ` +
        "maxNewTokens: 4, maxLength: 64, maxSteps: 1, ppoEpochs: 1, rewardSamples: 8, " +
        "sampleSteps: 0, critic: { warmupSteps: 0 }, ptx: { coef: 1, data: " +
        `${path("mixed.jsonl")} } }\n`;
      writeFileSync(path("ptx.yaml"), ptx);
      expect((await attune("align", path("ptx.yaml"))).status).toBe(0);
      write(
        "mixed.jsonl",
        pairs.slice(0, 30).map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
      );
      expect((await attune("align", path("ptx.yaml"), "--dry-run")).out).toMatch(
        /PPO +run +ptx.data .* is .*, was /,
      );
    },
  );

  test("the file's template is that of what begins with its model; later stages go on with their model's own", () => {
    const templates = (text: string): (readonly [string, unknown])[] =>
      readAlignFile(text, "a.yaml").stages.map(
        ({ folder, options }) => [folder, options["template"]] as const,
      );
    const stages = "sft: { data: d.jsonl }\nreward: { data: p.jsonl }\nppo: { data: p.jsonl }\n";
    expect(templates(`model: m\ntemplate: chatml\n${stages}`)).toEqual([
      ["sft", "chatml"],
      ["reward", "auto"],
      ["ppo", "auto"],
    ]);
    expect(
      templates(
        `model: m\ntemplate: chatml\n${stages.replace("d.jsonl", "d.jsonl, template: plain")}`,
      )[0],
    ).toEqual(["sft", "plain"]);
    expect(templates("model: m\ntemplate: chatml\ndpo: { data: p.jsonl }\n")).toEqual([
      ["dpo", "chatml"],
    ]);
    expect(templates(`model: m\n${stages}`).map(([, template]) => template)).toEqual([
      "auto",
      "auto",
      "auto",
    ]);
  });

  test("--init writes a file that is valid, and never over another", async () => {
    const made = path("made.yaml");
    expect((await attune("align", made, "--init")).status).toBe(0);
    const parsed = readAlignFile(readFileSync(made, "utf8"), made);
    expect(parsed.stages.map(({ folder, needs }) => [folder, needs])).toEqual([
      ["sft", []],
      ["reward", ["sft"]],
      ["held-out-reward", ["sft"]],
      ["ppo", ["sft", "reward", "held-out-reward"]],
      ["dpo", ["sft"]],
    ]);
    expect(parsed.stages.at(-1)!.options["data"]).toBe("pairs.jsonl");
    const again = await attune("align", made, "--init");
    expect([again.status, again.err]).toEqual([2, expect.stringContaining("there already")]);
  });
});

describe("a file with a mistake is refused with its line", () => {
  const base = "model: m\n";
  test.each([
    ["an unknown part", `${base}rewards:\n  data: x\n`, ":2", "did you mean reward?"],
    [
      "an unknown option",
      `${base}dpo:\n  data: x\n  # a remark\n  betta: 1\n`,
      ":5",
      "did you mean beta?",
    ],
    [
      "an option in a flow map",
      `${base}\ndpo: { data: x, betta: 1 }\n`,
      ":3",
      "did you mean beta?",
    ],
    ["a value of the wrong kind", `${base}dpo:\n  data: x\n  beta: much\n`, ":4", "beta"],
    ["no model", "dpo:\n  data: x\n", "", "model is missing"],
    ["no stage", base, "", "asks for no stage"],
    [
      "an evaluation without a judge",
      `${base}dpo:\n  data: x\nevaluation:\n  data: y\n`,
      ":4",
      "no judge",
    ],
    [
      "a held-out reward without pairs of its own",
      `${base}reward:\n  data: x\nheldOutReward:\n  epochs: 1\n`,
      "",
      "needs the option data",
    ],
    ["a list where options belong", `${base}dpo:\n  - data\n`, ":2", "holds the options of"],
    ["broken YAML", `${base}dpo: [\n`, ":", "not valid YAML"],
  ])("%s", async (_name, text, line, message) => {
    writeFileSync(path("bad.yaml"), text);
    const { status, err } = await attune("align", path("bad.yaml"));
    expect(status).toBe(2);
    expect(err).toContain(`bad.yaml${line}`);
    expect(err).toContain(message);
  });

  test("a file that is not there", async () => {
    const { status, err } = await attune("align", path("nowhere.yaml"));
    expect([status, err]).toEqual([2, expect.stringContaining("--init")]);
  });
});
