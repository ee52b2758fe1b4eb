/**
 * Faults that an examination found on commit 578526b, shown through what exists there too:
 * commands, the server's answers and functions of both commits. `node scripts/examined.mjs 578526b`
 * runs them on the code that had the faults. The tests of a fault's kind stand beside its code;
 * docs/log.md names them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { int64, zeros } from "../../src/core/tensor.ts";
import { openModel, openAdapterOver } from "../../src/models/open.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { TINY_CONFIGS, randomModel } from "../../src/models/testing.ts";
import { GgufFile } from "../../src/models/weights/gguf.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import { pairEvaluator } from "../../src/objectives/pairs.ts";
import type { PairTerms } from "../../src/objectives/preference-loss.ts";
import { defaultHyperparameters } from "../../src/objectives/preference-options.ts";
import type { PreferenceLossName } from "../../src/objectives/preference.ts";
import type { DecoderRun } from "../../src/sampling/decoder.ts";
import { Decoder, DecodingBatch } from "../../src/sampling/decoder.ts";
import { BatchingEngine } from "../../src/sampling/engine.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { send, startTiny } from "../../src/server/testing.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { compileSources } from "../support/compiled.ts";
import { repositoryRoot, sharedCase } from "../support/shared.ts";
import { attune, copyGolden, saveTinyModel, smallTokenizerFiles } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-examined-"));
const path = (name: string): string => join(parent, name);
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path(name);
};
const jsonOf = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
let model: string;
let server: RunningServer | undefined;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  const { files } = byteTokenizer();
  model = await saveTinyModel(path("model"), {
    "tokenizer.json": files["tokenizer.json"]!,
    "tokenizer_config.json": files["tokenizer_config.json"]!,
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server?.close(0);
  server = undefined;
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const dryRun = (command: string, data: string, ...more: string[]) =>
  attune(command, "--model", model, "--data", data, "--held-out", "0", "--dry-run", ...more);

const images = sharedCase("images-column.jsonl");
test.skipIf(!images)("1: a column of images is refused by name", async () => {
  const { status, err } = await dryRun("dpo", images!);
  expect([status, err]).toEqual([2, expect.stringContaining("images")]);
});

test("8: ORPO at summed log-probability 0 and DiscoPOP below -88 are finite", () => {
  const pair: PairTerms<number> = {
    chosen: 0,
    rejected: -50,
    referenceChosen: 0,
    referenceRejected: 0,
    chosenTokens: 5,
    rejectedTokens: 5,
    p: 1,
  };
  const hyper = { ...defaultHyperparameters(), beta: 1 };
  const lossOf = (type: PreferenceLossName, given: PairTerms<number>): number =>
    pairEvaluator([{ type, weight: 1 }], hyper)([given]).losses[0]!;
  expect(lossOf("orpo", pair)).toBeCloseTo(0, 6);
  expect(lossOf("discopop", { ...pair, chosen: -1000, rejected: 0 })).toBeCloseTo(1000, 6);
});

/** The program as a process, and all that it said; `hear` gets what it writes as JSON. */
async function ended(
  argv: readonly string[],
  hear: (text: string, output: Readable) => void = () => undefined,
): Promise<{ status: number | null; said: string }> {
  const compiled = compileSources();
  const child = spawn(
    process.execPath,
    [compiled.module("cli/main"), ...argv, "--json", "--model", model],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  for (const output of [child.stdout, child.stderr])
    output.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => hear(chunk.toString(), child.stdout));
  const [status] = (await once(child, "close")) as [number | null];
  compiled.remove();
  return { status, said };
}

test(
  "10: a trainer whose reader goes away stops, says so by its status, and leaves no lock",
  { tags: ["dear"] },
  async () => {
    const data = write("lines.jsonl", [{ prompt: "a", completion: "b" }]);
    const { status } = await ended(
      ["sft", "--data", data, "--held-out", "0", "--epochs", "20000", "--out", path("left")],
      (text, output) => void (text.includes('"type":"step"') && output.destroy()),
    );
    expect([
      status,
      jsonOf(path("left/run.json"))["status"],
      existsSync(path("left/lock")),
    ]).toEqual([1, "interrupted", false]);
  },
);

