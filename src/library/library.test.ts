/** The library's trainings: what they give back, what they leave alone, and run folders. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AttuneError } from "../core/errors.ts";
import { saveMerged, saveTokenizer } from "../models/save.ts";
import { openModel } from "../models/open.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { METRICS } from "../runs/metrics.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { metricsOf } from "../training/trainer.ts";
import { trainerEntry } from "../training/trainers.ts";
import { madePairs, tinyModel } from "../training/testing.ts";
import { ask, score } from "./ask.ts";
import {
  bestOfN,
  grpo,
  onlineDpo,
  ppo,
  reinforcePlusPlus,
  rejectionSampling,
  rloo,
  dpo,
  kto,
  rewardModel,
  sft,
} from "./trainers.ts";
import type { LanguageModel, Trained } from "./models.ts";
import { fingerprintOf } from "./models.ts";
import type { RunOptions } from "./run.ts";
import type { Training } from "./training.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-library-"));
const path = (name: string): string => join(parent, name);
const pairs = madePairs(12);
let base: LanguageModel;
let judge: LanguageModel;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  const tokenizer = byteTokenizer();
  const model = tinyModel("llama", {
    vocab_size: tokenizer.vocabularySize,
    hidden_size: 32,
    num_attention_heads: 2,
    num_key_value_heads: 1,
  });
  await saveMerged(model, path("base"), { tokenizer });
  await saveTokenizer(tokenizer, path("base"));
  base = await openModel(path("base"));
  judge = await rewardModel({ model: base, train: pairs }, { ...common, maxSteps: 1 });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

const common = { maxLength: 64, learningRate: 1e-2, batchSize: 4 };
const rolling = { ...common, batchSize: 8, maxNewTokens: 6, rewardSamples: 8 };
const short = ({ completion }: { completion: string }): number => 1 / (1 + completion.length);
type Train = (
  adapter: "lora" | "none",
  run?: RunOptions,
  changes?: { maxSteps?: number },
) => Training<Trained>;
const input = () => ({ model: base, train: pairs });
const answers = () => ({ model: base, prompts: pairs, rewards: short });
const TRAINERS: Readonly<Record<string, Train>> = {
  sft: (adapter, run, more) => sft(input(), { ...common, adapter, ...more }, run),
  rewardModel: (adapter, run, more) => rewardModel(input(), { ...common, adapter, ...more }, run),
  dpo: (adapter, run, more) => dpo(input(), { ...common, adapter, ...more }, run),
  kto: (adapter, run, more) => kto(input(), { ...common, adapter, ...more }, run),
  ppo: (adapter, run, more) => {
    const critic = { warmupSteps: 0 };
    const given = { ...answers(), rewards: judge };
    return ppo(given, { ...rolling, adapter, critic, ...more }, run);
  },
  rloo: (adapter, run, more) => rloo(answers(), { ...rolling, samples: 4, adapter, ...more }, run),
  grpo: (adapter, run, more) => grpo(answers(), { ...rolling, samples: 4, adapter, ...more }, run),
  reinforcePlusPlus: (adapter, run, more) =>
    reinforcePlusPlus(answers(), { ...rolling, adapter, ...more }, run),
  onlineDpo: (adapter, run, more) => onlineDpo(answers(), { ...rolling, adapter, ...more }, run),
  rejectionSampling: (adapter, run, more) =>
    rejectionSampling(answers(), { ...rolling, samples: 4, adapter, ...more }, run),
};

/** The weights as they are, not as they were read. */
const weightsOf = ({ model, tokenizer }: LanguageModel): string =>
  fingerprintOf({ model, tokenizer });

/** Metrics that are logged where options or answers are so. */
const SOMETIMES: readonly string[] = [
  // reinforce++ compares answers where its baseline says so
  "frac_reward_zero_std",
  "nll_loss",
  "log_odds_ratio",
  "log_odds_chosen",
  "loss/ptx_avg",
  "objective/held_out_scores",
  "guard/unconfirmed",
  "guard/stalled",
  "objective/kept_scores",
  // told in events alone
  "eps",
];

