/**
 * `attune export`: what is written computes what transformers and peft computed for the original.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "onnxruntime-common";
import { ort } from "../../src/runtime/onnxruntime.ts";
import { afterAll, describe, expect, test } from "vitest";
import { byteCharacters } from "../../src/text/byte-level.ts";
import { tokenizerFilesFromGguf } from "../../src/text/gguf-tokenizer.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { ggufVocabulary, PRE_TOKENIZER_NAMES } from "../../src/models/export/gguf-vocabulary.ts";
import { exportOnnx } from "../../src/models/export/onnx.ts";
import type { Model } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import type { AttuneError } from "../../src/core/errors.ts";
import { shortestWindow } from "../../src/models/decoder-config.ts";
import { ropeFrequencies } from "../../src/models/rope.ts";
import { GgufFile } from "../../src/models/weights/gguf.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import {
  attune,
  copyGolden,
  golden,
  saveTinyModel,
  smallTokenizerFiles,
  snapshot,
} from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-export-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(parent, `f${count++}`);

interface Rows {
  ids: number[][];
  mask: number[][];
}

/** Logits [rows, time, V] of a written ONNX file, by ONNX Runtime alone. */
async function runOnnx(folder: string, { ids, mask }: Rows): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(join(folder, "model.onnx"));
  expect([...session.inputNames].toSorted()).toEqual(["attention_mask", "input_ids"]);
  expect(session.outputNames).toEqual(["logits"]);
  const tensor = (rows: number[][]): Tensor =>
    new ort.Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [
      rows.length,
      rows[0]!.length,
    ]);
  const { logits } = await session.run({ input_ids: tensor(ids), attention_mask: tensor(mask) });
  await session.release();
  return logits!.data as Float32Array;
}

async function logitsOf(model: Model, rows: Rows): Promise<Float32Array> {
  const folder = fresh();
  mkdirSync(folder);
  await exportOnnx(model, folder);
  return runOnnx(folder, rows);
}

function expectClose(actual: Float32Array, expected: Float32Array, { mask }: Rows): void {
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const size = expected.length / mask.flat().length;
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  expected.forEach(
    (x, i) =>
      (worst =
        mask.flat()[Math.floor(i / size)] === 1
          ? Math.max(worst, Math.abs(x - actual[i]!))
          : worst),
  );
  expect(worst / scale).toBeLessThan(1e-4);
}

/** Rows, mask and transformers' logits of a golden model. */
async function reference(name: string): Promise<{ rows: Rows; logits: Float32Array }> {
  const file = await SafetensorsFile.open(golden("models", name, "reference.safetensors"));
  const [, time] = file.entry("input_ids").shape as [number, number];
  const integers = async (key: string): Promise<number[][]> => {
    const bytes = await file.readRaw(key);
    const all = Array.from(
      new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
      Number,
    );
    return Array.from({ length: all.length / time }, (_, row) =>
      all.slice(row * time, (row + 1) * time),
    );
  };
  const found = {
    rows: { ids: await integers("input_ids"), mask: await integers("attention_mask") },
    logits: await file.read("logits"),
  };
  await file.close();
  return found;
}

/** The result that `--json` prints, beside what went to the error stream. */
async function exportJson(...options: string[]): Promise<{
  status: number;
  err: string;
  result: { tensors: Record<string, number>; files: { bytes: number }[] };
}> {
  const { status, out, err } = await attune("--json", "export", ...options);
  const line = out.trim().split("\n").at(-1) ?? "{}";
  return {
    status,
    err: `${out}${err}`,
    result: JSON.parse(line) as { tensors: Record<string, number>; files: { bytes: number }[] },
  };
}

const weightsOf = ({ weights }: Model): Record<string, unknown> =>
  Object.fromEntries(
    [...weights].map(([name, { shape, data }]) => [name, { shape, data }]).toSorted(),
  );

/** Without what is said of a model that sees images, of which only the language model is read. */
const ofText = (err: string): string =>
  err.replace(/^warning: .* has 34 tensors that gemma3_text models have no place for.*\n/, "");

