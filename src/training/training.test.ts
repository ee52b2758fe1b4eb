import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { PreferenceRecord } from "../data/records.ts";
import { openModel } from "../models/open.ts";
import { saveMerged } from "../models/save.ts";
import { WholePlan } from "../models/plans/whole.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { Run } from "../runs/run.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { resolveConfig } from "./configs.ts";
import { dpo } from "./dpo.ts";
import { joinRows, layExample, layShared, packExamples } from "./layout.ts";
import { itemsOfStep, totalSteps } from "./loop.ts";
import { rewardModel } from "./reward.ts";
import { sft } from "./sft.ts";

const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: 48 });
const tiny = (type = "llama") => randomModel({ ...TINY_CONFIGS[type]!, vocab_size: tokenizer.vocabularySize, max_position_embeddings: 128, n_positions: 128 }, 3, 0.15);

const pairs: PreferenceRecord[] = Array.from({ length: 24 }, (_, index) => {
  const random = Random.for(index, "pair");
  const word = (letters: string): string => Array.from({ length: 2 + random.integer(9) }, () => random.pick([...letters])).join("");
  return { kind: "preference", prompt: word("abcdefgh"), chosen: word("aeiou"), rejected: word("xyz"), p: 1, place: { row: index + 1 } };
});
const demonstrations = pairs.map(({ prompt, chosen, place }) => ({ kind: "demonstration" as const, prompt, completion: chosen, place }));

const common = { model: "tiny", data: "made", batchSize: 8, maxLength: 48, heldOut: 0, warmupRatio: 0, schedule: "constant" } as const;

async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const stepMetric = (events: readonly TrainingEvent[], name: string): number[] =>
  events.flatMap((event) => (event.type === "step" ? [(event.metrics as Record<string, number>)[name]!] : []));

describe("layout", () => {
  const scoreOf = async (type: string, laid: ReturnType<typeof joinRows>): Promise<number[]> => {
    const plan = new WholePlan({ model: tiny(type), reads: "tokens", maxLength: 64 });
    const { readout } = await plan.score(laid.batch);
    await plan.close();
    const sums: number[] = [];
    laid.sequenceOfRead.data.forEach((sequence, read) => (sums[Number(sequence)] = (sums[Number(sequence)] ?? 0) + readout[read]!));
    return sums;
  };
  const join = (type: string, rows: Parameters<typeof joinRows>[0]) => joinRows(rows, { padId: encoder.padId, window: tiny(type).config.slidingWindow });

  test.each(Object.keys(TINY_CONFIGS))("%s: alone = padded = packed = shared prefix", async (type) => {
    const { prompt, chosen, rejected } = encoder.encodePair("a question", "yes, indeed", "no");
    const example = (answer: Int32Array) => {
      const ids = Int32Array.from([...prompt, ...answer]);
      return { ids, supervised: Uint8Array.from(ids, (_, i) => (i < prompt.length ? 0 : 1)) };
    };
    const both = [example(chosen), example(rejected)];
    const alone = (await Promise.all(both.map((one) => scoreOf(type, join(type, [layExample(one)]))))).flat();
    for (const rows of [both.map(layExample), [packExamples(both)], [layShared(prompt, [chosen, rejected])], [layShared(prompt, [chosen, rejected]), layExample(both[0]!)]]) {
      const scores = await scoreOf(type, join(type, rows));
      alone.forEach((expected, index) => expect(Math.abs(scores[index]! - expected)).toBeLessThan(1e-4 * Math.abs(expected)));
    }
  });
});

describe("the loop", () => {
  test("every example is seen once an epoch", () => {
    const items = Array.from({ length: 10 }, (_, i) => i);
    const options = { batchSize: 4, seed: 1 };
    const seen = Array.from({ length: 5 }, (_, step) => itemsOfStep(items, step, options)).flat();
    expect(seen.slice(0, 10).toSorted((a, b) => a - b)).toEqual(items);
    expect(seen.slice(10, 20).toSorted((a, b) => a - b)).toEqual(items);
    expect(totalSteps(10, { batchSize: 4, epochs: 1, maxSteps: 0 })).toBe(3);
    expect(totalSteps(10, { batchSize: 4, epochs: 2, maxSteps: 2 })).toBe(2);
  });

  test("1 x 8 accumulation equals 8 x 1", async () => {
    const run = async (microBatchTokens: number) => {
      const config = resolveConfig("sft", { ...common, adapter: "none", learningRate: 1e-2, maxSteps: 4, packing: false, microBatchTokens });
      return stepMetric(await collect(sft({ model: tiny(), encoder, train: demonstrations, heldOut: [] }, config)), "loss");
    };
    const [one, many] = [await run(1), await run(4096)];
    one.forEach((loss, step) => expect(Math.abs(loss - many[step]!)).toBeLessThan(2e-4 * loss));
  });
});

