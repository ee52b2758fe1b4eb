import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import { SafetensorsFile, writeSafetensors } from "../../models/weights/safetensors.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { Run } from "../../runs/run.ts";
import { cacheFolder } from "../../runs/cache-folder.ts";
import { createEncoder } from "../../text/encoder.ts";
import { resolveConfig } from "../configs.ts";
import { dpo } from "./dpo.ts";
import type { TrainingContext } from "../loop.ts";
import { openWeights } from "../open-weights.ts";
import { cachePath, readCache, writeCache } from "./reference-cache.ts";
import {
  COMMON,
  collect,
  encoder,
  madePairs,
  stepMetric,
  tinyModel,
  tokenizer,
} from "../testing.ts";

const pairs = madePairs(20);
const oneLayer = (): Model => tinyModel("llama", { num_hidden_layers: 1 });
const newFolder = (): string => mkdtempSync(join(tmpdir(), "attune-reference-"));

interface Trial {
  options?: object;
  context?: TrainingContext;
  model?: Model;
  train?: readonly PreferenceRecord[];
  heldOut?: readonly PreferenceRecord[];
  maxLength?: number;
}

/** A short DPO run: its events, and how many rows of the reference it computed ahead. */
async function trial({
  options = {},
  context = {},
  model = oneLayer(),
  train = pairs,
  heldOut = [],
  maxLength = 48,
}: Trial = {}) {
  let computed = 0;
  const progress: TrainingContext["progress"] = ({ title, total, unit }) => {
    expect([title, unit]).toEqual(["reference", "rows"]);
    return {
      update: (done) => expect(done).toBeLessThanOrEqual(total),
      end: () => (computed += total),
    };
  };
  const config = resolveConfig("dpo", { ...COMMON, maxLength, learningRate: 5e-3, ...options });
  const events = await collect(
    dpo(
      { model, encoder: createEncoder(tokenizer, { maxLength, template: "none" }), train, heldOut },
      config,
      { ...context, progress },
    ),
  );
  return { events, computed, losses: stepMetric(events, "loss"), warnings: warningsOf(events) };
}

const warningsOf = (events: readonly TrainingEvent[]): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
const cached = (folder: string, modelFingerprint = "m"): TrainingContext => ({
  cache: { folder, modelFingerprint },
});
const filesOf = (folder: string): string[] =>
  existsSync(join(folder, "reference"))
    ? readdirSync(join(folder, "reference")).map((name) => join(folder, "reference", name))
    : [];

/** A model whose adapter has learned something. */
function movedModel(): Model {
  const { model } = openWeights(oneLayer(), {
    adapter: "lora",
    lora: { rank: 4, alpha: 8, rslora: false, targets: ["all-linear"] },
    adapterSeed: 5,
  });
  for (const [name, { data }] of model.adapter!.weights)
    if (name.includes("lora_B")) data.forEach((_, i) => (data[i] = Math.sin(i) / 4));
  return model;
}

const expectSame = (a: readonly number[], b: readonly number[]): void => {
  expect(a).toHaveLength(b.length);
  a.forEach((value, i) =>
    expect(Math.abs(value - b[i]!), `step ${i + 1}: ${value} and ${b[i]}`).toBeLessThan(
      2e-5 * Math.max(1, Math.abs(value)),
    ),
  );
};

