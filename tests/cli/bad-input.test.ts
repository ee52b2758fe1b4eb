/**
 * Bad input through the command line: what the message says, the exit status, and that no file is
 * new or different afterwards. Every file that is named lies in one folder, which is compared as a
 * whole.
 */
import fs, {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FAMILIES } from "../../src/models/registry.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { attune, saveTinyModel, snapshot } from "./support.ts";

let parent: string;
let cache: string;
const start = process.cwd();

const PAIRS = Array.from({ length: 10 }, (_, i) => ({
  prompt: `where is the mill ${i}?`,
  chosen: `by the old bridge ${i}`,
  rejected: `nobody knows ${i}`,
}));
const lines = (rows: readonly unknown[]): string =>
  rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join("");
/** Good pairs with something else as second row. */
const second = (row: unknown): string => lines([PAIRS[0], row, ...PAIRS.slice(1)]);

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "good.jsonl": lines(PAIRS),
  "missing.jsonl": second({ prompt: "a", chosen: "b" }),
  "unknown.jsonl": second({ prompt: "a", chosen: "b", rejected: "c", colour: "red" }),
  "empty.jsonl": second({ prompt: "a", chosen: "", rejected: "c" }),
  "same.jsonl": second({ prompt: "a", chosen: "c", rejected: "c" }),
  "broken.jsonl": second('{"prompt": "a", "chosen": '),
  "utf8.jsonl": Buffer.concat([
    Buffer.from(lines(PAIRS.slice(0, 1))),
    Buffer.from('{"prompt":"'),
    Buffer.of(0xff),
    Buffer.from('","chosen":"b","rejected":"c"}\n'),
  ]),
  "long.jsonl": second({
    prompt: "where is the mill?",
    chosen: "by the old bridge",
    rejected: "the mill ".repeat(40).trim(),
  }),
  "nothing.jsonl": "",
  "prompts.jsonl": lines([{ prompt: "where is the mill?" }]),
  "reward.mjs": "export default () => 1;\n",
  "unknown.yaml": "beta: 0.1\nlearing_rate: 1\n",
  "broken.yaml": "beta: [\n",
  "hostile.gguf": Buffer.concat([
    Buffer.from("GGUF"),
    Buffer.of(3, 0, 0, 0),
    Buffer.alloc(8, 0xff),
    Buffer.alloc(8),
  ]),
};

function changeConfig(folder: string, change: object): void {
  const path = join(folder, "config.json");
  writeFileSync(
    path,
    JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...change }),
  );
}

/** Copies of the model with one thing wrong. */
const MODELS: Readonly<Record<string, (folder: string) => void>> = {
  shardless: (folder) => {
    fs.renameSync(
      join(folder, "model.safetensors"),
      join(folder, "model-00001-of-00002.safetensors"),
    );
    writeFileSync(
      join(folder, "model.safetensors.index.json"),
      JSON.stringify({
        metadata: {},
        weight_map: {
          "model.embed_tokens.weight": "model-00001-of-00002.safetensors",
          "model.norm.weight": "model-00002-of-00002.safetensors",
        },
      }),
    );
  },
  corrupt: (folder) =>
    writeFileSync(
      join(folder, "model.safetensors"),
      Buffer.concat([Buffer.alloc(7, 0xff), Buffer.from('\x7f{"a"')]),
    ),
  short: (folder) =>
    writeFileSync(
      join(folder, "model.safetensors"),
      readFileSync(join(folder, "model.safetensors")).subarray(0, -100),
    ),
  nan: (folder) => {
    const path = join(folder, "model.safetensors");
    const bytes = readFileSync(path);
    bytes.writeFloatLE(NaN, bytes.length - 4);
    writeFileSync(path, bytes);
  },
  family: (folder) =>
    writeFileSync(join(folder, "config.json"), JSON.stringify({ model_type: "lama" })),
  endless: (folder) => changeConfig(folder, { num_hidden_layers: 1e12 }),
  immense: (folder) => changeConfig(folder, { hidden_size: 1e12 }),
  wordless: (folder) => rmSync(join(folder, "tokenizer.json")),
};

