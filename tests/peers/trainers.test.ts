/**
 * Ten steps of TRL's own trainers beside ours: SmolLM2-135M-Instruct, people's comparisons
 * (hh-rlhf-harmless), the same order and the same initial adapter; answers of GRPO and RLOO are
 * those that TRL drew, each used for two steps of the optimiser (the first alone has a loss near 0,
 * whatever it computes). Losses must agree within 1e-4 and the norms of gradients within 0.1%.
 * Prints a table.
 *
 * `npm run test:peers`: needs the model, the data, and TRL, which bench/peers/set-up.sh installs
 * (or ATTUNE_PEERS_PYTHON names a Python that has it). Some ten minutes, hence apart.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32 } from "../../src/core/tensor.ts";
import { Random } from "../../src/core/random.ts";
import type { PreferenceRecord } from "../../src/data/records.ts";
import type { Adapter } from "../../src/models/adapter.ts";
import type { Model } from "../../src/models/model.ts";
import { SCORE_HEAD } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import { saveMerged, saveTokenizer } from "../../src/models/save.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import { writeSafetensors } from "../../src/models/weights/safetensors-writer.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import { mean } from "../../src/stats/intervals.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { dpo } from "../../src/training/offline/dpo.ts";
import { grpo } from "../../src/training/online/grpo.ts";
import { kto } from "../../src/training/offline/kto.ts";
import type { PolicyInput } from "../../src/training/rollout/policy.ts";
import { rewardModel } from "../../src/training/offline/reward.ts";
import { rloo } from "../../src/training/online/rloo.ts";
import { openWeights } from "../../src/training/open-weights.ts";
import { sft } from "../../src/training/offline/sft.ts";
import { prescribedEngine, prescribedReward, recordOf } from "../golden/prescribed.ts";
import { repositoryRoot, sharedData } from "../support/shared.ts";
import { findPython } from "./python.ts";

const SEED = 42;
/** What all trainers start from: the adapter that methods over roll-outs make for their actor. */
const adapterOf = (model: Model): Adapter =>
  openWeights(model, {
    adapter: "lora",
    lora: { rank: 4, alpha: 8, rslora: false, targets: ["all-linear"] },
    adapterSeed: Random.for(SEED, "actor").bits(),
  }).model.adapter!;
const STEPS = 10;
const ROWS = 2;
/** Steps of the optimiser on each roll-out. */
const PASSES = 2;
const TOLERANCE = 1e-4;
const NORM_TOLERANCE = 0.001;
const data = sharedData("hh-rlhf-harmless.jsonl.gz");
const gguf =
  process.env["ATTUNE_SMOLLM2_GGUF"] ||
  join(repositoryRoot, ".cache", "smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf");

/** Why the tests cannot run; undefined where they can. */
function obstacle(): string | undefined {
  if (process.env["ATTUNE_PEERS"] !== "1") return "npm run test:peers runs them";
  if (!existsSync(gguf)) return `there is no ${gguf}; scripts/fetch-smollm2.mjs fetches it`;
  return data === undefined ? "there are no comparisons" : undefined;
}

interface Pair {
  prompt: string;
  chosen: string;
  rejected: string;
}

/**
 * Transcripts as the texts that they are: what both answers share, then the answers. Short ones,
 * since TRL cuts otherwise than attune.
 */
function readPairs(count: number): Pair[] {
  const cut = (transcript: string): [string, string] => {
    const at = transcript.lastIndexOf("\n\nAssistant:") + "\n\nAssistant:".length;
    return [transcript.slice(0, at), transcript.slice(at)];
  };
  const pairs: Pair[] = [];
  for (const line of gunzipSync(readFileSync(data!)).toString("utf8").trimEnd().split("\n")) {
    const { chosen: better, rejected: worse } = JSON.parse(line) as {
      chosen: string;
      rejected: string;
    };
    const [prompt, chosen] = cut(better);
    const [other, rejected] = cut(worse);
    if (
      prompt !== other ||
      chosen.trim() === "" ||
      rejected.trim() === "" ||
      chosen === rejected ||
      better.length > 300 ||
      worse.length > 300
    )
      continue;
    if (pairs.push({ prompt, chosen, rejected }) === count) break;
  }
  return pairs;
}

interface PeerRun {
  steps: Record<string, number>[];
  token_ids?: Record<"prompt" | "chosen" | "rejected", number[]>[];
  rollouts?: { prompt: number[]; answer: number[]; reward: number }[][];
}

const reason = obstacle();
if (reason !== undefined) console.log(`skipped: TRL's trainers beside ours; ${reason}`);