describe.each(readdirSync(golden("models")))("%s", (name) => {
  test("onnx: ONNX Runtime gives transformers' logits, whichever side is padded", async () => {
    const [model, out] = [copyGolden(name, fresh()), fresh()];
    const command = ["--quiet", "export", model, "--format", "onnx", "--out", out];
    const { status, err } = await attune(...command);
    expect([status, ofText(err)]).toEqual([0, ""]);
    const { rows, logits } = await reference(name);
    expectClose(await runOnnx(out, rows), logits, rows);
    // every row's padding moved to its left
    const left = (values: number[][]): number[][] =>
      values.map((row, index) => [
        ...row.filter((_, i) => rows.mask[index]![i] === 0),
        ...row.filter((_, i) => rows.mask[index]![i] === 1),
      ]);
    const size = logits.length / rows.mask.flat().length;
    const time = rows.mask[0]!.length;
    const moved = Float32Array.from(
      rows.mask.flatMap((mask, row) => {
        const chunk = (wanted: number): number[] =>
          mask.flatMap((given, i) =>
            given === wanted
              ? [...logits.subarray((row * time + i) * size, (row * time + i + 1) * size)]
              : [],
          );
        return [...chunk(0), ...chunk(1)];
      }),
    );
    const padded = { ids: left(rows.ids), mask: left(rows.mask) };
    expectClose(await runOnnx(out, padded), moved, padded);
  });

  test("gguf: our reader gives back every bit, the settings and the ids", async () => {
    const [model, out] = [copyGolden(name, fresh()), fresh()];
    const { family, config } = (await openModel(model)).model;
    const command = ["--quiet", "export", model, "--format", "gguf", "--out", out];
    const { status, err: said } = await attune(...command);
    const err = ofText(said);
    try {
      family.gguf!.settings(config);
    } catch (refused) {
      expect([status, err]).toEqual([2, expect.stringContaining((refused as AttuneError).what)]);
      return;
    }
    const positions = family.gguf!.faithfulPositions?.(config) ?? config.maxPositions;
    expect([status, err]).toEqual([
      0,
      positions < config.maxPositions
        ? expect.stringContaining(
            "llama.cpp has no sliding window for this architecture: it agrees with the model up " +
              `to ${positions} tokens`,
          )
        : "",
    ]);
    const [before, after] = [await openModel(model), await openModel(join(out, "model.gguf"))];
    expect(weightsOf(after.model)).toEqual(weightsOf(before.model));
    expect({ ...after.model.config, json: {} }).toEqual({ ...before.model.config, json: {} });
    for (const text of ["the cat is on the mat", "ABC abc<end>"]) {
      expect(after.tokenizer.encode(text)).toEqual(before.tokenizer.encode(text));
      expect(after.tokenizer.encodePlain(text)).toEqual(before.tokenizer.encodePlain(text));
    }
    expect([
      after.tokenizer.eosId,
      after.tokenizer.padId,
      after.tokenizer.bosId,
      after.tokenizer.chatTemplate,
    ]).toEqual([
      before.tokenizer.eosId,
      before.tokenizer.padId,
      before.tokenizer.bosId,
      before.tokenizer.chatTemplate,
    ]);
    const { rows, logits } = await reference(name);
    expectClose(await logitsOf(after.model, rows), logits, rows);
  });
});

/** smollm2 with the adapter whose logits peft computed, as a run would leave it. */
function adapted(): string {
  const [base, adapter] = [copyGolden("smollm2", fresh()), fresh()];
  mkdirSync(adapter);
  const source = golden("training", "dpo-lora-moved-initial");
  for (const file of readdirSync(source))
    writeFileSync(join(adapter, file), readFileSync(join(source, file)));
  const path = join(adapter, "adapter_config.json");
  writeFileSync(
    path,
    JSON.stringify({
      ...(JSON.parse(readFileSync(path, "utf8")) as object),
      base_model_name_or_path: base,
    }),
  );
  return adapter;
}

async function peftLogits(): Promise<{ rows: Rows; logits: Float32Array }[]> {
  const ids = JSON.parse(
    readFileSync(golden("training", "adapter-ids.json"), "utf8"),
  ) as number[][];
  const file = await SafetensorsFile.open(golden("training", "adapter-logits.safetensors"));
  const names = [...file.header.tensors.keys()].toSorted();
  expect(names.length).toBe(ids.length);
  const found = await Promise.all(
    ids.map(async (row, index) => ({
      rows: { ids: [row], mask: [row.map(() => 1)] },
      logits: await file.read(names[index]!),
    })),
  );
  await file.close();
  return found;
}

