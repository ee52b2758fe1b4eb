/**
 * Exported GGUF files in llama.cpp: whole, in blocks of 8 and 4 bits, and of a model with a sliding
 * window. Part of `npm run test:peers`; ATTUNE_PEERS_LLAMA names a folder in which node-llama-cpp
 * is installed (`npm install node-llama-cpp@3.22.1 --ignore-scripts` in an empty one).
 */
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { int64, zeros } from "../../src/core/tensor.ts";
import type { GgufForm } from "../../src/models/gguf/form.ts";
import type { Model } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import { FAMILIES, readModelConfig } from "../../src/models/registry.ts";
import { decodableConfig } from "../../src/models/testing.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { saveMerged, saveTokenizer } from "../../src/models/save.ts";
import { attune, saveTinyModel, smallTokenizerFiles } from "../cli/support.ts";

const installed = process.env["ATTUNE_PEERS_LLAMA"];
const runs = process.env["ATTUNE_PEERS"] === "1" && installed !== undefined;
if (!runs)
  console.log(
    "skipped: GGUF files in llama.cpp; npm run test:peers with ATTUNE_PEERS_LLAMA runs them",
  );

const root = mkdtempSync(join(tmpdir(), "attune-llama-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SIZE = 128;
const CONTEXT = 64;
const IDS = Array.from({ length: 48 }, (_, i) => Random.for(1, "llama", i).integer(SIZE));

/** As much of node-llama-cpp as is used. */
interface Llama {
  loadModel(options: { modelPath: string }): Promise<{
    trainContextSize: number;
    createContext(options: { contextSize: number; threads: number }): Promise<{
      getSequence(): {
        controlledEvaluate(
          input: unknown[],
        ): Promise<{ next: { probabilities: Map<number, number> } }[]>;
      };
      dispose(): Promise<void>;
    }>;
    dispose(): Promise<void>;
  }>;
}

/** log p of each token after the first, by llama.cpp. */
async function byLlama(modelPath: string): Promise<{ values: number[]; context: number }> {
  const path = createRequire(join(installed!, "package.json")).resolve("node-llama-cpp");
  const { getLlama } = (await import(pathToFileURL(path).href)) as {
    getLlama(options: object): Promise<Llama>;
  };
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: CONTEXT, threads: 1 });
  const results = await context
    .getSequence()
    .controlledEvaluate(
      IDS.map((id, i) =>
        i + 1 < IDS.length ? [id, { generateNext: { probabilities: true } }] : id,
      ),
    );
  const values = IDS.slice(1).map((id, i) => Math.log(results[i]!.next.probabilities.get(id)!));
  const found = { values, context: model.trainContextSize };
  await context.dispose();
  await model.dispose();
  return found;
}

/** The same by attune. */
async function byAttune(model: Model): Promise<number[]> {
  const length = IDS.length;
  const bias = zeros("float32", [1, 1, length, length]);
  bias.data.forEach((_, i) => {
    const [query, key] = [Math.floor(i / length), i % length];
    if (key > query) bias.data[i] = -1e9;
  });
  const places = IDS.slice(1).map((_, i) => i);
  const plan = new WholePlan({ model, reads: "tokens", maxLength: 64 });
  const { readout } = await plan.score({
    tokens: int64([1, length], IDS),
    positions: int64(
      [1, length],
      IDS.map((_, i) => i),
    ),
    bias,
    selected: int64([places.length], places),
    targets: int64([places.length], IDS.slice(1)),
  });
  await plan.close();
  return Array.from(readout);
}

const mean = (values: readonly number[]): number =>
  values.reduce((total, x) => total + x, 0) / values.length;

/** Weights of a size at which attention matters. */
async function exported(
  name: string,
  changes: Readonly<Record<string, unknown>>,
  ...options: string[]
): Promise<string> {
  const folder = await saveTinyModel(join(root, name), smallTokenizerFiles(SIZE), {
    hidden_size: 64,
    intermediate_size: 96,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
    ...changes,
  });
  const { model, tokenizer } = await openModel(folder);
  for (const [weight, { shape, data }] of model.weights) {
    const random = Random.for(2, weight);
    for (let i = 0; i < data.length; i++)
      if (shape.length > 1) data[i]! *= 6;
      else data[i]! += 0.3 * random.normal();
  }
  await saveMerged(model, folder, { tokenizer });
  await saveTokenizer(tokenizer, folder);
  const { status, err } = await attune(
    "--quiet",
    "export",
    folder,
    "--format",
    "gguf",
    ...options,
    "--out",
    join(root, `${name}-gguf`),
  );
  expect([status, err]).toEqual([0, expect.any(String)]);
  return join(root, `${name}-gguf`, "model.gguf");
}