beforeAll(async () => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), "attune-bad-")));
  process.chdir(parent);
  for (const [name, content] of Object.entries(FILES)) writeFileSync(name, content);
  await saveTinyModel("model", worldTokenizer(PAIRS.flatMap((pair) => Object.values(pair))));
  // Heads of 4 train, but the key-value cache does not take them.
  await saveTinyModel("narrow", worldTokenizer(PAIRS.flatMap((pair) => Object.values(pair))), {
    num_attention_heads: 8,
    num_key_value_heads: 8,
  });
  for (const [name, spoil] of Object.entries(MODELS)) {
    cpSync("model", name, { recursive: true });
    spoil(name);
  }
  mkdirSync("full");
  writeFileSync("full/notes.txt", "mine");
  cache = mkdtempSync(join(tmpdir(), "attune-bad-cache-"));
  vi.stubEnv("ATTUNE_CACHE", cache);
});
afterAll(() => {
  process.chdir(start);
  vi.unstubAllEnvs();
  for (const folder of [parent, cache]) rmSync(folder, { recursive: true, force: true });
});

interface Case {
  /** What is wrong. */
  name: string;
  argv: string;
  /**
   * Everything that the message says, but for the last part of the first line where it ends in
   * "...".
   */
  says: string;
  /** Default 2. */
  status?: number;
}

const dpo = (data: string, options = ""): string =>
  `dpo --model model --data ${data} --out runs/out ${options}`;
const withModel = (model: string): string =>
  `dpo --model ${model} --data good.jsonl --out runs/out`;