test(
  "11: a late error in a reward function's timer ends the run by its name, with no stack of ours",
  { tags: ["dear"] },
  async () => {
    writeFileSync(
      path("later.mjs"),
      'export default () => { setTimeout(() => { throw new Error("late"); }, 0); return 1; };\n',
    );
    const data = write("asked.jsonl", [{ prompt: "a" }, { prompt: "b" }]);
    const { status, said } = await ended([
      "grpo",
      "--data",
      data,
      "--reward",
      path("later.mjs"),
      "--epochs",
      "20",
      "--max-new-tokens",
      "4",
      "--out",
      path("late"),
    ]);
    expect([status, said]).toEqual([2, expect.stringMatching(/later\.mjs failed[^]*late/)]);
    expect(said).not.toContain("node:internal");
  },
);

test("14: a long prompt is read in parts between the steps of others", async () => {
  const encoder = createEncoder(byteTokenizer(), { maxLength: 128 });
  const tiny = randomModel(
    {
      ...TINY_CONFIGS["llama"]!,
      hidden_size: 64,
      vocab_size: encoder.tokenizer.vocabularySize,
      max_position_embeddings: 128,
    },
    3,
    0.15,
  );
  const { step } = DecodingBatch.prototype;
  const { run } = Decoder.prototype;
  let [stepping, steps, since, most] = [false, 0, 0, 0];
  vi.spyOn(DecodingBatch.prototype, "step").mockImplementation(async function (
    this: DecodingBatch,
    tokens,
  ) {
    [stepping, steps, since] = [true, steps + 1, 0];
    await step.call(this, tokens);
    stepping = false;
  });
  vi.spyOn(Decoder.prototype, "run").mockImplementation(function (
    this: Decoder,
    given: DecoderRun,
  ) {
    if (!stepping && steps > 0)
      most = Math.max(most, (since += given.tokens.shape[0]! * given.tokens.shape[1]!));
    return run.call(this, given);
  });
  const engine = await BatchingEngine.create(tiny, encoder, {
    slots: 4,
    room: 128,
    fair: { readTokens: 8 },
  });
  const request = (text: string, maxNewTokens: number) => ({
    prompt: encoder.encodePrompt(text),
    temperature: 5,
    topK: 0,
    topP: 1,
    maxNewTokens,
    stopTexts: [],
    seed: 11,
  });
  let late: Promise<unknown> | undefined;
  await engine.submit(request("first", 60), {
    onToken: ({ ids }) =>
      void (ids.length === 3 && (late = engine.submit(request("x".repeat(90), 2)).answers)),
  }).answers;
  await late;
  await engine.close();
  expect(most).toBe(8);
});

test("15: a log holds paths as they were sent", async () => {
  const paths: string[] = [];
  server = await startTiny({ onRequest: (line) => void paths.push(line.path) });
  await send(server, "/v1/%1b%5b2J%0aGET%20/forged%20200");
  expect(paths).toEqual(["/v1/%1b%5b2J%0aGET%20/forged%20200"]);
});

const nullRefusal = sharedCase("server-refusal-null.json");
test.skipIf(!nullRefusal)("16: an answer of attune's own is taken as history", async () => {
  server = await startTiny();
  const reply = await send(server, "/v1/chat/completions", {
    body: { ...jsonOf(nullRefusal!), model: "tiny" },
  });
  expect(reply.status).toBe(200);
});

test("17: penalties, biases, JSON and metrics are what clients can ask for", async () => {
  server = await startTiny();
  const asked = [
    { frequency_penalty: 1 },
    { presence_penalty: 1 },
    { logit_bias: { 65: 5 } },
    { min_p: 0.1 },
    { top_k: 3 },
    { response_format: { type: "json_object" } },
  ];
  const replies = await Promise.all(
    asked.map((more) =>
      send(server!, "/v1/chat/completions", {
        body: {
          model: "tiny",
          messages: [{ role: "user", content: "hi" }],
          max_tokens: 4,
          ...more,
        },
      }),
    ),
  );
  expect(replies.map(({ status }) => status)).toEqual(asked.map(() => 200));
  expect((await send(server, "/metrics")).status).toBe(200);
});