/** What a run logged and its trainer's entry does not say, and the other way round. */
function undeclared(folder: string): { logged: string[]; declared: string[] } {
  const declared = metricsOf(trainerEntry(readRunInfo(folder).command)!);
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const logged = new Set(
    lines.flatMap((line) =>
      Object.keys(JSON.parse(line) as object).map((key) => key.replace(/^eval_/, "")),
    ),
  );
  return {
    logged: [...logged].filter((key) => Object.hasOwn(METRICS, key) && !declared.includes(key)),
    declared: declared.filter((key) => !logged.has(key) && !SOMETIMES.includes(key)),
  };
}

describe.each(Object.entries(TRAINERS))("%s", (name, train) => {
  test.each(["lora", "none"] as const)(
    "adapter %s: leaves its input as it was, and what it gives back is saved and loaded",
    async (adapter) => {
      const before = weightsOf(base);
      const trained = await train(adapter);
      expect(weightsOf(base)).toBe(before);
      expect(base.model.adapter).toBeUndefined();
      expect(base.model.scoreHead).toBeUndefined();
      expect(weightsOf(trained)).not.toBe(before);
      const folder = await trained.save(path(`${name}-${adapter}`));
      const loaded = await openModel(folder);
      expect(loaded.model.adapter === undefined).toBe(adapter === "none");
      if (name === "rewardModel") {
        const asked = pairs
          .slice(0, 2)
          .map(({ prompt, chosen }) => ({ prompt, completion: chosen }));
        const [ours, theirs] = [await score(trained, asked), await score(loaded, asked)];
        expect(ours).toHaveLength(2);
        ours.forEach((value, i) => expect(value).toBeCloseTo(theirs[i]!, 5));
      } else {
        const asked = pairs.slice(0, 2).map(({ prompt }) => prompt);
        const options = { maxNewTokens: 6 };
        expect(await ask(loaded, asked, options)).toEqual(await ask(trained, asked, options));
      }
    },
  );

  test("a run that is stopped goes on with the same call, to the same bytes", async () => {
    const whole = await train("lora", { run: path(`${name}-whole`) }, { maxSteps: 2 });
    expect(whole.run).toBe(path(`${name}-whole`));
    expect(undeclared(whole.run!)).toEqual({ logged: [], declared: [] });
    const stop = new AbortController();
    const cut = { run: path(`${name}-cut`), signal: stop.signal };
    const stopped = train("lora", cut, { maxSteps: 2 });
    await expect(
      (async () => {
        for await (const event of stopped)
          if (event.type === "step" && event.step === 1) stop.abort();
        await stopped;
      })(),
    ).rejects.toMatchObject({ code: "interrupted" });
    expect(existsSync(join(cut.run, "model"))).toBe(false);
    await train("lora", { run: cut.run }, { maxSteps: 2 });
    for (const file of [
      "metrics.jsonl",
      ...readdirSync(join(cut.run, "model")).map((each) => `model/${each}`),
    ])
      expect(
        readFileSync(join(cut.run, file)).equals(readFileSync(join(whole.run!, file))),
        file,
      ).toBe(true);
  });
});

test("a second training starts from what the first gave back", async () => {
  const first = await sft(input(), common);
  const second = await dpo({ model: first, train: pairs }, common);
  expect(weightsOf(second)).not.toBe(weightsOf(first));
});

test("what is trained with a template is asked with it, saved or not", async () => {
  const trained = await sft(input(), { ...common, template: "plain", maxSteps: 1 });
  const loaded = await openModel(await trained.save(path("plain")));
  expect(trained.tokenizer.chatTemplate).toBeDefined();
  expect(loaded.tokenizer.chatTemplate).toBe(trained.tokenizer.chatTemplate);
  const asked = pairs.slice(0, 2).map(({ prompt }) => prompt);
  const options = { maxNewTokens: 6 };
  expect(await ask(loaded, asked, options)).toEqual(await ask(trained, asked, options));
});

test("what is passed over of the data is told", async () => {
  const warnings = async (training: AsyncIterable<TrainingEvent>): Promise<string[]> => {
    const ids: string[] = [];
    for await (const event of training) if (event.type === "warning") ids.push(event.id);
    return ids;
  };
  const one = { ...common, maxSteps: 1 };
  const few = { ...one, heldOut: 0.01 };
  expect(await warnings(dpo(input(), few))).toContain("nothing-held-out");
  expect(await warnings(dpo(input(), { ...one, heldOut: 0 }))).not.toContain("nothing-held-out");
  const unsure = { model: base, train: pairs.map((pair) => ({ ...pair, p: 0.7 })) };
  expect(await warnings(kto(unsure, one))).toContain("soft-labels");
  const parts = pairs.map(
    (pair, i) => ({ ...pair, split: i < 8 ? "train" : "validation" }) as const,
  );
  expect(await warnings(dpo({ model: base, train: parts }, { ...one, heldOut: 0 }))).toContain(
    "unused-rows",
  );
  const messages = pairs.map(({ prompt, ...pair }) => ({
    ...pair,
    prompt: [{ role: "user" as const, content: prompt as string }],
  }));
  const plain = { model: base.model, tokenizer: { ...base.tokenizer, chatTemplate: undefined } };
  expect(await warnings(dpo({ model: plain, train: messages }, one))).toContain("plain-template");
});

