/**
 * What `attune plan` says of memory against the largest resident memory of a run with the same
 * options: the real trainers on random weights, every setting in a process of its own, with lengths
 * that are the plan's.
 */
import type { PromptRecord } from "../../src/data/records.ts";
import { parseConfig } from "../../src/config/sources.ts";
import { attuneMemory } from "../../src/planning/attune.ts";
import type { PlanOptions } from "../../src/planning/plan.ts";
import { requestOf } from "../../src/planning/plan.ts";
import { peakOf } from "../../src/planning/work.ts";
import { createAdapter, resolveTargets } from "../../src/models/adapter.ts";
import type { Model } from "../../src/models/model.ts";
import { parameterCount, shareBase } from "../../src/models/model.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import type { PolicyInput } from "../../src/training/rollout/policy.ts";
import type { LearnedKind, RecordsOf, TrainerEntry } from "../../src/training/trainer.ts";
import { TRAINERS } from "../../src/training/trainers.ts";
import type { Figure } from "../measure.ts";
import { rounded, spread } from "../measure.ts";
import { idEncoder, noiseModel, randomIds, waveHead } from "../model.ts";
import { runPart } from "../parts.ts";
import type { Setting } from "./plan-memory-settings.ts";
import { SETTINGS, SHAPES, optionsOf } from "./plan-memory-settings.ts";

/** Token sequences by number: what stands in for texts. */
class Texts {
  readonly sequences: Int32Array[] = [];
  private readonly vocabulary: number;

  constructor(vocabulary: number) {
    this.vocabulary = vocabulary;
  }

  add(tokens: number): string {
    return String(
      this.sequences.push(randomIds(tokens, this.sequences.length, this.vocabulary)) - 1,
    );
  }
}

/** With an adapter over the policy's base, or by itself. */
function rewardOf(
  policy: Model,
  { roles, lora }: { roles: "shared" | "separate"; lora: PlanOptions["lora"] },
): Model {
  const { family, config } = policy;
  const scoreHead = waveHead(config.hiddenSize);
  if (roles === "separate") return { ...noiseModel(policy), scoreHead };
  const targets = resolveTargets(family, config, lora.targets);
  return {
    ...shareBase(policy),
    adapter: createAdapter(
      family,
      config,
      { rank: lora.rank, alpha: 2 * lora.rank, rsLora: false, targets },
      2,
    ),
    scoreHead,
  };
}

const place = {};

/** So many prompts of the options' length, each with answers of theirs. */
type Items = <T>(count: number, make: (prompt: string, answer: () => string) => T) => T[];

interface TrainerInput {
  model: Model;
  items: Items;
  /** Of the texts so far. */
  encoder: () => Encoder;
  options: PlanOptions;
}

async function* trainer(model: Model, options: PlanOptions): AsyncGenerator<TrainingEvent> {
  const texts = new Texts(model.config.vocabularySize);
  const input: TrainerInput = {
    model,
    options,
    items: (count, make) =>
      Array.from({ length: count }, () =>
        make(texts.add(options.promptTokens), () => texts.add(options.answerTokens)),
      ),
    // Answers end only at their full length.
    encoder: () => ({ ...idEncoder(texts.sequences), stopIds: [] }),
  };
  const entry: TrainerEntry = TRAINERS[options.method];
  const definition = await entry.config();
  const configOf = (given: object) =>
    parseConfig(definition, { values: { ...sharedOptions(options), ...given } as never }).resolved;
  // as commands that train on data do: nobody reads the model afterwards
  const context = { takesModel: true };
  if (entry.learnsFrom === "answers") {
    const { train } = await entry.load();
    yield* train(answersInput(input), configOf(answersOptions(options)), context);
  } else {
    const { train } = await entry.load();
    const rows = rowsOf(entry.learnsFrom, input);
    const { microBatchTokens, promptTokens, answerTokens } = options;
    // Rows of packed texts are as long as micro-batches, as the plan has them.
    const maxLength = Math.max(microBatchTokens, promptTokens + 2 * answerTokens);
    const given = { model, train: rows, heldOut: [], encoder: input.encoder() };
    yield* train(given, configOf({ heldOut: 0, maxLength }), context);
  }
}