const ends = sharedCase("lf-then-crlf.csv");
test.skipIf(!ends)(
  "18: a header that ends in \\n before rows that end in \\r\\n adds nothing to an answer",
  async () => {
    const { status } = await attune(
      "data",
      "convert",
      ends!,
      "--to",
      "trl",
      "--out",
      path("ends.jsonl"),
    );
    expect([status, readFileSync(path("ends.jsonl"), "utf8")]).toEqual([
      0,
      expect.not.stringContaining("\\r"),
    ]);
  },
);

const large = sharedCase("big-integers.jsonl");
test.skipIf(!large)("18: an integer that no double holds is kept", async () => {
  const { status } = await attune(
    "data",
    "convert",
    large!,
    "--to",
    "attune",
    "--out",
    path("large.jsonl"),
  );
  expect([status, readFileSync(path("large.jsonl"), "utf8")]).toEqual([
    0,
    expect.stringContaining("9007199254740993"),
  ]);
});

test("19: an exported configuration has one dtype", async () => {
  const source = copyGolden("llama3", path("with-dtype"));
  writeFileSync(
    join(source, "config.json"),
    JSON.stringify({ ...jsonOf(join(source, "config.json")), dtype: "float32" }),
  );
  const { status } = await attune(
    "export",
    source,
    "--format",
    "safetensors",
    "--dtype",
    "bfloat16",
    "--out",
    path("bfloat16"),
  );
  const { dtype, torch_dtype: older = "bfloat16" } = jsonOf(path("bfloat16/config.json"));
  expect([status, dtype, older]).toEqual([0, "bfloat16", "bfloat16"]);
});

test("21: top-p alone keeps its share of the whole vocabulary", async () => {
  const encoder = createEncoder(byteTokenizer(), { maxLength: 32 });
  const tiny = randomModel(
    { ...TINY_CONFIGS["llama"]!, hidden_size: 64, vocab_size: encoder.tokenizer.vocabularySize },
    3,
    0.1,
  );
  const engine = await BatchingEngine.create(tiny, encoder, { slots: 24, room: 32 });
  const request = {
    prompt: encoder.encodePrompt("Hi"),
    topK: 0,
    maxNewTokens: 1,
    stopTexts: [],
    seed: 0,
  };
  const [whole] = await engine.submit({
    ...request,
    temperature: 0,
    topP: 1,
    alternatives: encoder.tokenizer.vocabularySize,
  }).answers;
  const answers = await engine.submit({ ...request, temperature: 1, topP: 0.5, samples: 3000 })
    .answers;
  await engine.close();
  const drawn = new Set(answers.map(({ ids }) => ids[0]!));
  const share = whole!
    .alternatives![0]!.filter(({ id }) => drawn.has(id))
    .reduce((sum, { logp }) => sum + Math.exp(logp), 0);
  expect(share).toBeGreaterThanOrEqual(0.5);
});

const adapters = join(repositoryRoot, "src", "models", "golden", "adapters");
test.each(["alpha-pattern", "lora-bias", "dora", "head-untied"])(
  "22: peft's adapter %s computes what it computes in peft",
  async (name) => {
    const ids = JSON.parse(readFileSync(join(adapters, "ids.json"), "utf8")) as number[];
    const folder = copyGolden(
      String(jsonOf(join(adapters, name, "adapter_config.json"))["base_model_name_or_path"]),
      path(name),
    );
    const { model: base } = await openModel(folder);
    const { model: adapted } = await openAdapterOver(base, join(adapters, name));
    const [length, size] = [ids.length, adapted.config.vocabularySize];
    const bias = zeros("float32", [1, 1, length, length]);
    for (let query = 0; query < length; query++)
      bias.data.fill(-1e9, query * length + query + 1, (query + 1) * length);
    const places = (read: (place: number, token: number) => number) =>
      int64(
        [length * size],
        ids.flatMap((_, place) => Array.from({ length: size }, (__, token) => read(place, token))),
      );
    const plan = new WholePlan({ model: adapted, reads: "tokens", maxLength: 16 });
    const { readout } = await plan.score({
      tokens: int64([1, length], ids),
      positions: int64(
        [1, length],
        ids.map((_, index) => index),
      ),
      bias,
      selected: places((place) => place),
      targets: places((_, token) => token),
    });
    await plan.close();
    const file = await SafetensorsFile.open(join(adapters, "logits.safetensors"));
    const logits = await file.read(name);
    await file.close();
    const errors = ids.map((_, place) => {
      const row = logits.subarray(place * size, (place + 1) * size);
      const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
      return Math.max(
        ...row.map((logit, token) => Math.abs(logit - total - readout[place * size + token]!)),
      );
    });
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  },
);

