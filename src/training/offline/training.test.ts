import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { openModel } from "../../models/open.ts";
import { WholePlan } from "../../models/plans/whole.ts";
import { TINY_CONFIGS } from "../../models/testing.ts";
import { Run } from "../../runs/run.ts";
import { mean } from "../../stats/intervals.ts";
import { resolveConfig } from "../configs.ts";
import { dpo } from "./dpo.ts";
import { readHeldOut } from "./held-out.ts";
import { joinRows, layExample, layShared, packExamples } from "../layout.ts";
import { encodeReward } from "./reward-groups.ts";
import { rewardModel } from "./reward.ts";
import { sft } from "./sft.ts";
import {
  COMMON,
  collect,
  finished,
  encoder,
  madePairs,
  stepMetric,
  tinyModel,
} from "../testing.ts";

const tiny = tinyModel;
const pairs = madePairs(24);
const demonstrations = pairs.map(({ prompt, chosen, place }) => ({
  kind: "demonstration" as const,
  prompt,
  completion: chosen,
  place,
}));
const common = COMMON;

describe("layout", () => {
  const scoreOf = async (type: string, laid: ReturnType<typeof joinRows>): Promise<number[]> => {
    const plan = new WholePlan({ model: tiny(type), reads: "tokens", maxLength: 64 });
    const { readout } = await plan.score(laid.batch);
    await plan.close();
    const sums: number[] = [];
    laid.sequenceOfRead.data.forEach(
      (sequence, read) => (sums[Number(sequence)] = (sums[Number(sequence)] ?? 0) + readout[read]!),
    );
    return sums;
  };
  const join = (rows: Parameters<typeof joinRows>[0]) => joinRows(rows, { padId: encoder.padId });

  test.each(Object.keys(TINY_CONFIGS))(
    "%s: alone = padded = packed = shared prefix",
    async (type) => {
      const { prompt, chosen, rejected } = encoder.encodePair("a question", "yes, indeed", "no");
      const example = (answer: Int32Array) => {
        const ids = Int32Array.from([...prompt, ...answer]);
        return { ids, supervised: Uint8Array.from(ids, (_, i) => (i < prompt.length ? 0 : 1)) };
      };
      const both = [example(chosen), example(rejected)];
      const alone = (
        await Promise.all(both.map((one) => scoreOf(type, join([layExample(one)]))))
      ).flat();
      for (const rows of [
        both.map(layExample),
        [packExamples(both)],
        [layShared(prompt, [chosen, rejected])],
        [layShared(prompt, [chosen, rejected]), layExample(both[0]!)],
      ]) {
        const scores = await scoreOf(type, join(rows));
        alone.forEach((expected, index) =>
          expect(Math.abs(scores[index]! - expected)).toBeLessThan(1e-4 * Math.abs(expected)),
        );
      }
    },
  );
});

describe("the loop", () => {
  test("1 x 8 accumulation equals 8 x 1", async () => {
    const run = async (microBatchTokens: number) => {
      const config = resolveConfig("sft", {
        ...common,
        adapter: "none",
        learningRate: 1e-2,
        maxSteps: 4,
        packing: false,
        microBatchTokens,
      });
      return stepMetric(
        await collect(sft({ model: tiny(), encoder, train: demonstrations, heldOut: [] }, config)),
        "loss",
      );
    };
    const [one, many] = [await run(1), await run(4096)];
    one.forEach((loss, step) => expect(Math.abs(loss - many[step]!)).toBeLessThan(2e-4 * loss));
  });
});