test("records of one's own are held to the same as the rows of a file", async () => {
  const same = { ...pairs[4]!, rejected: pairs[4]!.chosen, place: {} };
  const withSame = [...pairs.slice(0, 4), same, ...pairs.slice(5)];
  const refused = dpo({ model: base, train: withSame }, common);
  await expect(refused).rejects.toThrow(
    "row 5: chosen and rejected are identical\n  got: 1 bad row of 12",
  );
  await expect(dpo({ model: base, train: withSame }, common)).rejects.toThrow("onBad drop");
  const events: TrainingEvent[] = [];
  const one = { ...common, maxSteps: 1, heldOut: 0, onBad: "drop" as const };
  for await (const event of dpo({ model: base, train: withSame }, one)) events.push(event);
  expect(events).toContainEqual(
    expect.objectContaining({ message: "1 row left out: chosen and rejected are identical" }),
  );
  expect(events.find(({ type }) => type === "start")).toMatchObject({ examples: 11 });
  const prompts = [...pairs.slice(0, 7), { ...pairs[0]!, prompt: " " }];
  await expect(rloo({ ...answers(), prompts }, rolling)).rejects.toThrow("the prompt is empty");
});

test("no data, no rewards, and options of what a program hands over", async () => {
  await expect(sft({ model: base, train: [] }, common)).rejects.toThrow("there are no records");
  const empty = pairs.slice(0, 4).map((pair) => ({ ...pair, chosen: " " }));
  await expect(dpo({ model: base, train: empty }, { ...common, onBad: "drop" })).rejects.toThrow(
    "no record can be used\n  got: 4 rows left out: the chosen completion is empty",
  );
  const none = await sft({ ...input(), heldOut: [] }, { ...common, maxSteps: 1 });
  expect(none.metrics.eval_loss).toBeUndefined();
  await expect(grpo({ ...answers(), rewards: [] }, rolling)).rejects.toThrow(
    "nothing says which answers are good\n  expected: rewards: a reward model or a function",
  );
  const given = { ...answers(), rewards: judge };
  const mixing = { ...rolling, critic: { warmupSteps: 0 }, ptx: { coef: 1 } };
  await expect(ppo(given, mixing)).rejects.toThrow(
    "there are no demonstrations for the SFT loss\n  got: 1\n  expected: demonstrations (ptx.data), or ptx.coef 0",
  );
  await expect(ppo({ ...given, demonstrations: [] }, mixing)).rejects.toThrow(
    "there are no records",
  );
  const named = { ...mixing, ptx: { coef: 1, data: "demonstrations.jsonl" } };
  await expect(ppo(given, named)).rejects.toThrow("ptx.data is no option of a program");
  const mixed = await ppo({ ...given, demonstrations: pairs }, { ...mixing, maxSteps: 1 });
  expect(mixed.metrics["loss/ptx_avg"]).toBeGreaterThan(0);
  const judged = { model: base, prompts: pairs, judge: { name: "first", compare: async () => [] } };
  const clamped = { ...rolling, clamp: [0.1, 0.9] };
  await expect(onlineDpo(judged as never, clamped as never)).rejects.toThrow(
    "clamp is no option of a program",
  );
  await expect(rloo({ ...answers(), judge: judged.judge } as never, rolling)).rejects.toThrow(
    "nothing reads the field judge\n  expected: model, prompts, rewards, heldOutReward",
  );
  await expect(dpo({ ...input(), heldout: pairs } as never, common)).rejects.toThrow(
    "did you mean heldOut?",
  );
  await expect(sft(input(), common, { folder: path("x") } as never)).rejects.toThrow(
    "nothing reads the field folder",
  );
  // nothing is thrown before the first event is asked for
  const both = onlineDpo({ ...judged, rewards: short } as never, rolling);
  await expect(both).rejects.toThrow("a judge stands in place of rewards");
});