describe("an adapted model", () => {
  test.each(["safetensors", "peft", "gguf", "onnx"])(
    "as %s computes peft's logits",
    async (format) => {
      const [source, out] = [adapted(), fresh()];
      expect(
        await attune("--quiet", "export", source, "--format", format, "--out", out),
      ).toMatchObject({ status: 0, err: "" });
      const model =
        format === "onnx"
          ? undefined
          : (await openModel(format === "gguf" ? join(out, "model.gguf") : out, { merge: true }))
              .model;
      for (const { rows, logits } of await peftLogits())
        expectClose(model ? await logitsOf(model, rows) : await runOnnx(out, rows), logits, rows);
      expect(readdirSync(out)).toContain(format === "gguf" ? "model.gguf" : "tokenizer.json");
    },
  );

  test("as peft names the base that it is told", async () => {
    const out = fresh();
    await attune(
      "--quiet",
      "export",
      adapted(),
      "--format",
      "peft",
      "--out",
      out,
      "--base",
      "someone/base",
    );
    expect(JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8"))).toMatchObject({
      base_model_name_or_path: "someone/base",
      peft_type: "LORA",
    });
  });
});

test("half precision rounds matrices only in gguf, and everything in safetensors", async () => {
  const model = copyGolden("smollm2", fresh());
  const half = Object.fromEntries(
    await Promise.all(
      (["gguf", "safetensors"] as const).map(async (format) => {
        const out = fresh();
        expect(
          (
            await attune(
              "--quiet",
              "export",
              model,
              "--format",
              format,
              "--dtype",
              "float16",
              "--out",
              out,
            )
          ).status,
        ).toBe(0);
        return [
          format,
          (await openModel(format === "gguf" ? join(out, "model.gguf") : out)).model.weights,
        ] as const;
      }),
    ),
  );
  const { weights } = (await openModel(model)).model;
  for (const [name, { shape, data }] of weights) {
    expect(half["gguf"]!.get(name)!.data, name).toEqual(
      shape.length === 1 ? data : half["safetensors"]!.get(name)!.data,
    );
    (data as Float32Array).forEach((x, i) =>
      expect(Math.abs((half["safetensors"]!.get(name)!.data[i] as number) - x)).toBeLessThanOrEqual(
        Math.max(2 ** -24, Math.abs(x) * 2 ** -11),
      ),
    );
  }
});

describe("a sliding window in a GGUF file", () => {
  test("is the context length that llama.cpp reads, and the model's own comes back", async () => {
    const [model, out] = [copyGolden("mistral", fresh()), fresh()];
    expect(
      (await attune("--quiet", "export", model, "--format", "gguf", "--out", out)).err,
    ).toMatch(/context length, in place of 64: stay within it/);
    const file = await GgufFile.open(join(out, "model.gguf"));
    expect(
      ["llama.context_length", "attune.context_length", "llama.attention.sliding_window"].map(
        (key) => file.header.metadata.get(key),
      ),
    ).toEqual([4, 64, 4]);
    await file.close();
    const { config } = (await openModel(join(out, "model.gguf"))).model;
    expect([config.maxPositions, shortestWindow(config)]).toEqual([64, 4]);
  });

  test("that is as long as the model's positions is nothing to speak of", async () => {
    const [model, out] = [copyGolden("mistral", fresh()), fresh()];
    const path = join(model, "config.json");
    writeFileSync(
      path,
      JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), sliding_window: 64 }),
    );
    expect(
      await attune("--quiet", "export", model, "--format", "gguf", "--out", out),
    ).toMatchObject({ status: 0, err: "" });
  });
});

test.each([
  [2, 8, 64],
  [1.5, 6, 100],
  [1, 2, 33],
])(
  "llama3 scaling with frequency factors %d and %d over %d positions comes back from GGUF",
  async (low, high, original) => {
    const [model, out] = [copyGolden("llama3", fresh()), fresh()];
    const path = join(model, "config.json");
    const json = JSON.parse(readFileSync(path, "utf8")) as { rope_parameters: object };
    writeFileSync(
      path,
      JSON.stringify({
        ...json,
        rope_parameters: {
          ...json.rope_parameters,
          low_freq_factor: low,
          high_freq_factor: high,
          original_max_position_embeddings: original,
        },
      }),
    );
    expect(
      await attune("--quiet", "export", model, "--format", "gguf", "--out", out),
    ).toMatchObject({ status: 0, err: "" });
    const [before, after] = [
      (await openModel(model)).model.config,
      (await openModel(join(out, "model.gguf"))).model.config,
    ];
    const [expected, read] = [before, after].map(({ layerKinds, headSize }) =>
      ropeFrequencies(layerKinds[0]!.rope!, headSize),
    );
    expected!.forEach((frequency, i) => expect(read![i]! / frequency).toBeCloseTo(1, 4));
  },
);