describe("dpo", () => {
  test("starts at ln 2 with rewards 0, and learns", async () => {
    const config = resolveConfig("dpo", { ...common, learningRate: 5e-3, epochs: 6 });
    const events = await collect(
      dpo({ model: tiny(), encoder, train: pairs, heldOut: pairs.slice(0, 6) }, config),
    );
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
        const config = resolveConfig("dpo", {
          ...common,
          adapter,
          plan,
          maxSteps: 1,
          loss: ["ipo"],
        });
        const [loss] = stepMetric(
          await collect(dpo({ model: tiny(), encoder, train: pairs, heldOut: [] }, config)),
          "loss",
        );
        expect(Math.abs(loss! - 25)).toBeLessThan(1e-3);
      }
    }
  });

  test("an option that the loss ignores is refused", () => {
    expect(() => resolveConfig("dpo", { ...common, loss: ["ipo"], labelSmoothing: 0.1 })).toThrow(
      /labelSmoothing/,
    );
    expect(() => resolveConfig("dpo", { ...common, lossWeights: [1, 2] })).toThrow(
      /2 weights for 1 losses/,
    );
  });

  test("a stopped run that goes on ends with the same bytes as one that was not stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-dpo-"));
    const config = resolveConfig("dpo", {
      ...common,
      learningRate: 5e-3,
      epochs: 3,
      checkpointSteps: 2,
      evaluationSteps: 4,
    });
    const facts = {
      command: "dpo",
      seed: 42,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    };
    const input = () => ({ model: tiny(), encoder, train: pairs, heldOut: pairs.slice(0, 5) });
    const whole = Run.create(join(folder, "whole"), facts);
    await collect(dpo(input(), config, { run: whole }));

    let run = Run.create(join(folder, "stopped"), facts);
    for (const stopAt of [3, 5]) {
      const stop = new AbortController();
      for await (const event of dpo(input(), config, { run, signal: stop.signal }))
        if (event.type === "step" && event.step === stopAt) stop.abort();
      run.close();
      ({ run } = await Run.open(join(folder, "stopped")));
    }
    await collect(dpo(input(), config, { run }));
    for (const file of [
      "metrics.jsonl",
      ...readdirSync(join(folder, "whole", "model")).map((name) => join("model", name)),
    ]) {
      expect(
        readFileSync(join(folder, "stopped", file)).equals(
          readFileSync(join(folder, "whole", file)),
        ),
        file,
      ).toBe(true);
    }
  });
});

test("sft: the loss falls, and a NaN stops the run with the tensor named", async () => {
  const config = resolveConfig("sft", {
    ...common,
    adapter: "none",
    learningRate: 1e-2,
    epochs: 5,
  });
  const losses = stepMetric(
    await collect(sft({ model: tiny(), encoder, train: demonstrations, heldOut: [] }, config)),
    "loss",
  );
  expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
  const broken = tiny();
  (broken.weights.get("model.layers.1.mlp.up_proj.weight")!.data as Float32Array)[3] = NaN;
  await expect(
    collect(sft({ model: broken, encoder, train: demonstrations, heldOut: [] }, config)),
  ).rejects.toThrow(/step 1: .* is not finite/);
});

test("reward: starts near ln 2, learns, and the head travels with the model", async () => {
  const config = resolveConfig("reward", {
    ...common,
    learningRate: 1e-2,
    epochs: 8,
    adapter: "none",
    centerCoefficient: 0,
  });
  const {
    events,
    result: { model, save },
  } = await finished(
    rewardModel({ model: tiny(), encoder, train: pairs, heldOut: pairs.slice(0, 8) }, config),
  );
  expect(stepMetric(events, "accuracy").at(-1)).toBeGreaterThan(0.9);
  const folder = mkdtempSync(join(tmpdir(), "attune-reward-"));
  await save(folder);
  const opened = await openModel(folder);
  expect(opened.model.scoreHead!.data).toEqual(model.scoreHead!.data);
  expect(opened.model.weights.get("model.norm.weight")!.data).toEqual(
    model.weights.get("model.norm.weight")!.data,
  );
});

const ranked = (scores: readonly number[], answers = ["aa", "bbb", "c", "dddd"]): RankedRecord => ({
  kind: "ranked",
  prompt: "question",
  completions: scores.map((score, i) => ({ completion: answers[i]!, score })),
  place: { file: "made", row: 1 },
});

