/**
 * Bad input of every method that draws answers, through the command line: what the message says,
 * the exit status, and what is left. A mistake that shows before the first step leaves no run
 * folder; one that shows later keeps the last checkpoint.
 */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { randomModel } from "../../src/models/testing.ts";
import { saveTrained } from "../../src/models/save.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import type { TrainerEntry } from "../../src/training/trainer.ts";
import { TRAINERS } from "../../src/training/trainers.ts";
import { attune, saveTinyModel } from "./support.ts";
import type { Outcome } from "./support.ts";

let parent: string;
const start = process.cwd();
const TEXTS = Array.from({ length: 8 }, (_, i) => `where is the mill ${i}`);
const lines = (prompts: readonly string[]): string =>
  prompts.map((prompt) => `${JSON.stringify({ prompt })}\n`).join("");

const FILES: Readonly<Record<string, string>> = {
  "prompts.jsonl": lines(TEXTS),
  "some-long.jsonl": lines([...TEXTS, "mill ".repeat(60).trim()]),
  "long.jsonl": lines(["mill ".repeat(60).trim()]),
  "good.mjs":
    "export default ({ completion }) => completion.length + (completion.codePointAt(0) ?? 0) / " +
    "1000;\n",
  "solutions.jsonl": TEXTS.map((prompt, i) => `${JSON.stringify({ prompt, solution: i })}\n`).join(
    "",
  ),
  "solution.mjs":
    "export default ({ completion, extra }) => { if (!Number.isInteger(extra.solution)) throw " +
    "new Error('no solution'); return completion.length + extra.solution; };\n",
  "constant.mjs": "export default () => 1;\n",
  "nan.mjs": "export default () => NaN;\n",
  "throws.mjs": "export default () => { throw new Error('no such key'); };\n",
  "hangs.mjs": "export default () => { for (;;); };\n",
  // the first call is the trial before any model is read
  "late.mjs":
    "let calls = -1;\nexport default ({ completion }) => { if (calls++ >= 8) throw new " +
    "Error('gone'); return completion.length + (completion.codePointAt(0) ?? 0) / 1000; };\n",
};

/** A random network that scores. */
async function saveRewardModel(
  folder: string,
  files: Parameters<typeof tokenizerFromFiles>[0],
  scale: number,
): Promise<void> {
  const tokenizer = tokenizerFromFiles(files);
  const model = randomModel(
    {
      model_type: "llama",
      vocab_size: tokenizer.vocabularySize,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      intermediate_size: 48,
      max_position_embeddings: 256,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
    },
    5,
    0.2,
  );
  model.scoreHead = {
    dtype: "float32",
    shape: [1, 32],
    data: Float32Array.from({ length: 32 }, (_, i) => scale * Math.sin(i)),
  };
  await saveTrained(model, { tokenizer }, folder);
}