const CASES: readonly Case[] = [
  {
    name: "a column is missing",
    argv: dpo("missing.jsonl"),
    says:
      "missing.jsonl:2: the row has no column rejected\n  got: prompt, chosen\n  expected: " +
      "columns prompt, chosen, rejected\n  try: ...",
  },
  {
    name: "a column is unknown",
    argv: dpo("unknown.jsonl"),
    says:
      "unknown.jsonl:2: the format trl has no column colour\n  got: prompt, chosen, rejected, " +
      "colour\n  expected: prompt, chosen, rejected, ...\n  try: leave the column out with " +
      "--ignore-columns colour",
  },
  {
    name: "a completion is empty",
    argv: dpo("empty.jsonl"),
    says:
      "empty.jsonl:2: the chosen completion is empty\n  got: 1 bad row of 11\n  expected: at " +
      "most 1% of the rows bad\n  try: mend or remove the rows, ...",
  },
  {
    name: "completions are identical",
    argv: dpo("same.jsonl", "--on-bad error"),
    says:
      "same.jsonl:2: chosen and rejected are identical\n  got: 1 bad row of 3\n  expected: no " +
      "bad rows\n  try: mend or remove the rows, ...",
  },
  {
    name: "a line is no JSON",
    argv: dpo("broken.jsonl"),
    says:
      "broken.jsonl:2: the row is not valid JSON: column 27\n  got: the row ends after ...\n  " +
      "expected: a value\n  try: mend the row, or leave it out",
  },
  {
    name: "a byte is no UTF-8",
    argv: dpo("utf8.jsonl"),
    says:
      "utf8.jsonl:2: the text is not valid UTF-8: column 12\n  got: byte 0xff\n  expected: " +
      "UTF-8\n  try: save the file as UTF-8 ...",
  },
  {
    name: "truncation empties a completion",
    argv: dpo("good.jsonl", "--max-length 1"),
    says:
      "good.jsonl:...: truncation leaves nothing of the completion\n  got: ... max length 1; 9 " +
      "such rows of 9\n  try: a larger max length, or drop this row; such rows are left out and " +
      "counted with --on-bad drop",
  },
  {
    name: "there is no such data",
    argv: dpo("god.jsonl"),
    says:
      "god.jsonl: there is no such file or folder\n  expected: a data file ...\n  try: check the " +
      "path",
  },
  {
    name: "the data is empty",
    argv: dpo("nothing.jsonl"),
    says: "nothing.jsonl: ...\n  expected: one row at least...",
  },
  {
    name: "the data is of another kind",
    argv: dpo("prompts.jsonl"),
    says:
      "prompts.jsonl:1: this is prompt data, and preference data is needed\n  got: columns " +
      "prompt\n  expected: ...\n  try: ...",
  },
  {
    name: "nothing is left to train on",
    argv: dpo("good.jsonl", "--held-out 10"),
    says:
      "holding out so many records leaves none to train on\n  got: 10, of 10 records\n  " +
      "expected: ...\n  try: hold out fewer",
  },
  {
    name: "a config key is unknown",
    argv: dpo("good.jsonl", "--config unknown.yaml"),
    says: "unknown.yaml:2: learing_rate is not an option of dpo\n  try: did you mean learningRate?",
  },
  {
    name: "a config file is no YAML",
    argv: dpo("good.jsonl", "--config broken.yaml"),
    says:
      "broken.yaml:2: not valid YAML: ...\n  expected: lines such as `learningRate: 1e-4`\n  " +
      "try: ...",
  },
  {
    name: "a config file is missing",
    argv: dpo("good.jsonl", "--config none.yaml"),
    says: "none.yaml: there is no such file\n  try: check the path after --config",
  },
  {
    name: "an option is unknown",
    argv: dpo("good.jsonl", "--bta 1"),
    says: "unknown option '--bta'\n  try: did you mean --beta?",
  },
  {
    name: "--set names nothing",
    argv: dpo("good.jsonl", "--set lora.rnk=3"),
    says: "--set lora.rnk is not an option of dpo\n  try: did you mean lora.rank?",
  },
  {
    name: "an option is given a wrong value",
    argv: dpo("good.jsonl", "--beta strong"),
    says:
      '--beta does not take this value\n  got: "strong"\n  expected: number > 0\n  try: beta: ' +
      "strength of the pull towards the reference",
  },
  {
    name: "the loss ignores an option",
    argv: dpo("good.jsonl", "--loss ipo --label-smoothing 0.1"),
    says:
      "--label-smoothing has no effect with loss ipo\n  got: loss: ipo\n  expected: " +
      "labelSmoothing is used with loss ...\n  try: remove labelSmoothing, or change loss",
  },
  {
    name: "a command is unknown",
    argv: "dop --model model",
    says: 'there is no command "dop"\n  try: did you mean `attune dpo`?',
  },
  {
    name: "a shard is missing",
    argv: withModel("shardless"),
    says:
      "shardless/model.safetensors.index.json: the shard model-00002-of-00002.safetensors is " +
      "missing\n  got: 1 of 2 shards\n  try: download the missing files into the same folder",
  },
  {
    name: "a safetensors header is hostile",
    argv: withModel("corrupt"),
    says:
      "corrupt/model.safetensors: not a valid safetensors file: the header is longer than any " +
      "model needs\n  got: 9223372036854775807 bytes; ...\n  try: download or export the file " +
      "again",
  },
  {
    name: "a safetensors file ends early",
    argv: withModel("short"),
    says:
      "short/model.safetensors: not a valid safetensors file: it is cut off\n  got: ... bytes " +
      "where the header promises ...\n  try: download or export the file again",
  },
  {
    name: "a GGUF header is hostile",
    argv: withModel("hostile.gguf"),
    says:
      "hostile.gguf: not a valid GGUF file: a count exceeds the size of the file\n  got: ... " +
      "tensors\n  try: download the file again",
  },
  {
    name: "a weight is NaN",
    argv: withModel("nan"),
    status: 1,
    says: "nan: the weight model.norm.weight is not finite\n  got: NaN at element 31\n  try: ...",
  },
  {
    name: "a family is unknown",
    argv: withModel("family"),
    says:
      '...this model family is not supported\n  got: model_type "lama"\n  expected: ' +
      `${FAMILIES.flatMap(({ modelType, otherTypes = [] }) => [modelType, ...otherTypes]).join(", ")}\n` +
      "  try: a llama model",
  },
  {
    name: "a config names a size beyond every model",
    argv: withModel("immense"),
    says:
      "immense: config.json: hidden_size is wrong\n  got: 1000000000000\n  expected: a whole " +
      "number from 1 to 1048576",
  },
  {
    name: "a config names layers without end",
    argv: withModel("endless"),
    says:
      "endless: config.json: num_hidden_layers is wrong\n  got: 1000000000000\n  expected: a " +
      "whole number from 1 to 4096",
  },
  ...[
    "generate --model narrow hello",
    "chat --model narrow",
    "ppo --model narrow --reward ./reward.mjs --data prompts.jsonl --out runs/out",
  ].map((argv) => ({
    name: `a model cannot be decoded: ${argv.split(" ")[0]!}`,
    argv,
    says:
      "...narrow: attune cannot generate with this model: its attention heads have a size that " +
      "the key-value cache does not take\n  got: heads of 4\n  expected: a multiple of 16 (with " +
      "rotary positions)\n  try: it can be trained ...",
  })),
  {
    name: "the tokenizer is missing",
    argv: withModel("wordless"),
    says: "wordless: the folder has no tokenizer.json\n  try: ...",
  },
  {
    name: "a model is no model",
    argv: withModel("good.jsonl"),
    says:
      "good.jsonl: this file is no model that attune reads\n  got: good.jsonl\n  expected: a " +
      "folder with config.json and safetensors files, or a .gguf file",
  },
  {
    name: "the folder for the run is taken",
    argv: "dpo --model model --data good.jsonl --out full",
    says:
      "full: the folder for the run is not empty\n" +
      "  got: it holds notes.txt\n" +
      "  try: another --out",
  },
  {
    name: "what should be resumed is no run",
    argv: "resume full",
    says:
      "...full: this folder is not a run\n  expected: a folder with run.json\n  try: `attune " +
      "runs` lists the runs",
  },
  {
    name: "no prompt is given a context that is long enough",
    argv: `generate --model model ${"hello".repeat(60)}`,
    says:
      "the prompt leaves no room for an answer in the model's context\n  got: a prompt of ...\n  " +
      "expected: fewer than 256\n  try: a shorter prompt",
  },
];