describe("reward: several answers to one prompt", () => {
  test("all pairs are there, ordered by score, and each answer is computed once", () => {
    const [group, ...others] = encodeReward(
      { encoder, train: [ranked([3, 1, 2, 2])], heldOut: [] },
      { margin: true, maxLength: 48, onBad: "error" },
    ).examples;
    expect(others).toEqual([]);
    expect(group!.row.sequences).toBe(4);
    // one token begins the text, and one ends each answer
    expect(group!.row.ids).toHaveLength(1 + "question".length + 2 + 3 + 1 + 4 + 4);
    const lengths = group!.pairs.map(({ chosen, rejected, p }) => [
      group!.lengths[chosen],
      group!.lengths[rejected],
      p,
    ]);
    expect(lengths).toEqual([
      [3, 4, 1],
      [3, 2, 1],
      [3, 5, 1],
      [2, 4, 1],
      [5, 4, 1],
      [2, 5, 0.5],
    ]);
  });

  test("a prompt counts the same whatever number of pairs it has: 1 / C(K, 2) a pair (InstructGPT, section 3.5)", async () => {
    const lossOf = async (train: (PreferenceRecord | RankedRecord)[]) => {
      const settings = resolveConfig("reward", {
        ...common,
        maxSteps: 1,
        batchSize: train.length,
        shuffle: false,
        centerCoefficient: 0,
      });
      return stepMetric(
        await collect(rewardModel({ model: tiny(), encoder, train, heldOut: [] }, settings)),
        "loss",
      )[0]!;
    };
    const of = (chosen: string, rejected: string): PreferenceRecord => ({
      kind: "preference",
      prompt: "question",
      chosen,
      rejected,
      p: 1,
      place: {},
    });
    const lone: PreferenceRecord = {
      kind: "preference",
      prompt: "other",
      chosen: "yes",
      rejected: "no",
      p: 1,
      place: {},
    };
    const three = [of("aa", "bbb"), of("aa", "c"), of("c", "bbb")];
    const each = await Promise.all([...three, lone].map((pair) => lossOf([pair])));
    const expected = ((each[0]! + each[1]! + each[2]!) / 3 + each[3]!) / 2;
    expect(Math.abs((await lossOf([ranked([3, 1, 2]), lone])) - expected)).toBeLessThan(1e-5);
    expect(Math.abs(expected - each.reduce((total, loss) => total + loss) / 4)).toBeGreaterThan(
      1e-4,
    );
  });

  test("a prompt that must be cut is cut the same for all answers", () => {
    const long: RankedRecord = {
      ...ranked([2, 1, 0], ["a", "b".repeat(30), "c"]),
      prompt: "p".repeat(40),
    };
    const [group] = encodeReward(
      { encoder, train: [long], heldOut: [] },
      { margin: true, maxLength: 48, onBad: "error" },
    ).examples;
    expect(group!.row.ids).toHaveLength(48 - 31 + 2 + 31 + 2);
  });

  test("held-out pairs and the statistics of their rewards are those of the weights that were kept", async () => {
    const run = Run.create(join(mkdtempSync(join(tmpdir(), "attune-reward-")), "run"), {
      command: "reward",
      seed: 1,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    const heldOut = [ranked([3, 1, 2]), ...pairs.slice(0, 4)];
    // a rate that spoils the model after its first steps: the best checkpoint is not the last
    const settings = resolveConfig("reward", {
      ...common,
      adapter: "none",
      learningRate: 0.3,
      epochs: 2,
      evaluationSteps: 1,
      checkpointSteps: 1,
      centerCoefficient: 0.01,
    });
    const model = tiny();
    await collect(rewardModel({ model, encoder, train: pairs, heldOut }, settings, { run }));
    const folder = join(run.folder, "model");
    const rows = readHeldOut(folder);
    expect(rows).toHaveLength(3 + 4);
    expect(new Set(rows.map(({ cluster }) => cluster)).size).toBe(5);
    expect(rows[0]).toMatchObject({ p: 1, chosenLength: 3, rejectedLength: 4 });
    const metrics = readFileSync(join(run.folder, "metrics.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number>);
    const best = metrics
      .filter((row) => row["eval_loss"] !== undefined)
      .toSorted((a, b) => a["eval_loss"]! - b["eval_loss"]!)[0]!;
    expect(best["step"]).toBeLessThan(6);
    expect(mean(rows.map(({ chosen, rejected }) => chosen - rejected))).toBeCloseTo(
      best["eval_margin"]!,
      5,
    );
    const answers = [
      ...rows.slice(0, 3).flatMap(({ chosen, rejected }) => [chosen, rejected]),
      ...rows.slice(3).flatMap(({ chosen, rejected }) => [chosen, rejected]),
    ];
    const { mean: average, deviation } = JSON.parse(
      readFileSync(join(folder, "reward_normalisation.json"), "utf8"),
    ) as { mean: number; deviation: number };
    const once = [...new Set(answers)];
    expect(once).toHaveLength(3 + 8);
    expect(average).toBeCloseTo(mean(once), 5);
    expect(deviation).toBeCloseTo(
      Math.sqrt(mean(once.map((value) => (value - mean(once)) ** 2))),
      5,
    );
  });
});

test("reward: an answer that is in several pairs of a cluster is scored once", async () => {
  const clustered = (["b", "c"] as const).map((rejected): PreferenceRecord => ({
    kind: "preference",
    prompt: "q",
    chosen: "a",
    rejected,
    p: 1,
    cluster: "one",
    place: {},
  }));
  const config = resolveConfig("reward", { ...common, maxSteps: 1, batchSize: 1 });
  const events = await collect(
    rewardModel({ model: tiny(), encoder, train: clustered, heldOut: [] }, config),
  );
  const start = events[0]!;
  expect(start.type === "start" && start.examples).toBe(1);
  expect(stepMetric(events, "num_tokens")).toEqual([2 + 3 * 2]);
});