beforeAll(async () => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), "attune-bad-rollouts-")));
  process.chdir(parent);
  vi.stubEnv("ATTUNE_CACHE", join(parent, "cache"));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(name, content);
  await saveTinyModel("model", worldTokenizer(TEXTS));
  await saveRewardModel("other", worldTokenizer([...TEXTS, "another vocabulary altogether"]), 1);
  await saveRewardModel("flat", worldTokenizer(TEXTS), 0);
});
afterAll(() => {
  process.chdir(start);
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

/** Options with which a method answers 8 prompts with 2 samples, 4 prompts a step. */
function optionsOf(method: string): string {
  if (method === "best-of-n") return "--samples 2 --prompts-per-step 3 --checkpoint-steps 1";
  const more = method === "ppo" ? " --epochs 2" : "";
  return (
    "--samples 2 --batch-size 8 --max-steps 3 --learning-rate 1e-3 --checkpoint-steps 1 " +
    `--sample-steps 0${more}`
  );
}
const methods = Object.entries<TrainerEntry>(TRAINERS)
  .filter(([, { learnsFrom }]) => learnsFrom === "answers")
  .map(([name]) => name);
let number = 0;

async function run(
  method: string,
  {
    reward = "./good.mjs",
    data = "prompts.jsonl",
    more = "",
  }: { reward?: string; data?: string; more?: string },
): Promise<Outcome & { folder: string }> {
  const folder = `runs/${++number}`;
  const argv =
    `--quiet ${method} --model model --data ${data} --reward ${reward} --out ${folder} ` +
    `--max-length 64 --max-new-tokens 6 --reward-samples 8 ${optionsOf(method)} ${more}`;
  return { ...(await attune(...argv.split(" ").filter((word) => word !== ""))), folder };
}

/** What goes wrong with a reward. */
function badRewards(method: string): void {
  test("a reward model with another tokenizer reads the text, with a warning", async () => {
    const { status, err } = await run(method, { reward: "other" });
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(
        /the reward model other has another tokenizer than the policy: answers are encoded again from their text/,
      ),
    ]);
  });

  test("a reward that is constant: a model is refused, a function is warned of", async () => {
    const flat = await run(method, { reward: "flat" });
    expect([flat.status, flat.err, existsSync(flat.folder)]).toEqual([
      2,
      expect.stringMatching(
        /^error: the reward flat gives every answer the same\n {2}got: 0 for 8 answers/m,
      ),
      false,
    ]);
    const constant = await run(method, { reward: "./constant.mjs" });
    expect([constant.status, constant.err]).toEqual([
      0,
      expect.stringMatching(
        /every answer of a roll-out has the same reward, 1: there is nothing to learn from it/,
      ),
    ]);
  });

  test.each([
    [
      "is NaN",
      "./nan.mjs",
      "",
      new RegExp(
        String.raw`^error: prompts\.jsonl:1: the reward nan\.mjs is no number, on the first ` +
          "row of the data, before any model was read" +
          String.raw`\n {2}got: NaN for the answer .*` +
          String.raw`\n {2}expected: export default`,
        "m",
      ),
    ],
    [
      "throws",
      "./throws.mjs",
      "",
      /^error: the reward function throws\.mjs failed, on the first row[^]*got: Error: no such key/m,
    ],
    [
      "hangs",
      "./hangs.mjs",
      "--reward-timeout 1",
      /^error: the reward function hangs\.mjs has not answered, on the first row[^]*got: nothing for 1 s/m,
    ],
  ])("a reward that %s", async (_, reward, more, says) => {
    const outcome = await run(method, { reward, more });
    expect([outcome.status, outcome.err, existsSync(outcome.folder)]).toEqual([
      2,
      expect.stringMatching(says),
      false,
    ]);
  });

  test("a reward function reads the row's other columns; a reward model has no use for them", async () => {
    const judged = await run(method, { reward: "./solution.mjs", data: "solutions.jsonl" });
    expect([judged.status, judged.err]).toEqual([0, expect.not.stringContaining("error")]);
    const refused = await run(method, { reward: "other", data: "solutions.jsonl" });
    expect([refused.status, refused.err]).toEqual([
      2,
      expect.stringMatching(/^error: solutions\.jsonl:1: the format trl has no column solution/m),
    ]);
  });
}

/** What goes wrong with the run or its prompts. */
function badRuns(method: string): void {
  test("a reward that fails later leaves the checkpoint, and the run goes on once it is mended", async () => {
    const { status, err, folder } = await run(method, { reward: "./late.mjs" });
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(
        new RegExp(
          String.raw`late\.mjs failed\n {2}got: Error: gone[\s\S]*the last checkpoint is ` +
            "kept: mend the function, then `attune resume`",
        ),
      ),
    ]);
    expect(
      readdirSync(join(folder, "checkpoints")).filter((name) => name.startsWith("step-")),
    ).not.toEqual([]);
    writeFileSync("late.mjs", FILES["good.mjs"]!);
    expect((await attune("--quiet", "resume", folder)).status).toBe(0);
    writeFileSync("late.mjs", FILES["late.mjs"]!);
  });

  test("prompts longer than the context are left out, with a warning; none left is an error", async () => {
    const some = await run(method, { data: "some-long.jsonl" });
    expect([some.status, some.err]).toEqual([
      0,
      expect.stringMatching(/1 prompt left out: with 6 tokens of answer they do not fit into 64/),
    ]);
    const none = await run(method, { data: "long.jsonl" });
    expect([none.status, none.err, existsSync(none.folder)]).toEqual([
      2,
      expect.stringMatching(/^error: long\.jsonl:1: no prompt leaves room for an answer\n/m),
      false,
    ]);
  });
}

function badInput(method: string): void {
  badRewards(method);
  badRuns(method);
}

const quick = ["ppo", "best-of-n"];
describe.each(quick)("%s", badInput);
// they go through the same command and the same loop
describe.each(methods.filter((method) => !quick.includes(method)))(
  "%s",
  { tags: ["dear"] },
  badInput,
);
