/**
 * A value that is not finite stops every trainer, names step and tensor, and leaves the last good
 * checkpoint to go on from.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { recordsAs } from "../data/dataset.ts";
import type { Model } from "../models/model.ts";
import { weightOf } from "../models/model.ts";
import { readModel } from "../models/load.ts";
import { SafetensorsFile } from "../models/weights/safetensors.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { Run } from "../runs/run.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { resolveConfig } from "./configs.ts";
import { dpo } from "./offline/dpo.ts";
import { grpo } from "./online/grpo.ts";
import { kto } from "./offline/kto.ts";
import type { TrainingContext } from "./loop.ts";
import { ppo } from "./online/ppo.ts";
import { rewardModel } from "./offline/reward.ts";
import { samplingEngine } from "./rollout/rollout.ts";
import { sft } from "./offline/sft.ts";
import { Trainee } from "./trainee.ts";
import { COMMON, collect, encoder, madePairs, tinyModel } from "./testing.ts";

const pairs = madePairs(16);
const heldOut: never[] = [];
const base = { ...COMMON, epochs: 4, learningRate: 1e-3, checkpointSteps: 2 } as const;

type Train = (
  model: Model,
  adapter: "lora" | "none",
  context: TrainingContext,
) => AsyncGenerator<TrainingEvent>;
const TRAINERS: Readonly<Record<string, Train>> = {
  sft: (model, adapter, context) =>
    sft(
      { model, encoder, heldOut, train: recordsAs({ records: pairs }, "demonstration") },
      resolveConfig("sft", { ...base, adapter }),
      context,
    ),
  reward: (model, adapter, context) =>
    rewardModel(
      { model, encoder, heldOut, train: pairs },
      resolveConfig("reward", { ...base, adapter }),
      context,
    ),
  dpo: (model, adapter, context) =>
    dpo(
      { model, encoder, heldOut, train: pairs },
      resolveConfig("dpo", { ...base, adapter }),
      context,
    ),
  kto: (model, adapter, context) =>
    kto(
      { model, encoder, heldOut, train: recordsAs({ records: pairs }, "unpaired") },
      resolveConfig("kto", { ...base, adapter }),
      context,
    ),
};

const newRun = (command: string): Run =>
  Run.create(join(mkdtempSync(join(tmpdir(), "attune-nan-")), "run"), {
    command,
    seed: 42,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  });

/** The model that the next trainer trains: a copy of the one that it is given. */
function inTraining(): () => Model {
  const opened = vi.spyOn(Trainee, "open");
  return () => {
    const { value } = opened.mock.settledResults[0]!;
    return (value as Trainee).model;
  };
}

/** Trains, and spoils a weight of the model in training when a step is done. */
async function trainAndSpoil(
  events: AsyncIterable<TrainingEvent>,
  target: { model: () => Model; weight: string; afterStep: number; value?: number },
): Promise<void> {
  const { weight, afterStep, value = NaN } = target;
  for await (const event of events)
    if (event.type === "step" && event.step === afterStep)
      (weightOf(target.model(), weight).data as Float32Array)[3] = value;
}

afterEach(() => void vi.restoreAllMocks());

const WEIGHT = "model.layers.1.mlp.up_proj.weight";

