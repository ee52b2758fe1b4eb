/**
 * The experiment's stages, each a run folder below the quickstart's: a raw model of ten times the
 * size, reward models on fewer and more pairs, and PPO without a penalty against each of them. What
 * is done is skipped.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PromptRecord } from "../../src/data/records.ts";
import type { Model } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { writeFileAtomic } from "../../src/runs/files.ts";
import { readJsonLines } from "../../src/runs/json-lines.ts";
import type { Stage } from "../../src/runs/pipeline.ts";
import { runPipeline } from "../../src/runs/pipeline.ts";
import { generate } from "../../src/sampling/generate.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { joinRows, layExample } from "../../src/training/layout.ts";
import { RewardModelSource } from "../../src/training/rollout/rewards.ts";
import { goldScore } from "../../src/world/gold.ts";
import { DEFAULT_SIZES, createWorld } from "../../src/world/index.ts";
import type { Request } from "../../src/world/requests.ts";
import { requestTopic } from "../../src/world/requests.ts";
import { goldRequests, readGold } from "../../src/quickstart/gold-points.ts";
import type { WorldPipeline } from "../../src/quickstart/world-stage.ts";
import { toPipelineStage, stageModels } from "../../src/quickstart/world-stage.ts";
import { MAX_LENGTH, WORLD_RECIPE } from "../../src/quickstart/recipe.ts";
import type { Curve, Look } from "./curves.ts";
import { bestOfNLooks, curveOf } from "./curves.ts";
import { PAIRS, experimentStages } from "./stages.ts";

/** Answers drawn to each request for best-of-n. */
const SAMPLES = 64;
const TEMPERATURE = 1;
const LOOK_EVERY = 4;

export interface Experiment {
  pipeline: WorldPipeline;
  /** Of the quickstart, whose raw, SFT, PPO and DPO models are used. */
  quickstart: string;
  /** Fingerprint of the SFT model that everything begins with. */
  sft: string;
  stages: Stage[];
}

export async function createExperiment({
  seed,
  quickstart,
  folder,
  hooks,
}: {
  seed: number;
  quickstart: string;
  folder: string;
  hooks: Pick<WorldPipeline, "onEvent" | "signal">;
}): Promise<Experiment> {
  const recipe = WORLD_RECIPE;
  const world = createWorld({
    seed,
    sizes: {
      ...DEFAULT_SIZES,
      preferences: recipe.pairs.reward,
      auditedPreferences: recipe.pairs.heldOutReward,
    },
  });
  const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), {
    maxLength: MAX_LENGTH,
  });
  const own = stageModels(folder);
  const given = stageModels(quickstart);
  const pipeline: WorldPipeline = {
    seed,
    world,
    encoder,
    recipe: { ...recipe, goldSteps: LOOK_EVERY },
    folder,
    open: (stage) => (existsSync(join(folder, stage)) ? own(stage) : given(stage)),
    ...hooks,
  };
  // what was learned from another SFT model is done again
  const { fingerprint } = await openModel(join(quickstart, "sft"));
  return {
    pipeline,
    quickstart,
    sft: fingerprint,
    stages: experimentStages(pipeline, fingerprint).map((stage) =>
      toPipelineStage(stage, pipeline),
    ),
  };
}

export const runStages = (
  { pipeline, stages }: Experiment,
  hooks: Parameters<typeof runPipeline>[2],
) => runPipeline(pipeline.folder, stages, hooks);

/**
 * Loss a token on talk that no model has seen, to show that neither raw model is short of training.
 */
export async function heldOutLoss(
  model: Model,
  { world, encoder, seed }: WorldPipeline,
): Promise<number> {
  // more of the same village's talk, without what was said before word for word
  const said = new Set(world.corpus.map(({ messages }) => JSON.stringify(messages)));
  const more = createWorld({
    seed,
    sizes: {
      ...DEFAULT_SIZES,
      corpus: world.corpus.length + 400,
      preferences: 1,
      auditedPreferences: 1,
      critiques: 1,
    },
  }).corpus.slice(world.corpus.length);
  const unseen = more.filter(({ messages }) => !said.has(JSON.stringify(messages)));
  const plan = new WholePlan({ model, reads: "tokens", maxLength: MAX_LENGTH });
  try {
    let [total, count] = [0, 0];
    for (let start = 0; start < unseen.length; start += 32) {
      const rows = unseen
        .slice(start, start + 32)
        .flatMap((record) =>
          encoder.encodeConversation(record.messages, { loss: "full" }, record).map(layExample),
        );
      const { readout } = await plan.score(joinRows(rows, { padId: encoder.padId }).batch);
      total -= readout.reduce((sum, logp) => sum + logp, 0);
      count += readout.length;
    }
    return total / count;
  } finally {
    await plan.close();
  }
}

