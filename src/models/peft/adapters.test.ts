/**
 * Adapters of every kind that peft writes, against what peft computes with them
 * (scripts/golden/peft_adapters.py).
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import type { HostTensor } from "../../core/tensor.ts";
import { int64, zeros } from "../../core/tensor.ts";
import { onExact } from "../../../tests/support/int8.ts";
import { Decoder } from "../../sampling/decoder.ts";
import { cloneModel } from "../initialize.ts";
import { readModel } from "../load.ts";
import { applyAdapter } from "../merge-adapter.ts";
import type { Model } from "../model.ts";
import { SCORE_HEAD, weightOf } from "../model.ts";
import { openModel, openAdapterOver } from "../open.ts";
import { BlockwisePlan } from "../plans/blockwise.ts";
import type { ExecutionPlan, TokenBatch } from "../plans/plan.ts";
import { WholePlan } from "../plans/whole.ts";
import { roundProjections } from "../round-projections.ts";
import { saveMerged } from "../save.ts";
import { openWeights } from "../weights/source.ts";
import { SafetensorsFile } from "../weights/safetensors.ts";
import { withFolder } from "../weights/testing.ts";
import { saveAdapter } from "./write.ts";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "..", "golden", "adapters");
const models = join(here, "..", "..", "..", "tests", "golden", "models");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const ids = JSON.parse(readFileSync(join(folder, "ids.json"), "utf8")) as number[];
const logits = new Map<string, Float32Array>();

beforeAll(async () => {
  const file = await SafetensorsFile.open(join(folder, "logits.safetensors"));
  for (const name of names) logits.set(name, await file.read(name));
  await file.close();
});

const jsonOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, name, "adapter_config.json"), "utf8")) as Record<
    string,
    unknown
  >;
const isReward = (name: string): boolean => jsonOf(name)["task_type"] === "SEQ_CLS";

async function readBase(name: string): Promise<Model> {
  const source = await openWeights(join(models, name));
  try {
    return { ...(await readModel(source)), source: join(models, name) };
  } finally {
    await source.close();
  }
}

const openAdapter = async (name: string): Promise<Model> =>
  (
    await openAdapterOver(
      await readBase(String(jsonOf(name)["base_model_name_or_path"])),
      join(folder, name),
    )
  ).model;

/**
 * The tokens as one row, every token of the vocabulary read at every place; or the score at the
 * last.
 */
function batchOf({ config: { vocabularySize } }: Model, scores: boolean): TokenBatch {
  const length = ids.length;
  const bias = zeros("float32", [1, 1, length, length]);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (key > query) bias.data[query * length + key] = -1e9;
  }
  const read = scores
    ? [length - 1]
    : ids.flatMap((_, place) => Array.from({ length: vocabularySize }, () => place));
  const targets = scores
    ? [0]
    : ids.flatMap(() => Array.from({ length: vocabularySize }, (_, token) => token));
  return {
    tokens: int64([1, length], ids),
    positions: int64(
      [1, length],
      ids.map((_, index) => index),
    ),
    bias,
    selected: int64([read.length], read),
    targets: int64([read.length], targets),
  };
}

/** log softmax of rows [T, V]. */
function logProbabilities(values: Float32Array): Float64Array {
  const size = values.length / ids.length;
  const out = new Float64Array(values.length);
  for (let row = 0; row < ids.length; row++) {
    const of = values.subarray(row * size, (row + 1) * size);
    const largest = of.reduce((most, x) => Math.max(most, x), -Infinity);
    const total = Math.log(of.reduce((sum, x) => sum + Math.exp(x - largest), 0));
    of.forEach((x, i) => (out[row * size + i] = x - largest - total));
  }
  return out;
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const values = Array.from(expected);
  const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(
    values.reduce((worst, x, i) => Math.max(worst, Math.abs(x - actual[i]!)), 0) / scale,
  ).toBeLessThan(2e-5);
}