describe("--quantise", () => {
  const tiny = saveTinyModel(join(parent, "tiny"), smallTokenizerFiles(64), {
    max_position_embeddings: 64,
  });

  test.each([
    ["--quantise", "q8_0", "Q8_0", 127],
    ["--quantize", "q4_0", "Q4_0", 8],
    ["--quantise", "q4_1", "Q4_1", 7],
  ])(
    "%s %s: matrices in blocks, ends in 8 bits, vectors as they were, and what cannot be is told",
    async (option, choice, format, steps) => {
      const out = fresh();
      const { status, err, result } = await exportJson(
        await tiny,
        "--format",
        "gguf",
        option,
        choice,
        "--out",
        out,
      );
      expect(status).toBe(0);
      // rows of 48 are no whole blocks
      expect(err).toContain(
        "2 matrices stay in float16, since the rows are no multiple of 32: " +
          "blk.0.ffn_down.weight, rows of 48; blk.1.ffn_down.weight, rows of 48",
      );
      expect(result["tensors"]).toEqual(
        format === "Q8_0"
          ? { Q8_0: 13, F32: 5, F16: 2 }
          : { Q8_0: 1, F32: 5, [format]: 12, F16: 2 },
      );
      const [before, after] = [
        (await openModel(await tiny)).model.weights,
        (await openModel(join(out, "model.gguf"))).model.weights,
      ];
      for (const [name, { shape, data }] of before) {
        const read = after.get(name)!.data;
        if (shape.length === 1) expect(read).toEqual(data);
        const largest = Array.from(data).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        const allowed = name.includes("down_proj")
          ? 2 ** -11 * largest
          : (1.01 * largest) / (name.includes("embed") ? 254 : steps);
        data.forEach((x, i) => expect(Math.abs(read[i]! - x)).toBeLessThanOrEqual(allowed));
        if (shape.length > 1) expect(read).not.toEqual(data);
      }
      expect(statSync(join(out, "model.gguf")).size).toBe(
        result["files"].reduce((total, { bytes }) => total + bytes, 0),
      );
    },
  );

  test.each([
    [
      ["--format", "safetensors", "--quantise", "q8_0"],
      /--quantise has no effect with --format safetensors/,
    ],
    [
      ["--format", "gguf", "--quantise", "q8_0", "--dtype", "float16"],
      /--quantise and --dtype both say what matrices are written in/,
    ],
    [
      ["--format", "gguf", "--quantise", "q5_k"],
      /there is no choice q5_k\n {2}expected: q8_0, q4_0, q4_1/,
    ],
  ])("%j is refused", async (options, message) => {
    const { status, err } = await attune(
      "--quiet",
      "export",
      await tiny,
      ...options,
      "--out",
      fresh(),
    );
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });
});

test("onnx: weights too large for one file lie beside it", async () => {
  const { model } = await openModel(copyGolden("smollm2", fresh()));
  const folder = fresh();
  mkdirSync(folder);
  await exportOnnx(model, folder, { maxInlineBytes: 1000 });
  expect(readdirSync(folder).toSorted()).toEqual(["model.onnx", "model.onnx_data"]);
  const { rows, logits } = await reference("smollm2");
  expectClose(await runOnnx(folder, rows), logits, rows);
});