test("26: a text is the user's turn where the model has a template, and the first example is shown", async () => {
  const encoder = createEncoder(byteTokenizer(), { maxLength: 64 });
  expect(encoder.encodePrompt("Hi")).toEqual(
    encoder.encodePrompt([{ role: "user", content: "Hi" }]),
  );
  const { status, err } = await dryRun(
    "sft",
    write("texts.jsonl", [{ prompt: "Hi", completion: "Ho" }]),
  );
  expect([status, err]).toEqual([0, expect.stringMatching(/<user>.*Hi/)]);
});

test("27: an answer with default options fits into a short context", async () => {
  expect((await attune("generate", "--model", model, "hello")).status).toBe(0);
});

test("28: columns of one's own names are read", async () => {
  const { status } = await dryRun(
    "dpo",
    write("own.jsonl", [{ question: "a", better: "b", worse: "c" }]),
    "--columns",
    "prompt=question,chosen=better,rejected=worse",
  );
  expect(status).toBe(0);
});

test("29: no package that users install runs a script, and npm is given no key that it does not know", () => {
  const { packages } = jsonOf(join(repositoryRoot, "package-lock.json")) as {
    packages: Record<string, { hasInstallScript?: boolean; dev?: boolean }>;
  };
  expect(
    Object.keys(packages).filter(
      (name) => packages[name]!.hasInstallScript && !packages[name]!.dev,
    ),
  ).toEqual([]);
  expect(readFileSync(join(repositoryRoot, ".npmrc"), "utf8")).not.toContain(
    "onnxruntime-node-install",
  );
});

test("30: a run's curves are a page", async () => {
  const run = path("shown");
  expect(
    (
      await attune(
        "sft",
        "--model",
        model,
        "--data",
        write("one.jsonl", [{ prompt: "a", completion: "b" }]),
        "--held-out",
        "0",
        "--max-steps",
        "2",
        "--out",
        run,
      )
    ).status,
  ).toBe(0);
  expect((await attune("runs", "show", run, "--html", path("run.html"))).status).toBe(0);
  expect(readFileSync(path("run.html"), "utf8")).toContain("<svg");
});

test("31: a reward function's form is told with its error before a model is opened, and there is a doctor", async () => {
  writeFileSync(path("reward.mjs"), "export default () => 'much';\n");
  const failed = await attune(
    "grpo",
    "--model",
    model,
    "--data",
    write("prompts.jsonl", [{ prompt: "a" }, { prompt: "b" }]),
    "--reward",
    path("reward.mjs"),
    "--dry-run",
  );
  expect([failed.status, failed.err]).toEqual([
    2,
    expect.stringMatching(/expected: export default .*=> number/),
  ]);
  expect((await attune("doctor", "--help")).status).toBe(0);
});

test("32: a model is exported in 8-bit blocks and can be pushed", async () => {
  const tiny = await saveTinyModel(path("tiny"), smallTokenizerFiles(64));
  expect(
    (await attune("export", tiny, "--format", "gguf", "--quantise", "q8_0", "--out", path("gguf")))
      .status,
  ).toBe(0);
  const file = await GgufFile.open(path("gguf/model.gguf"));
  await file.close();
  const { status, out } = await attune("push", "--help");
  expect([status, out]).toEqual([0, expect.stringContaining("OWNER/NAME")]);
});