describe.each(Object.entries(TRAINERS))("%s", (name, train) => {
  test.each(["lora", "none"] as const)(
    "adapter %s: a NaN in a weight names step and weight, and the run goes on from the last good checkpoint",
    async (adapter) => {
      const run = newRun(name);
      const opened = inTraining();
      await expect(
        trainAndSpoil(train(tinyModel(), adapter, { run }), {
          model: opened,
          weight: WEIGHT,
          afterStep: 5,
        }),
      ).rejects.toThrow(`step 6: ${WEIGHT} is not finite`);
      run.fail(new Error("stopped"));
      expect(readRunInfo(run.folder).status).toBe("failed");
      expect(readdirSync(join(run.folder, "checkpoints"))).toContain("step-000004");
      expect(readdirSync(run.folder)).not.toContain("model");

      const { run: again } = await Run.open(run.folder);
      expect(again.resumedFrom?.step).toBe(4);
      const state = await SafetensorsFile.open(
        join(again.resumedFrom!.folder, "state.safetensors"),
      );
      expect((await state.read("model.values")).every(Number.isFinite)).toBe(true);
      await state.close();
      const end = (await collect(train(tinyModel(), adapter, { run: again }))).at(-1)!;
      expect(end.type === "end" && end.status).toBe("completed");
    },
  );

  test("a NaN that would be saved is found at the checkpoint, which stays the one before", async () => {
    const run = newRun(name);
    const opened = inTraining();
    // the events are pulled: the checkpoint of step 2 is made after the test has spoilt the weight
    await expect(
      trainAndSpoil(train(tinyModel(), "none", { run }), {
        model: opened,
        weight: WEIGHT,
        afterStep: 4,
      }),
    ).rejects.toThrow(`step 4: ${WEIGHT} is not finite`);
    expect(run.checkpoints().map(({ step }) => step)).toEqual([2]);
    run.close();
  });
});

describe.each(["ppo", "grpo"] as const)("%s", (name) => {
  const prompts = recordsAs({ records: pairs }, "prompt");
  const rewards = [
    { name: "length", reward: ({ completion }: { completion: string }) => completion.length },
  ];
  const { heldOut: _, ...common } = COMMON;
  const decodable = () =>
    tinyModel("llama", { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 });
  const options = {
    ...common,
    reward: ["length"] as string[],
    adapter: "none" as const,
    batchSize: 8,
    samples: 4,
    maxNewTokens: 6,
    maxSteps: 6,
    epochs: 100,
    sampleSteps: 0,
    missingEosPenalty: 0,
    checkpointSteps: 2,
  };
  const train = (run: Run, spoil: (actor: Model) => void = () => undefined) => {
    const input = {
      model: decodable(),
      encoder,
      prompts,
      rewards,
      engine: (actor: Model) => (spoil(actor), samplingEngine(actor, encoder)),
    };
    return name === "ppo"
      ? ppo(input, resolveConfig("ppo", { ...options, critic: { warmupSteps: 0 } }), { run })
      : grpo(input, resolveConfig("grpo", options), { run });
  };

  test.each([
    ["at the checkpoint", 4, [2]],
    ["in the next roll-out", 5, [2, 4]],
  ] as const)(
    "a NaN in the policy is found %s, and the run goes on from the last good one",
    async (_where, afterStep, kept) => {
      const run = newRun(name);
      let model!: Model;
      await expect(
        trainAndSpoil(
          train(run, (actor) => (model = actor)),
          { model: () => model, weight: WEIGHT, afterStep },
        ),
      ).rejects.toMatchObject({ code: "numeric", message: expect.stringContaining(WEIGHT) });
      expect(run.checkpoints().map(({ step }) => step)).toEqual(kept);
      run.fail(new Error("stopped"));
      const { run: again } = await Run.open(run.folder);
      const end = (await collect(train(again))).at(-1)!;
      expect(end.type === "end" && end.status).toBe("completed");
    },
  );
});

test("a model that a rate far too high overflows stops the run with its step", async () => {
  const settings = resolveConfig("dpo", {
    ...base,
    adapter: "none",
    learningRate: 1e30,
    maxGradNorm: 0,
  });
  await expect(
    collect(dpo({ model: tinyModel(), encoder, heldOut, train: pairs }, settings)),
  ).rejects.toMatchObject({
    code: "numeric",
    message: expect.stringMatching(/^step [2-9]: (the loss|the gradient of .*) is not finite/),
  });
});

test("an infinity that float16 made of a frozen weight is named", async () => {
  const whole = tinyModel();
  const { config } = whole;
  (weightOf(whole, WEIGHT).data as Float32Array)[3] = 1e6;
  const source = {
    config: config.json,
    names: () => [...whole.weights.keys()],
    shape: (name: string) => weightOf(whole, name).shape,
    read: async (name: string) => weightOf(whole, name).data as Float32Array,
  };
  const model = await readModel(source as never, { precision: "float16" });
  await expect(collect(TRAINERS["dpo"]!(model, "lora", {}))).rejects.toThrow(
    `step 1: ${WEIGHT} is not finite`,
  );
});