describe("the tokenizer in a GGUF file", () => {
  const text = "The 1234 cats' paws, aren't  they?\n\n你好 ½ <end><|im_end|> end";
  const plain = (metadata: ReturnType<typeof ggufVocabulary>) =>
    new Map([...metadata].map(([key, { value }]) => [`tokenizer.${key}`, value]));
  const letters = byteCharacters();
  /** Merges of pairs, so that a wrong way to split shows in the ids. */
  const merges = [..."0123456789"]
    .flatMap((a) => [..."0123456789"].map((b) => `${a} ${b}`))
    .concat("Ġ Ġ", "' s", "Ġ t", "h e", "Ġt he", ", Ġ", "l C");
  const tokens = [
    ...letters,
    ...merges.map((merge) => merge.replace(" ", "")),
    "<|im_end|>",
    "<end>",
  ];
  const types = tokens.map((token) => (token.startsWith("<|") || token === "<end>" ? 3 : 1));
  const bpe = (pre: string): Map<string, unknown> =>
    new Map<string, unknown>([
      ["tokenizer.ggml.model", "gpt2"],
      ["tokenizer.ggml.pre", pre],
      ["tokenizer.ggml.tokens", tokens],
      ["tokenizer.ggml.token_type", types],
      ["tokenizer.ggml.merges", merges],
      ["tokenizer.ggml.eos_token_id", tokens.length - 1],
      ["tokenizer.ggml.bos_token_id", tokens.length - 2],
      ["tokenizer.chat_template", "{{ messages[0].content }}"],
    ]);

  test.each(PRE_TOKENIZER_NAMES)("%s comes back with the same ids", (pre) => {
    const original = tokenizerFromFiles(tokenizerFilesFromGguf(bpe(pre)));
    const written = ggufVocabulary(original, tokens.length + 3);
    const read = tokenizerFromFiles(tokenizerFilesFromGguf(plain(written)));
    for (const probe of [text, ` ${text}`, text.repeat(3)])
      expect(read.encode(probe)).toEqual(original.encode(probe));
    expect([read.eosId, read.bosId, read.addsBos, read.chatTemplate]).toEqual([
      original.eosId,
      original.bosId,
      original.addsBos,
      original.chatTemplate,
    ]);
  });

  test("ways to split are told apart", () => {
    const preOf = (pre: string) =>
      ggufVocabulary(tokenizerFromFiles(tokenizerFilesFromGguf(bpe(pre))), tokens.length).get(
        "ggml.pre",
      )?.value;
    for (const pre of ["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken"])
      expect(preOf(pre)).toBe(pre);
  });

  test("SentencePiece gets scores by which the same merges happen", () => {
    const pieces = [
      "<unk>",
      "<s>",
      "</s>",
      ...Array.from(
        { length: 256 },
        (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      ),
      "▁t",
      "he",
      "▁the",
      "▁c",
      "at",
      "▁cat",
      "ca",
      "▁",
      "t",
      "h",
      "e",
      "c",
      "a",
    ];
    const scores = pieces.map((_, id) => -id);
    const metadata = new Map<string, unknown>([
      ["tokenizer.ggml.model", "llama"],
      ["tokenizer.ggml.tokens", pieces],
      ["tokenizer.ggml.scores", scores],
      [
        "tokenizer.ggml.token_type",
        pieces.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)),
      ],
      ["tokenizer.ggml.bos_token_id", 1],
      ["tokenizer.ggml.eos_token_id", 2],
      ["tokenizer.ggml.unknown_token_id", 0],
    ]);
    const original = tokenizerFromFiles(tokenizerFilesFromGguf(metadata));
    const written = ggufVocabulary(original, pieces.length);
    expect(written.get("ggml.model")!.value).toBe("llama");
    const read = tokenizerFromFiles(tokenizerFilesFromGguf(plain(written)));
    for (const probe of ["the cat", "that cathe </s> theca 你", "  the\ncat"])
      expect(read.encode(probe)).toEqual(original.encode(probe));
    expect(original.encode("the cat").length).toBeLessThan(4);
  });

  test("one that no GGUF file can hold is refused", () => {
    // whole words without merges
    const tokenizer = tokenizerFromFiles(worldTokenizer(["Hello, the cats and the Words"]));
    expect(() => ggufVocabulary(tokenizer, tokenizer.vocabularySize)).toThrow(
      /cannot hold this model's tokenizer/,
    );
  });
});

describe("what cannot be exported leaves nothing behind", () => {
  const model = copyGolden("smollm2", join(parent, "source"));
  test.each([
    [["--format", "peft"], /the model has no adapter/],
    [["--format", "onnx", "--dtype", "float16"], /--format onnx has no choice of --dtype/],
    [["--format", "gguf", "--base", "x"], /--base has no effect/],
    [
      ["--format", "torch"],
      /there is no choice torch\n {2}expected: safetensors, peft, gguf, onnx/,
    ],
  ])("%j", async (options, message) => {
    const out = fresh();
    const before = snapshot(parent);
    const { status, err } = await attune("--quiet", "export", model, ...options, "--out", out);
    expect(status).toBe(2);
    expect(err).toMatch(message);
    expect(snapshot(parent)).toEqual(before);
  });

  test("a folder that holds something is not written to", async () => {
    const before = snapshot(model);
    const { status, err } = await attune(
      "--quiet",
      "export",
      model,
      "--format",
      "safetensors",
      "--out",
      model,
    );
    expect(status).toBe(2);
    expect(err).toContain("the folder to export to is not empty");
    expect(snapshot(model)).toEqual(before);
  });
});