/** Whether a message says what a case wants; "..." stands for anything but a line break. */
function pattern(says: string): RegExp {
  const literal = says.split("...").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`(^|\\n)error: ${literal.join("[^\\n]*")}\\n$`);
}

async function refused({ argv, says, status = 2 }: Omit<Case, "name">): Promise<void> {
  const before = snapshot(parent);
  const outcome = await attune("--quiet", ...argv.split(" ").filter((word) => word !== ""));
  expect(outcome.err).toMatch(pattern(says));
  expect([outcome.status, outcome.out]).toEqual([status, ""]);
  expect(snapshot(parent)).toEqual(before);
}

test.each(CASES)("$name", async (one) => refused(one));

describe("an id that cannot be reached", () => {
  afterEach(() => void vi.stubEnv("HF_HUB_OFFLINE", undefined));

  test.each([
    [
      "a model offline",
      withModel("someone/nothing"),
      { HF_HUB_OFFLINE: "1" },
      "someone/nothing: there is no such file or folder\n" +
        "  got: as a Hugging Face id it is of no use either: someone/nothing is not in the " +
        "cache, and HF_HUB_OFFLINE is set (nothing in the cache)\n" +
        "  try: check the path; or, if it is an id: unset HF_HUB_OFFLINE, or give the path of " +
        "a local copy",
    ],
    [
      "a data set offline",
      dpo("someone/nothing"),
      { HF_HUB_OFFLINE: "1" },
      "someone/nothing: there is no such file or folder\n" +
        "  got: as a Hugging Face id it is of no use either: someone/nothing is not in the " +
        "cache, and HF_HUB_OFFLINE is set (nothing in the cache)\n" +
        "  try: check the path; or, if it is an id: unset HF_HUB_OFFLINE, or give the path of " +
        "a local copy",
    ],
    [
      "a hub that does not answer",
      withModel("someone/nothing"),
      { HF_ENDPOINT: "http://127.0.0.1:9" },
      "someone/nothing: there is no such file or folder\n" +
        "  got: as a Hugging Face id it is of no use either: http://127.0.0.1:9 cannot be " +
        "reached, and someone/nothing is not in the cache (fetch failed...\n" +
        "  try: check the path; or, if it is an id: check the connection (HF_ENDPOINT names " +
        "another hub), or give the path of a local copy",
    ],
  ])("%s", async (_, argv, environment, says) => {
    vi.stubEnv("HF_HUB_CACHE", join(parent, "hub"));
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    await refused({ argv, says });
  });
});

test("a loss that is no number stops the run, names the tensor, and keeps the last good checkpoint", async () => {
  const { status, err } = await attune(
    "--quiet",
    ...(
      "dpo --model model --data good.jsonl --out diverged --adapter none --learning-rate 1e30 " +
      "--batch-size 2 --checkpoint-steps 1 --held-out 0"
    ).split(" "),
  );
  expect(status).toBe(1);
  const [, step] =
    new RegExp(
      String.raw`^error: step (\d+): (?:the gradient of [\w.]+|the loss) is not finite \(NaN ` +
        String.raw`or infinity\)\n {2}try: a lower learning rate, .*the last checkpoint is kept` +
        String.raw`\n$`,
    ).exec(err) ?? [];
  expect(step).toBeDefined();
  expect(JSON.parse(readFileSync("diverged/run.json", "utf8"))).toMatchObject({ status: "failed" });
  const checkpoints = fs.readdirSync("diverged/checkpoints");
  expect(checkpoints.at(-1)).toBe(`step-${String(Number(step) - 1).padStart(6, "0")}`);
  expect(fs.readdirSync(join("diverged/checkpoints", checkpoints.at(-1)!)).toSorted()).toEqual([
    "manifest.json",
    "state.json",
    "state.safetensors",
  ]);
  rmSync("diverged", { recursive: true });
});