describe("dpo", () => {
  test("starts at ln 2 with rewards 0, and learns", async () => {
    const config = resolveConfig("dpo", { ...common, learningRate: 5e-3, epochs: 6 });
    const events = await collect(dpo({ model: tiny(), encoder, train: pairs, heldOut: pairs.slice(0, 6) }, config));
    const losses = stepMetric(events, "loss");
    expect(Math.abs(losses[0]! - Math.LN2)).toBeLessThan(1e-5);
    expect(Math.abs(stepMetric(events, "rewards/chosen")[0]!)).toBeLessThan(1e-5);
    expect(losses.at(-1)).toBeLessThan(0.5);
    expect(stepMetric(events, "rewards/accuracies").at(-1)).toBeGreaterThan(0.8);
    const end = events.at(-1)!;
    expect(end.type === "end" && end.status).toBe("completed");
  });

  test("an adapter run and a full run agree on where they start, by either plan", async () => {
    for (const adapter of ["lora", "none"] as const) {
      for (const plan of ["whole", "block"] as const) {
        const config = resolveConfig("dpo", { ...common, adapter, plan, maxSteps: 1, loss: ["ipo"] });
        const [loss] = stepMetric(await collect(dpo({ model: tiny(), encoder, train: pairs, heldOut: [] }, config)), "loss");
        expect(Math.abs(loss! - 25)).toBeLessThan(1e-3);
      }
    }
  });

  test("an option that the loss ignores is refused", () => {
    expect(() => resolveConfig("dpo", { ...common, loss: ["ipo"], labelSmoothing: 0.1 })).toThrow(/labelSmoothing/);
    expect(() => resolveConfig("dpo", { ...common, lossWeights: [1, 2] })).toThrow(/2 weights for 1 losses/);
  });

  test("a stopped run that goes on ends with the same bytes as one that was not stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-dpo-"));
    const config = resolveConfig("dpo", { ...common, learningRate: 5e-3, epochs: 3, checkpointSteps: 2, evaluationSteps: 4 });
    const facts = { command: "dpo", seed: 42, config: { given: {}, effective: {} }, dataHash: "d", modelFingerprint: "m" };
    const input = () => ({ model: tiny(), encoder, train: pairs, heldOut: pairs.slice(0, 5) });
    const whole = Run.create(join(folder, "whole"), facts);
    await collect(dpo(input(), config, { run: whole }));

    let run = Run.create(join(folder, "stopped"), facts);
    for (const stopAt of [3, 5]) {
      const stop = new AbortController();
      for await (const event of dpo(input(), config, { run, signal: stop.signal })) if (event.type === "step" && event.step === stopAt) stop.abort();
      run.close();
      ({ run } = await Run.open(join(folder, "stopped")));
    }
    await collect(dpo(input(), config, { run }));
    for (const file of ["metrics.jsonl", ...readdirSync(join(folder, "whole", "model")).map((name) => join("model", name))]) {
      expect(readFileSync(join(folder, "stopped", file)).equals(readFileSync(join(folder, "whole", file))), file).toBe(true);
    }
  });
});

test("sft: the loss falls, and a NaN stops the run with the tensor named", async () => {
  const config = resolveConfig("sft", { ...common, adapter: "none", learningRate: 1e-2, epochs: 5 });
  const losses = stepMetric(await collect(sft({ model: tiny(), encoder, train: demonstrations, heldOut: [] }, config)), "loss");
  expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
  const broken = tiny();
  (broken.weights.get("model.layers.1.mlp.up_proj.weight")!.data as Float32Array)[3] = NaN;
  await expect(collect(sft({ model: broken, encoder, train: demonstrations, heldOut: [] }, config))).rejects.toThrow(/step 1: .* is not finite/);
});

test("reward: starts near ln 2, learns, and the head travels with the model", async () => {
  const config = resolveConfig("reward", { ...common, learningRate: 1e-2, epochs: 8, adapter: "none", centerCoefficient: 0 });
  const model = tiny();
  const events = await collect(rewardModel({ model, encoder, train: pairs, heldOut: pairs.slice(0, 8) }, config));
  expect(stepMetric(events, "accuracy").at(-1)).toBeGreaterThan(0.9);
  const folder = mkdtempSync(join(tmpdir(), "attune-reward-"));
  await saveMerged(model, folder);
  const { writeFileSync } = await import("node:fs");
  for (const [name, content] of Object.entries(tokenizer.files)) writeFileSync(join(folder, name), content);
  const opened = await openModel(folder);
  expect(opened.model.scoreHead!.data).toEqual(model.scoreHead!.data);
  expect(opened.model.weights.get("model.norm.weight")!.data).toEqual(model.weights.get("model.norm.weight")!.data);
});

test("reward: an answer that is in several pairs of a cluster is scored once", async () => {
  const clustered = (["b", "c"] as const).map((rejected): PreferenceRecord => ({ kind: "preference", prompt: "q", chosen: "a", rejected, p: 1, cluster: "one", place: {} }));
  const config = resolveConfig("reward", { ...common, maxSteps: 1, batchSize: 1 });
  const events = await collect(rewardModel({ model: tiny(), encoder, train: clustered, heldOut: [] }, config));
  const start = events[0]!;
  expect(start.type === "start" && start.examples).toBe(1);
  expect(stepMetric(events, "num_tokens")).toEqual([2 + 3 * 2]);
});