describe("three ways of having a reference give the same values", () => {
  test.each(["whole", "block"] as const)(
    "%s plan, adapter: cached = copy = adapter off",
    async (plan) => {
      const options = { plan, epochs: 3 };
      const [first, ...others] = await Promise.all(
        (["cached", "copy", "adapter"] as const).map(async (reference) =>
          trial({ options: { ...options, reference }, heldOut: pairs.slice(0, 4) }),
        ),
      );
      expect(Math.abs(first!.losses[0]! - Math.LN2)).toBeLessThan(1e-5);
      for (const other of others) {
        expectSame(other.losses, first!.losses);
        expectSame(
          stepMetric(other.events, "rewards/margins"),
          stepMetric(first!.events, "rewards/margins"),
        );
      }
      expect([first!.computed, ...others.map(({ computed }) => computed)]).toEqual([
        pairs.length,
        0,
        0,
      ]);
    },
  );

  test(
    "all weights trained: cached = copy, and there is no adapter to switch off",
    { tags: ["dear"] },
    async () => {
      const options = { adapter: "none", epochs: 3 };
      const [first, second] = await Promise.all(
        (["cached", "copy"] as const).map(async (reference) =>
          trial({ options: { ...options, reference } }),
        ),
      );
      expect(Math.abs(first!.losses[0]! - Math.LN2)).toBeLessThan(1e-5);
      expect(first!.losses.at(-1)).toBeLessThan(0.6);
      expectSame(second!.losses, first!.losses);
      expect(() =>
        resolveConfig("dpo", { ...COMMON, adapter: "none", reference: "adapter" }),
      ).toThrow(/no adapter to switch off/);
    },
  );

  test(
    "an adapter that had learned something: cached = copy = the model as given; adapter off is the base below it",
    { tags: ["dear"] },
    async () => {
      const losses = async (reference: string) =>
        (await trial({ model: movedModel(), options: { reference, epochs: 2 } })).losses;
      const [first, copy, off] = [
        await losses("cached"),
        await losses("copy"),
        await losses("adapter"),
      ];
      expect(Math.abs(first[0]! - Math.LN2)).toBeLessThan(1e-5);
      expectSame(copy, first);
      expect(Math.abs(off[0]! - Math.LN2)).toBeGreaterThan(1e-2);
    },
  );

  test("only what the run reads is computed ahead", async () => {
    expect(
      (await trial({ options: { maxSteps: 1 }, heldOut: madePairs(23).slice(20) })).computed,
    ).toBe(8 + 3);
    expect((await trial({ options: { loss: ["simpo"] } })).computed).toBe(0);
  });

  test("an option that has no effect is refused", () => {
    expect(() => resolveConfig("dpo", { ...COMMON, loss: ["simpo"], reference: "copy" })).toThrow(
      /reference/,
    );
    expect(() =>
      resolveConfig("dpo", { ...COMMON, reference: "copy", referenceCache: false }),
    ).toThrow(/referenceCache/);
  });
});