describe("a full disk", () => {
  let restore = (): void => undefined;
  afterEach(() => restore());

  /**
   * From now on all files together take `room` bytes, then none: what node:fs says when the disk is
   * full.
   */
  async function fillUp(room: number): Promise<void> {
    let left = room;
    const full = (size: number): Error | undefined =>
      (left -= size) < 0
        ? Object.assign(new Error("ENOSPC: no space left on device, write"), {
            code: "ENOSPC",
            errno: -28,
            syscall: "write",
          })
        : undefined;
    const { write, writev, writeSync } = fs;
    const handle = await fs.promises.open(join(parent, "good.jsonl"), "r");
    const prototype = Object.getPrototypeOf(handle) as {
      writeFile: (data: Uint8Array) => Promise<void>;
    };
    await handle.close();
    const { writeFile } = prototype;

    type Done = (error: Error | null) => void;
    const sizeOf = (data: Uint8Array | readonly Uint8Array[]): number =>
      ArrayBuffer.isView(data)
        ? data.byteLength
        : data.reduce((total, { byteLength }) => total + byteLength, 0);
    const failing =
      (call: (...values: unknown[]) => void) =>
      (...values: unknown[]): void => {
        const error = full(sizeOf(values[1] as Uint8Array));
        if (error) (values.at(-1) as Done)(error);
        else call(...values);
      };
    fs.write = failing(write as never) as unknown as typeof fs.write;
    fs.writev = failing(writev as never) as unknown as typeof fs.writev;
    fs.writeSync = ((file: number, bytes: Uint8Array, ...rest: []) => {
      const error = full(bytes.byteLength);
      if (error) throw error;
      return writeSync(file, bytes, ...rest);
    }) as typeof fs.writeSync;
    prototype.writeFile = async function (data: Uint8Array): Promise<void> {
      const error = full(data.length);
      if (error) throw error;
      return writeFile.call(this, data);
    };
    syncBuiltinESMExports();
    restore = () => {
      Object.assign(fs, { write, writev, writeSync });
      prototype.writeFile = writeFile;
      syncBuiltinESMExports();
      restore = () => undefined;
    };
  }

  test.each([
    ["an export", "export model --format safetensors --out exported", 30_000],
    ["a conversion", "data convert good.jsonl --to trl --out converted.jsonl", 100],
    ["a run that cannot even begin", dpo("good.jsonl"), 50],
  ])("%s leaves nothing behind", async (_, argv, room) => {
    const before = snapshot(parent);
    await fillUp(room);
    const { status, err } = await attune(
      "--quiet",
      ...argv.split(" ").filter((word) => word !== ""),
    );
    restore();
    expect(err).toMatch(
      /^error: \S+: .*: the disk is full\n {2}try: free some space, or write to another disk\n$/,
    );
    expect(status).toBe(1);
    expect(snapshot(parent)).toEqual(before);
  });

  test("a run keeps its last good checkpoint, and goes on once there is room", async () => {
    const argv = (
      "--model model --data good.jsonl --batch-size 2 --checkpoint-steps 1 --held-out 0 " +
      "--lora-rank 2 --max-steps 4"
    ).split(" ");
    expect((await attune("--quiet", "dpo", ...argv, "--out", "whole")).status).toBe(0);
    await fillUp(60_000);
    const { status, err } = await attune("--quiet", "dpo", ...argv, "--out", "squeezed");
    restore();
    expect([status, err]).toEqual([1, expect.stringContaining("the disk is full")]);
    const saved = fs.readdirSync("squeezed/checkpoints").filter((name) => name.startsWith("step-"));
    expect(saved.length).toBeGreaterThan(0);
    expect((await attune("--quiet", "resume", "squeezed")).status).toBe(0);
    const compared = (run: string) =>
      Object.fromEntries(
        Object.entries(snapshot(run)).filter(([name]) => /^(metrics|model|checkpoints)/.test(name)),
      );
    expect(compared("squeezed")).toEqual(compared("whole"));
    for (const run of ["whole", "squeezed"]) rmSync(run, { recursive: true });
  });
});