describe.skipIf(reason !== undefined)("ten steps beside TRL's own trainers", () => {
  const folder = mkdtempSync(join(tmpdir(), "attune-peers-"));
  const start = join(folder, "adapter.safetensors");
  const pairs = reason === undefined ? readPairs(STEPS * ROWS) : [];
  const table: string[] = [];
  let peer: { versions: Record<string, string>; runs: Record<string, PeerRun> };

  beforeAll(async () => {
    const { model, tokenizer } = await openModel(gguf);
    await saveMerged(model, join(folder, "model"), { tokenizer });
    await saveTokenizer(tokenizer, join(folder, "model"));
    const adapter = adapterOf(model);
    const random = Random.for(8, "head");
    const head = Float32Array.from(
      { length: model.config.hiddenSize },
      () => random.normal() / Math.sqrt(model.config.hiddenSize),
    );
    const tensors = [...adapter.weights].map(([name, { shape, data }]) => ({
      name: `base_model.model.${name}`,
      dtype: "F32" as const,
      shape,
      data,
    }));
    await writeSafetensors(start, [
      ...tensors,
      {
        name: `base_model.model.${SCORE_HEAD}`,
        dtype: "F32",
        shape: [1, model.config.hiddenSize],
        data: head,
      },
    ]);
    writeFileSync(
      join(folder, "pairs.jsonl"),
      pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""),
    );
    const script = join(repositoryRoot, "bench", "peers", "trl_trainers.py");
    const { status, stderr } = spawnSync(
      findPython(),
      [
        script,
        "--model",
        join(folder, "model"),
        "--adapter",
        start,
        "--pairs",
        join(folder, "pairs.jsonl"),
        "--out",
        join(folder, "peer.json"),
      ],
      { encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", 2, "pipe"] },
    );
    if (status !== 0) throw new Error(`TRL's trainers failed: ${stderr.slice(-3000)}`);
    peer = JSON.parse(readFileSync(join(folder, "peer.json"), "utf8")) as typeof peer;
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    if (table.length > 0)
      console.log(
        `${JSON.stringify(peer.versions)}\n| trainer | TRL: first and last loss | attune | ` +
          `largest difference of ${STEPS} | of the gradient norm ` +
          `|\n|---|---|---|---|---|\n${table.join("\n")}`,
      );
  });

  /** The model with the common adapter; the head where scores are read. */
  async function open({ head = false } = {}): Promise<{ model: Model; encoder: Encoder }> {
    const { model, tokenizer } = await openModel(join(folder, "model"));
    const adapter = adapterOf(model);
    if (!head)
      return {
        model: Object.assign(model, { adapter }),
        encoder: createEncoder(tokenizer, { maxLength: 512, template: "none" }),
      };
    const file = await SafetensorsFile.open(start);
    const scoreHead = float32(
      [1, model.config.hiddenSize],
      await file.read(`base_model.model.${SCORE_HEAD}`),
    );
    await file.close();
    return {
      model: Object.assign(model, { adapter, scoreHead }),
      encoder: createEncoder(tokenizer, { maxLength: 512, template: "none" }),
    };
  }

  const common = {
    model: "smollm2",
    data: "pairs",
    lora: { rank: 4, alpha: 8 },
    learningRate: 1e-3,
    schedule: "constant",
    warmupRatio: 0,
    maxLength: 512,
    maxSteps: STEPS,
    seed: SEED,
  } as const;
  const offline = { ...common, heldOut: 0, shuffle: false, batchSize: ROWS } as const;
  const preferences = (): PreferenceRecord[] =>
    pairs.map((pair, index) => ({ kind: "preference", ...pair, p: 1, place: { row: index + 1 } }));

  /**
   * The peer logs every step of the optimiser, a method over roll-outs the means over those of a
   * roll-out.
   */
  async function expectSteps(
    name: string,
    events: AsyncIterable<TrainingEvent>,
    { metric = "loss", passes = 1 } = {},
  ): Promise<void> {
    const ours: Record<string, number>[] = [];
    for await (const event of events)
      if (event.type === "step") ours.push(event.metrics as Record<string, number>);
    const { steps } = peer.runs[name]!;
    const theirs = Array.from({ length: steps.length / passes }, (_, step) =>
      steps.slice(step * passes, (step + 1) * passes),
    );
    expect(ours).toHaveLength(STEPS);
    expect(theirs).toHaveLength(STEPS);
    const beside = (key: string, own: string): { own: number; their: number }[] =>
      theirs.map((updates, step) => ({
        own: ours[step]![own]!,
        their: mean(updates.map((update) => update[key]!)),
      }));
    const losses = beside("loss", metric);
    const norms = beside("grad_norm", "grad_norm");
    const worst = Math.max(...losses.map(({ own, their }) => Math.abs(own - their)));
    const worstNorm = Math.max(...norms.map(({ own, their }) => Math.abs(own - their) / their));
    const ends = (side: "own" | "their"): string =>
      `${losses[0]![side].toFixed(6)} ${losses.at(-1)![side].toFixed(6)}`;
    table.push(
      `| ${name} | ${ends("their")} | ${ends("own")} | ${worst.toExponential(1)} | ` +
        `${(100 * worstNorm).toPrecision(2)}% |`,
    );
    expect(worst, `${name}: ${JSON.stringify(losses)}`).toBeLessThan(TOLERANCE);
    expect(worstNorm, `${name}: ${JSON.stringify(norms)}`).toBeLessThan(NORM_TOLERANCE);
  }

  test("token ids", async () => {
    const { encoder } = await open();
    const ours = pairs.map(({ prompt, chosen, rejected }) =>
      encoder.encodePair(prompt, chosen, rejected),
    );
    expect(
      ours.map(({ prompt, chosen, rejected }) => ({
        prompt: [...prompt],
        chosen: [...chosen],
        rejected: [...rejected],
      })),
    ).toEqual(peer.runs["dpo"]!.token_ids);
  });

  test("sft", async () => {
    const train = pairs.map(({ prompt, chosen }, index) => ({
      kind: "demonstration" as const,
      prompt,
      completion: chosen,
      place: { row: index + 1 },
    }));
    await expectSteps(
      "sft",
      sft({ ...(await open()), train, heldOut: [] }, resolveConfig("sft", offline)),
    );
  });

  test("reward", async () => {
    await expectSteps(
      "reward",
      rewardModel(
        { ...(await open({ head: true })), train: preferences(), heldOut: [] },
        resolveConfig("reward", { ...offline, centerCoefficient: 0.01 }),
      ),
    );
  });

  test("dpo", async () => {
    await expectSteps(
      "dpo",
      dpo(
        { ...(await open()), train: preferences(), heldOut: [] },
        resolveConfig("dpo", { ...offline, reference: "adapter" }),
      ),
    );
  });

  test("kto", async () => {
    const train = pairs.map(({ prompt, chosen, rejected }, index) => ({
      kind: "unpaired" as const,
      prompt,
      completion: index % 2 === 0 ? chosen : rejected,
      label: index % 2 === 0,
      place: { row: index + 1 },
    }));
    await expectSteps(
      "kto",
      kto(
        { ...(await open()), train, heldOut: [] },
        resolveConfig("kto", { ...offline, reference: "adapter" }),
      ),
    );
  });

  /** Answers and rewards that TRL drew, for a method over roll-outs. */
  async function prescribed(name: string): Promise<PolicyInput> {
    const { model, encoder } = await open();
    const rollouts = peer.runs[name]!.rollouts!;
    const byIds: Encoder = {
      ...encoder,
      encodePrompt: (prompt) => Int32Array.from(String(prompt).split(" "), Number),
    };
    return {
      model: Object.assign(model, { adapter: undefined }),
      encoder: byIds,
      prompts: rollouts.flat().map(({ prompt }) => recordOf(prompt)),
      rewards: [prescribedReward(rollouts)],
      engine: () => prescribedEngine(rollouts, encoder.tokenizer.eosId!),
    };
  }
  const policy = {
    ...common,
    data: "pairs",
    learningRate: 1e-4,
    batchSize: 8,
    samples: 4,
    maxNewTokens: 16,
    temperature: 1,
    adamEpsilon: 1e-8,
    missingEosPenalty: 0,
    rewardNormalise: "none",
    rewardClip: 0,
    epochs: 1000,
    sampleSteps: 0,
  } as const;

  test("grpo", async () => {
    await expectSteps(
      "grpo",
      grpo(
        await prescribed("grpo"),
        resolveConfig("grpo", {
          ...policy,
          reward: ["trl"],
          iterations: PASSES,
          kl: { coef: 0.04 },
        }),
      ),
      { metric: "loss/policy_avg", passes: PASSES },
    );
  });

  test("rloo", async () => {
    await expectSteps(
      "rloo",
      rloo(
        await prescribed("rloo"),
        resolveConfig("rloo", {
          ...policy,
          reward: ["trl"],
          iterations: PASSES,
          kl: { coef: 0.05 },
        }),
      ),
      { metric: "loss/policy_avg", passes: PASSES },
    );
  });
});