test("what to do is said in options, which are what a program has", async () => {
  const message = async (training: PromiseLike<unknown>): Promise<string> => {
    try {
      await training;
    } catch (error) {
      return (error as AttuneError).message;
    }
    return "no error";
  };
  const given = { ...answers(), rewards: judge };
  const allWarmUp = { ...rolling, maxSteps: 1, critic: { warmupSteps: 1 } };
  expect(await message(ppo(given, allWarmUp))).toContain("critic.warmupSteps 0, more prompts");
  const events: TrainingEvent[] = [];
  const long = { ...common, maxLength: 12, maxSteps: 1, heldOut: 0.01 };
  for await (const event of dpo(input(), long)) events.push(event);
  for (const told of ["A larger maxLength keeps", "; heldOut N holds out N rows"])
    expect(events).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining(told) }),
    );
});

test("held-out rows of one's own are measured and not learned", async () => {
  const events: TrainingEvent[] = [];
  const training = dpo({ ...input(), heldOut: pairs.slice(0, 3) }, common);
  for await (const event of training) events.push(event);
  const start = events.find((event) => event.type === "start")!;
  expect(start).toMatchObject({ examples: pairs.length });
  expect((await training).metrics.eval_loss).toBeGreaterThan(0);
});

test("best-of-n gives choices back, and saves them", async () => {
  const best = await bestOfN(answers(), { maxLength: 64, samples: 3, prompts: 4, maxNewTokens: 6 });
  expect(best.choices).toHaveLength(4);
  expect(best.curve.map(({ k }) => k)).toEqual([1, 2, 3]);
  await best.save(path("best"));
  expect(readdirSync(path("best")).toSorted()).toEqual([
    "best.jsonl",
    "curve.json",
    "ranked.jsonl",
  ]);
});

describe("what is refused", () => {
  const refusal = async (training: PromiseLike<unknown>): Promise<AttuneError> =>
    (await Promise.resolve(training).then(
      () => undefined,
      (error: unknown) => error,
    )) as AttuneError;

  test("options that a program hands over as values, and unknown ones", async () => {
    const wrong = { ...common, model: "x" } as object;
    expect(await refusal(dpo(input(), wrong))).toMatchObject({ code: "config" });
    const unknown = { ...common, betta: 1 } as object;
    expect((await refusal(dpo(input(), unknown))).message).toContain("beta");
  });

  test("a run folder of other options, and one that is finished", async () => {
    const run = { run: path("begun") };
    await sft(input(), { ...common, maxSteps: 1 }, run);
    expect(await refusal(sft(input(), { ...common, maxSteps: 1 }, run))).toMatchObject({
      code: "run",
    });
    const other = await refusal(sft(input(), { ...common, maxSteps: 2 }, run));
    expect(other.message).toContain("other options");
    expect(other.message).toContain("maxSteps");
  });

  test("what is wrong before the first step leaves no folder behind", async () => {
    const run = { run: path("never") };
    const wrong = await refusal(sft(input(), { ...common, template: "chatml" }, run));
    expect(wrong).toMatchObject({ code: "model" });
    expect(existsSync(run.run)).toBe(false);
  });

  test("a folder to save to that holds something", async () => {
    const trained = await sft(input(), { ...common, maxSteps: 1 });
    await trained.save(path("taken"));
    await expect(trained.save(path("taken"))).rejects.toMatchObject({ code: "usage" });
  });

  test("a second loop over one training, and a loop that is left early", async () => {
    const training = sft(input(), { ...common, maxSteps: 2 });
    for await (const event of training) if (event.type === "step") break;
    expect(await refusal(training)).toMatchObject({ code: "interrupted" });
    const again = async (): Promise<void> => {
      for await (const _ of training);
    };
    await expect(again()).rejects.toMatchObject({ code: "usage" });
  });

  test("an answer that is longer than a reward model's context", async () => {
    const completion = "a".repeat(judge.model.config.maxPositions);
    await expect(score(judge, [{ prompt: "a", completion }])).rejects.toMatchObject({
      code: "data",
    });
  });

  test("answers scored by a model that is no reward model", async () => {
    await expect(score(base, [{ prompt: "a", completion: "b" }])).rejects.toMatchObject({
      code: "model",
    });
  });
});