const sharedOptions = ({
  adapter,
  lora,
  batchSize,
  microBatchTokens,
  recompute,
  steps,
}: PlanOptions) => ({
  model: "bench",
  data: "bench",
  adapter,
  ...(adapter === "lora" ? { lora: { rank: lora.rank, targets: lora.targets } } : {}),
  batchSize,
  microBatchTokens,
  recompute,
  checkpointSteps: 0,
  maxSteps: steps,
  epochs: 1000,
});

/** Rows for all steps. */
function rowsOf(kind: LearnedKind, { items, options }: TrainerInput): RecordsOf<LearnedKind>[] {
  const count = options.batchSize * options.steps;
  let row = 0;
  return items(count, (prompt, answer): RecordsOf<LearnedKind> => {
    switch (kind) {
      case "demonstration":
        return { kind, prompt, completion: answer(), place };
      case "preference":
        return { kind, prompt, chosen: answer(), rejected: answer(), p: 1, place };
      case "unpaired":
        return { kind, prompt, completion: answer(), label: ++row % 2 === 0, place };
    }
  });
}

function answersInput({ model, items, encoder, options }: TrainerInput): PolicyInput {
  const { batchSize, samples, steps, lora } = options;
  const prompts = items((batchSize * steps) / samples, (prompt): PromptRecord => ({
    kind: "prompt",
    prompt,
    place,
  }));
  const { roles } = requestOf(options, model);
  const reward = rewardOf(model, { roles, lora });
  const rewards = [{ name: "random", model: reward, encoder: encoder() }];
  return { model, encoder: encoder(), prompts, rewards };
}

const answersOptions = ({
  method,
  samples,
  rolloutBatch,
  promptTokens,
  answerTokens,
}: PlanOptions) => ({
  reward: ["random"],
  samples,
  rolloutBatch,
  maxNewTokens: answerTokens,
  maxLength: promptTokens + answerTokens + 1,
  rewardNormalise: "none",
  sampleSteps: 0,
  ...(method === "ppo" ? { ppoEpochs: 1, critic: { warmupSteps: 0 } } : {}),
});

interface Peak {
  peak: number;
  baseline: number;
}

/** In a process of its own: a run of one setting. */
export async function planPeak(index: number): Promise<Peak> {
  const baseline = peakMemory();
  const setting = SETTINGS[index]!;
  for await (const event of trainer(
    noiseModel(SHAPES[setting.shape]!(), setting.precision),
    optionsOf(setting),
  ))
    if (event.type === "end") break;
  return { peak: peakMemory(), baseline };
}

function describe({
  shape,
  method,
  adapter = "lora",
  precision = "float32",
  recompute = "all",
  promptTokens = 0,
  answerTokens = 0,
  batchSize = 0,
  microBatchTokens = 1024,
  samples = 1,
}: Setting): string {
  const model = SHAPES[shape]!();
  const million = Math.round(parameterCount(model.family, model.config) / 1e6);
  const answers = method === "reward" || method === "dpo" ? 2 : 1;
  return [
    `${method}, ${million}M ${shape}`,
    adapter === "lora" ? "LoRA" : "all weights",
    ...(precision === "float32" ? [] : [precision]),
    ...(recompute === "all" ? [] : [`recompute ${recompute}`]),
    `${promptTokens} + ${answers === 2 ? "2 x " : ""}${answerTokens} tokens`,
    `batch ${batchSize}${samples > 1 ? ` (${samples} a prompt)` : ""}`,
    `micro-batch ${microBatchTokens}`,
  ].join(", ");
}

export async function planMemory(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [index, setting] of SETTINGS.entries()) {
    const { peak, baseline } = (await runPart("plan-peak", index)) as Peak;
    const planned = peakOf(
      await attuneMemory(requestOf(optionsOf(setting), SHAPES[setting.shape]!())),
    );
    const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
    const details = {
      "planned MB": megabytes(planned.total),
      "measured MB": megabytes(peak),
      "of it before there was a model": megabytes(baseline),
      ...(planned.phase === undefined ? {} : { "planned in": planned.phase }),
    };
    figures.push({
      name: `plan-memory-${index + 1}`,
      title: `planned over measured memory: ${describe(setting)}`,
      ratio: spread([rounded(planned.total / peak)]),
      target: { atLeast: 0.85, atMost: 1.15 },
      details,
    });
  }
  return figures;
}