/** Whether a plan reads what peft computes. */
async function expectPeft(
  name: string,
  model: Model,
  make: (model: Model) => ExecutionPlan,
): Promise<void> {
  const plan = make(model);
  const { readout } = await plan.score(batchOf(model, isReward(name)));
  await plan.close();
  const expected = logits.get(name)!;
  expectClose(readout, isReward(name) ? expected : logProbabilities(expected));
}

const planner = (name: string, Plan: typeof WholePlan | typeof BlockwisePlan) => (model: Model) =>
  new Plan({ model, reads: isReward(name) ? "scores" : "tokens", maxLength: 16 });

function merged(model: Model): Model {
  const whole = {
    ...cloneModel(model),
    ...(model.scoreHead ? { scoreHead: model.scoreHead } : {}),
  };
  applyAdapter(whole, model.adapter!, 1);
  return whole;
}

/** Everything that decides what a model computes, by name, as digests. */
function numbersOf(model: Model): Record<string, unknown> {
  const all = [
    ...model.weights.keys(),
    ...(model.adapter?.weights.keys() ?? []),
    ...(model.adapter?.scales?.keys() ?? []),
    ...(model.scoreHead ? [SCORE_HEAD] : []),
  ];
  const digest = ({ dtype, shape, data }: HostTensor): string =>
    `${dtype} [${shape.join()}] ${createHash("sha1")
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest("hex")}`;
  return Object.fromEntries(all.toSorted().map((name) => [name, digest(weightOf(model, name))]));
}

/** Biases that merging has nothing to add to. */
const UNMERGEABLE = "lora-bias-without-bias";

describe.each(names)("%s", (name) => {
  test("both plans compute what peft computes, and so does the merged model", async () => {
    const model = await openAdapter(name);
    await expectPeft(name, model, planner(name, WholePlan));
    await expectPeft(name, model, planner(name, BlockwisePlan));
    if (name === UNMERGEABLE)
      expect(() => merged(model)).toThrow(
        "the adapter's bias cannot be merged: model.layers.1.self_attn.q_proj has none",
      );
    else await expectPeft(name, merged(model), planner(name, WholePlan));
  });

  test("written again as peft's, it is read as the same", () =>
    withFolder(async (out) => {
      const model = await openAdapter(name);
      await saveAdapter(model, out, "base");
      const again = (
        await openAdapterOver(await readBase(String(jsonOf(name)["base_model_name_or_path"])), out)
      ).model;
      expect(numbersOf(again)).toEqual(numbersOf(model));
      expect(again.config).toEqual(model.config);
      const known = new Set(["lora_dropout", ...Object.keys(jsonOf(name))]);
      expect(
        Object.keys(
          JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8")) as object,
        ).filter((key) => !known.has(key)),
      ).toEqual([]);
    }));

  test.skipIf(name === UNMERGEABLE)("written merged, it is read as the same", () =>
    withFolder(async (out) => {
      const model = await openAdapter(name);
      await saveMerged(model, out);
      const source = await openWeights(out);
      const again = await readModel(source);
      const { scoreHead: _, ...whole } = merged(model);
      expect(numbersOf(again)).toEqual(numbersOf(whole));
      expect({ ...again.config, json: {} }).toEqual({ ...model.config, json: {} });
      await source.close();
    }),
  );
});

describe("the base stays as it was under adapters that change whole weights", () => {
  test.each([
    "head-tied",
    "embedding-tied",
    "dora",
    "all-biases",
    "tokens-tied",
    "norms-and-a-projection",
  ])("%s", async (name) => {
    const base = await readBase(String(jsonOf(name)["base_model_name_or_path"]));
    const before = numbersOf(base);
    const { model } = await openAdapterOver(base, join(folder, name));
    expect(numbersOf(base)).toEqual(before);
    expect(base.config.tieEmbeddings).toBe(
      (await readBase(String(jsonOf(name)["base_model_name_or_path"]))).config.tieEmbeddings,
    );
    const shared = [...model.weights].filter(
      ([key, { data }]) => base.weights.get(key)?.data === data,
    );
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.length).toBeLessThan(model.weights.size);
  });
});