/** Whether llama.cpp computes what the tiny model of a family does. */
function isHeld({ settings }: GgufForm, tiny: Readonly<Record<string, unknown>>): boolean {
  try {
    settings(readModelConfig(tiny).config);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!runs)("llama.cpp", () => {
  // llama.cpp keeps keys and values in float16, and rounds activations to 8 bits where weights are
  // in blocks.
  test.each([
    ["float32", ["--dtype", "float32"], 5e-3],
    ["float16", ["--dtype", "float16"], 5e-3],
    ["q8_0", ["--quantise", "q8_0"], 5e-2],
    ["q4_0", ["--quantise", "q4_0"], 5e-2],
    ["q4_1", ["--quantise", "q4_1"], 5e-2],
  ] as const)("reads %s", async (name, options, tolerance) => {
    const path = await exported(name, {}, ...options);
    const [theirs, ours] = [await byLlama(path), await byAttune((await openModel(path)).model)];
    const off = mean(theirs.values.map((x, i) => Math.abs(x - ours[i]!)));
    console.log(
      `${name}: ${off.toExponential(1)} nats off in the mean, of ${(-mean(ours)).toFixed(2)} a ` +
        "token",
    );
    expect(off).toBeLessThan(tolerance);
  });

  // by the size of its context, which llama.cpp makes a multiple of 256
  const longrope = { sliding_window: undefined, max_position_embeddings: 512 };
  type Case = [name: string, type: string, changes: Record<string, unknown>];
  const cases: Case[] = [
    ...FAMILIES.filter(({ gguf, tiny }) => gguf && isHeld(gguf, tiny)).map(
      ({ modelType }): Case => [modelType, modelType, {}],
    ),
    ["gemma3", "gemma3_text", { num_hidden_layers: 6, layer_types: undefined }],
    ["smollm3", "smollm3", { num_hidden_layers: 4, no_rope_layer_interval: undefined }],
    ["phi3 by its short factors", "phi3", { ...longrope, original_max_position_embeddings: 256 }],
    ["phi3 by its long factors", "phi3", { ...longrope, original_max_position_embeddings: 32 }],
  ];
  test.each(cases)("computes what attune computes: %s", async (name, type, changes) => {
    const absent = ["tie_word_embeddings", "rms_norm_eps", "num_key_value_heads"];
    // llama.cpp wants tokens of Phi-3's where a model's name has that in it
    const path = await exported(name.replaceAll(/\W|phi/g, "-"), {
      ...Object.fromEntries(absent.map((key) => [key, undefined])),
      ...decodableConfig(type),
      vocab_size: SIZE,
      ...changes,
    });
    const { model } = await openModel(path, { context: CONTEXT });
    const seen = model.family.gguf!.faithfulPositions?.(model.config) ?? IDS.length;
    const [theirs, ours] = [await byLlama(path), await byAttune(model)];
    const off = theirs.values.slice(0, seen - 1).map((x, i) => Math.abs(x - ours[i]!));
    console.log(
      `${name}: ${mean(off).toExponential(1)} nats off in the mean over ${off.length}, of ` +
        `${(-mean(ours)).toFixed(2)} a token`,
    );
    expect(mean(off)).toBeLessThan(5e-3);
  });

  test("every family that has a GGUF form is compared", () => {
    const types = new Set(cases.map(([, type]) => type));
    expect([...types].toSorted()).toEqual(
      FAMILIES.flatMap(({ modelType, gguf }) => (gguf ? [modelType] : [])).toSorted(),
    );
  });

  test("agrees within a sliding window, which is the context that it reads, and not beyond", async () => {
    const path = await exported("window", { model_type: "mistral", sliding_window: 16 });
    const [theirs, ours] = [await byLlama(path), await byAttune((await openModel(path)).model)];
    const off = theirs.values.map((x, i) => Math.abs(x - ours[i]!));
    expect(theirs.context).toBe(16);
    expect(Math.max(...off.slice(0, 15))).toBeLessThan(1e-2);
    expect(Math.max(...off.slice(16))).toBeGreaterThan(0.1);
  });
});