interface Sample {
  text: string;
  ids: number[];
  stopped: boolean;
}

/**
 * Best-of-n against every proxy, from one draw of answers to the requests that PPO is judged by
 * too.
 */
export async function bestOfNCurves(
  { pipeline, sft: from }: Experiment,
  onProgress: (done: number, total: number) => void,
): Promise<Curve[]> {
  const { world, folder, open, recipe, seed } = pipeline;
  const requests = goldRequests(world, recipe);
  const file = join(folder, `samples-${from.slice(0, 12)}.json`);
  if (!existsSync(file))
    writeFileAtomic(file, JSON.stringify(await drawSamples(pipeline, requests, onProgress)));
  const answers = JSON.parse(readFileSync(file, "utf8")) as Sample[][];
  const gold = answers.map((samples, i) =>
    samples.map(({ text }) => goldScore(world.village, requests[i]!, text).total),
  );
  const clusters = requests.map(requestTopic);
  const curves: Curve[] = [];
  for (const pairs of PAIRS)
    curves.push(
      curveOf(
        "best-of-n",
        bestOfNLooks(
          await scores(pipeline, await open(`reward-${pairs}`), { requests, answers }),
          gold,
        ),
        { pairs, clusters, seed },
      ),
    );
  return curves;
}

async function drawSamples(
  { encoder, open, seed, signal }: WorldPipeline,
  requests: readonly Request[],
  onProgress: (done: number, total: number) => void,
): Promise<Sample[][]> {
  const prompts = requests.map(({ text }) =>
    encoder.encodePrompt([{ role: "user", content: text }]),
  );
  let done = 0;
  const onAnswer = (): void => onProgress(++done, prompts.length * SAMPLES);
  const answers = await generate(
    await open("sft"),
    encoder,
    prompts,
    {
      samples: SAMPLES,
      temperature: TEMPERATURE,
      topK: 0,
      topP: 1,
      maxNewTokens: 40,
      batchSize: 64,
      seed,
      stopTexts: [],
    },
    { onAnswer, ...(signal ? { signal } : {}) },
  );
  signal?.throwIfAborted();
  return prompts.map((_, index) =>
    answers
      .filter(({ prompt }) => prompt === index)
      .map(({ text, ids, finish }) => ({ text, ids: [...ids], stopped: finish === "stop" })),
  );
}

async function scores(
  { encoder, recipe, seed }: WorldPipeline,
  model: Model,
  { requests, answers }: { requests: readonly Request[]; answers: readonly (readonly Sample[])[] },
): Promise<number[][]> {
  const options = {
    ...resolveConfig("reward", {
      ...recipe.common,
      model: "the built-in world",
      data: "the built-in world",
      seed,
    }),
    name: "proxy",
  };
  const source = new RewardModelSource({ model, encoder }, encoder, options);
  try {
    const found: number[][] = [];
    for (const [i, samples] of answers.entries()) {
      const record: PromptRecord = {
        kind: "prompt",
        prompt: [{ role: "user", content: requests[i]!.text }],
        place: {},
      };
      const prompt = { record, ids: encoder.encodePrompt(record.prompt) };
      found.push(
        await source.score(
          samples.map(({ text, ids, stopped }) => ({
            prompt,
            text,
            ids: Int32Array.from(ids),
            stopped,
          })),
        ),
      );
    }
    return found;
  } finally {
    await source.close();
  }
}

/**
 * PPO's way against every proxy: gold of greedy answers, and distance and proxy of the roll-out
 * that the same policy made next. The last look has no such roll-out, and is left out.
 */
export function rlCurves({ pipeline: { folder, world, recipe, seed } }: Experiment): Curve[] {
  const clusters = goldRequests(world, recipe).map(requestTopic);
  return PAIRS.map((pairs) => {
    const own = join(folder, `ppo-${pairs}`);
    const metrics = new Map(
      readJsonLines(join(own, "metrics.jsonl")).map((line) => [
        line["step"] as number,
        line as Record<string, number>,
      ]),
    );
    const looks = readGold(own).flatMap(({ step, totals }): Look[] => {
      const next = metrics.get(step + 1);
      return step === 0
        ? [{ distance: 0, totals, proxy: 0 }]
        : next
          ? [
              {
                distance: Math.sqrt(Math.max(0, next["objective/kl"]!)),
                totals,
                proxy: next["objective/scores"]!,
              },
            ]
          : [];
    });
    return curveOf("rl", looks, { pairs, clusters, seed });
  });
}