describe("values on disk", () => {
  test("are computed once, shared by runs, and change no byte of what a run gives", async () => {
    const folder = newFolder();
    const without = await trial();
    const first = await trial({ context: cached(folder) });
    const [file] = filesOf(folder);
    const bytes = readFileSync(file!);
    const second = await trial({ context: cached(folder) });
    expect([without.computed, first.computed, second.computed]).toEqual([20, 20, 0]);
    expect(first.losses).toEqual(without.losses);
    expect(second.losses).toEqual(without.losses);
    expect(filesOf(folder)).toEqual([file]);
    expect(readFileSync(file!).equals(bytes)).toBe(true);
  });

  test(
    "serve another seed, order, split, method setting and rate; and rows that are there twice are one",
    { tags: ["dear"] },
    async () => {
      const folder = newFolder();
      await trial({ context: cached(folder) });
      const again = async (changes: Trial) =>
        (await trial({ context: cached(folder), ...changes })).computed;
      expect(
        await again({
          options: { seed: 7, learningRate: 1e-3, beta: 0.3, loss: ["ipo"], epochs: 2 },
        }),
      ).toBe(0);
      expect(await again({ train: pairs.toReversed() })).toBe(0);
      expect(await again({ train: pairs.slice(3), heldOut: pairs.slice(0, 3) })).toBe(0);
      expect(await again({ train: [...pairs, ...pairs.slice(0, 4)] })).toBe(0);
      expect(filesOf(folder)).toHaveLength(1);
    },
  );

  test(
    "are for one model, encoder, data, batching, plan and precision",
    { tags: ["dear"] },
    async () => {
      const folder = newFolder();
      const options = { maxSteps: 1, shuffle: false };
      await trial({ context: cached(folder), options });
      let files = 1;
      const fresh = async (changes: Trial): Promise<void> => {
        expect(
          (
            await trial({
              context: cached(folder),
              ...changes,
              options: { ...options, ...changes.options },
            })
          ).computed,
        ).toBeGreaterThan(0);
        expect(filesOf(folder)).toHaveLength(++files);
      };
      await fresh({ context: cached(folder, "another") });
      await fresh({ maxLength: 40 });
      await fresh({ train: pairs.slice(1) });
      await fresh({
        train: pairs.map((pair, i) => (i === 0 ? { ...pair, rejected: "xyzzy" } : pair)),
      });
      await fresh({ options: { plan: "block" } });
      await fresh({ options: { microBatchTokens: 60 } });
      await fresh({ options: { precision: "float16" } });
    },
  );

  test("that are damaged are computed again with a warning, and mended", async () => {
    const folder = newFolder();
    const options = { maxSteps: 1 };
    const good = await trial({ context: cached(folder), options });
    const [file] = filesOf(folder);
    const bytes = readFileSync(file!);
    truncateSync(file!, bytes.length - 9);
    const again = await trial({ context: cached(folder), options });
    expect(again.warnings).toEqual([
      expect.stringContaining(`${file} is damaged and is computed again`),
    ]);
    expect(again.computed).toBe(8);
    expect(again.losses).toEqual(good.losses);
    expect(readFileSync(file!).equals(bytes)).toBe(true);
  });

  test.each([
    ["cut short", (file: string) => truncateSync(file, readFileSync(file).length - 1)],
    ["empty", (file: string) => truncateSync(file, 0)],
    ["no safetensors", (file: string) => writeFileSync(file, "x".repeat(500))],
    [
      "changed in one bit",
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 2]! ^= 1;
        writeFileSync(file, bytes);
      },
    ],
    [
      "of another number of values",
      async (file: string) =>
        writeSafetensors(file, [{ name: "logps", shape: [3], data: new Float32Array(3) }], {
          metadata: { sha256: "0" },
        }),
    ],
    [
      "without its tensor",
      async (file: string) =>
        writeSafetensors(file, [{ name: "other", shape: [2], data: new Float32Array(2) }]),
    ],
  ])("a file that is %s is not trusted, with a warning", async (_what, spoil) => {
    const cache = { folder: newFolder(), hash: "abc" };
    await writeCache(cache, Float32Array.of(-1.5, -2.5), []);
    await spoil(cachePath(cache));
    const warnings: string[] = [];
    expect(await readCache(cache, 2, warnings)).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining("is damaged and is computed again: ")]);
  });

  test("a part, as an interrupted run leaves it, is completed to the same bytes", async () => {
    const folder = newFolder();
    const options = { microBatchTokens: 60 };
    await trial({ context: cached(folder), options });
    const [file] = filesOf(folder);
    const bytes = readFileSync(file!);

    const other = newFolder();
    const stop = new AbortController();
    const config = resolveConfig("dpo", { ...COMMON, learningRate: 5e-3, ...options });
    const run = Run.create(join(other, "run"), {
      command: "dpo",
      seed: 42,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    const context: TrainingContext = {
      ...cached(other),
      run,
      signal: stop.signal,
      progress: () => ({
        update: (done) => (done > 6 ? stop.abort() : undefined),
        end: () => undefined,
      }),
    };
    const end = (
      await collect(dpo({ model: oneLayer(), encoder, train: pairs, heldOut: [] }, config, context))
    ).at(-1)!;
    expect(end.type === "end" && [end.status, end.step]).toEqual(["interrupted", 0]);
    const part = await SafetensorsFile.open(filesOf(other)[0]!);
    const unknown = (await part.read("logps")).filter(Number.isNaN).length;
    await part.close();
    expect(unknown).toBeGreaterThan(0);
    expect(unknown).toBeLessThan(40 - 2 * 6);

    const resumed = await Run.open(join(other, "run"));
    const whole = await trial({ context: { ...cached(other), run: resumed.run }, options });
    expect(whole.computed).toBe(unknown / 2);
    expect(whole.warnings).toEqual([]);
    expect(readFileSync(filesOf(other)[0]!).equals(bytes)).toBe(true);
    expect(end.type === "end" && whole.losses).toEqual((await trial({ options })).losses);
  });

  test("a folder that cannot be written to costs a warning and nothing else", async () => {
    const folder = join(newFolder(), "a file");
    writeFileSync(folder, "");
    const { warnings, losses } = await trial({ context: cached(folder) });
    expect(warnings).toEqual([
      expect.stringMatching(/^the reference could not be kept for other runs: /),
    ]);
    expect(losses).toEqual((await trial()).losses);
  });

  test("may be turned off", async () => {
    const folder = newFolder();
    expect(
      (await trial({ context: cached(folder), options: { referenceCache: false } })).computed,
    ).toBe(20);
    expect(filesOf(folder)).toEqual([]);
  });

  test("are written whole or not at all", async () => {
    const cache = { folder: newFolder(), hash: "abc" };
    const warnings: string[] = [];
    expect(await readCache(cache, 2, warnings)).toBeUndefined();
    await writeCache(cache, Float32Array.of(1, NaN), warnings);
    expect(await readCache(cache, 2, warnings)).toEqual(Float32Array.of(1, NaN));
    expect(readdirSync(join(cache.folder, "reference"))).toEqual(["abc.safetensors"]);
    expect(cachePath(cache)).toBe(join(cache.folder, "reference", "abc.safetensors"));
    expect(warnings).toEqual([]);
  });
});

test("the standard cache: ATTUNE_CACHE, else the user's", () => {
  expect(cacheFolder({ ATTUNE_CACHE: "/c", XDG_CACHE_HOME: "/x" })).toBe("/c");
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" })).toBe(join("/x", "attune"));
  expect(cacheFolder({})).toMatch(/[\\/]\.cache[\\/]attune$/);
});
