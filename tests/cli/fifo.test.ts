/**
 * A FIFO or a device in place of a file that a command names: refused at once, never waited for.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { attune, saveTinyModel } from "./support.ts";

const start = process.cwd();
let parent: string;
const PAIRS = [
  { prompt: "a", chosen: "b", rejected: "c" },
  { prompt: "d", chosen: "e", rejected: "f" },
];
/** Files of a model's folder, each in a folder where it is a FIFO. */
const MODEL_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];

const onPosix = describe.runIf(process.platform !== "win32");

onPosix("a FIFO in place of", () => {
  beforeAll(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), "attune-fifo-")));
    process.chdir(parent);
    writeFileSync("good.jsonl", PAIRS.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
    await saveTinyModel("model", worldTokenizer(PAIRS.flatMap((pair) => Object.values(pair))));
    for (const name of MODEL_FILES) {
      cpSync("model", `no-${name}`, { recursive: true });
      rmSync(join(`no-${name}`, name));
      execFileSync("mkfifo", [join(`no-${name}`, name)]);
    }
    execFileSync("mkfifo", [
      "data.jsonl",
      "table.csv",
      "rows.parquet",
      "options.yaml",
      "reward.mjs",
      "rules.yaml",
      "token",
      "weights.gguf",
    ]);
    symlinkSync("/dev/zero", "zero.json");
  });
  afterAll(() => {
    process.chdir(start);
    rmSync(parent, { recursive: true, force: true });
  });

  test.each<[string, string, string]>([
    [
      "data",
      "dpo --model model --data data.jsonl --out run",
      "data.jsonl: this is a FIFO, not a file",
    ],
    ["a table", "data inspect table.csv", "table.csv: this is a FIFO, not a file"],
    ["Parquet", "data inspect rows.parquet", "rows.parquet: this is a FIFO, not a file"],
    ["endless data", "data inspect zero.json", "zero.json: this is a device, not a file"],
    [
      "options",
      "dpo --model model --data good.jsonl --config options.yaml --out run",
      "options.yaml: this is a FIFO, not a file",
    ],
    ["a pipeline", "align options.yaml", "options.yaml: this is a FIFO, not a file"],
    [
      "a reward function",
      "ppo --model model --reward ./reward.mjs --data good.jsonl --out run",
      "./reward.mjs: this is a FIFO, not a file with a reward function",
    ],
    ["a constitution", "constitution check rules.yaml", "rules.yaml: this is a FIFO, not a file"],
    ["a token", "serve --model model --token-file token", "token: this is a FIFO, not a file"],
    [
      "weights",
      "dpo --model weights.gguf --data good.jsonl --out run",
      "weights.gguf: this is a FIFO, not a file",
    ],
    ...MODEL_FILES.map((name): [string, string, string] => [
      name,
      `dpo --model no-${name} --data good.jsonl --out run`,
      `no-${name}/${name}: this is a FIFO, not a file`,
    ]),
  ])("%s", async (_name, argv, says) => {
    const { status, err } = await attune("--quiet", ...argv.split(" "));
    expect(err).toContain(`error: ${says}`);
    expect(status).toBe(2);
  });
});