/** Heads of a size that the key-value cache takes. */
describe("decoding with a cache gives the same, apart and merged", () => {
  test.each(["layers", "dora-patterns", "all-linear-gpt2", "lora-bias", "all-biases", "positions"])(
    "%s",
    async (name) => {
      const model = await openAdapter(name);
      for (const [each, prepack] of [
        [model, false],
        [merged(model), true],
      ] as const) {
        const decoder = await Decoder.create(each, { maxLength: 16, prepack });
        const batch = await decoder.start([ids.slice(0, 4)]);
        for (const id of ids.slice(4)) await batch.step([id]);
        const { logits: last } = batch.scores(0);
        expectClose(
          last.slice(0, each.config.vocabularySize),
          logits.get(name)!.subarray(-each.config.vocabularySize),
        );
        await decoder.close();
      }
    },
  );
});

test("an adapter lies on the merged one below it, and a new one can be opened over either form", () =>
  withFolder(async (out) => {
    const place = (name: string, adapter: string, base: string): string => {
      const path = join(out, name);
      cpSync(join(folder, adapter), path, { recursive: true });
      writeFileSync(
        join(path, "adapter_config.json"),
        JSON.stringify({ ...jsonOf(adapter), base_model_name_or_path: base }),
      );
      return path;
    };
    const lower = place("lower", "rank-pattern", join(models, "smollm2"));
    const upper = place("upper", "head-tied", lower);
    const { model } = await openModel(upper);
    expect(model.source).toBe(lower);
    expect(model.config.tieEmbeddings).toBe(false);
    const under = (await openModel(lower, { merge: true })).model;
    expect(under.adapter).toBeUndefined();
    await expectPeft("rank-pattern", under, planner("rank-pattern", WholePlan));
    expect(model.weights.get("model.embed_tokens.weight")!.data).toEqual(
      under.weights.get("model.embed_tokens.weight")!.data,
    );
    mkdirSync(join(out, "again"));
    await saveMerged(model, join(out, "again"));
    expect(JSON.parse(readFileSync(join(out, "again", "config.json"), "utf8"))).toMatchObject({
      tie_word_embeddings: false,
    });
  }));

onExact(
  "in 8 bits DoRA is folded before its projections are rounded, and refused over a base that is " +
    "rounded already",
  () =>
    withFolder(async (out) => {
      const path = join(out, "dora");
      cpSync(join(folder, "dora"), path, { recursive: true });
      writeFileSync(
        join(path, "adapter_config.json"),
        JSON.stringify({ ...jsonOf("dora"), base_model_name_or_path: join(models, "smollm2") }),
      );
      const { model } = await openModel(path, { precision: "int8" });
      const wanted = await openAdapter("dora");
      await roundProjections(wanted);
      expect([...model.int8!].map(([name, { data }]) => [name, data])).toEqual(
        [...wanted.int8!].map(([name, { data }]) => [name, data]),
      );
      const { model: rounded } = await openModel(join(models, "smollm2"), { precision: "int8" });
      await expect(openAdapterOver(rounded, path)).rejects.toThrow("which is kept in 8 bits");
    }),
);

test("in half precision whole weights are narrowed as the base's are", async () => {
  const source = await openWeights(join(models, "smollm2"));
  const base = await readModel(source, { precision: "float16" });
  await source.close();
  const { model } = await openAdapterOver(base, join(folder, "dora"));
  expect([
    ...new Set(
      [...model.weights.values()].filter(({ shape }) => shape.length > 1).map(({ dtype }) => dtype),
    ),
  ]).toEqual(["float16"]);
  const plan = new BlockwisePlan({ model, reads: "tokens", maxLength: 16 });
  const { readout } = await plan.score(batchOf(model, false));
  await plan.close();
  const expected = logProbabilities(logits.get("dora")!);
  expect(Math.max(...readout.map((x, i) => Math.abs(x - expected[i]!)))).toBeLessThan(0.1);
});
