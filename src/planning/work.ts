/**
 * What a run is asked to do, in numbers: the networks that it needs, and the tokens that go through
 * them.
 */
import type { Recompute } from "../models/plans/plan.ts";
import type { Precision } from "../models/precision.ts";
import { adapterParameterCount } from "./counts.ts";
import type { ModelShape } from "./presets.ts";

export const METHODS = ["sft", "reward", "dpo", "kto", "ppo", "rloo", "grpo"] as const;
export type Method = (typeof METHODS)[number];

export interface PlanRequest extends ModelShape {
  method: Method;
  adapter: "lora" | "none";
  rank: number;
  /** Projections that get an adapter. */
  targets: readonly string[];
  /** One base with adapters and heads for all networks, or each network whole. */
  roles: "shared" | "separate";
  /** How frozen weights are kept by attune; the generic engine keeps all weights in 16 bits. */
  precision: Precision;
  promptTokens: number;
  answerTokens: number;
  /** Texts, pairs or answers of one optimiser step, or of one roll-out. */
  batchSize: number;
  /** Answers to each prompt of a roll-out. */
  samples: number;
  microBatchTokens: number;
  /** Answers that are decoded together. */
  rolloutBatch: number;
  /** Passes over each roll-out. */
  ppoEpochs: number;
  recompute: Recompute;
  /** Optimiser steps, or roll-outs. */
  steps: number;
}

export interface Network {
  name: "policy" | "reward model" | "critic" | "reference";
  trained: boolean;
  reads: "tokens" | "scores";
}

const policy: Network = { name: "policy", trained: true, reads: "tokens" };
const reference: Network = { name: "reference", trained: false, reads: "tokens" };
const frozenReward: Network = { name: "reward model", trained: false, reads: "scores" };
const critic: Network = { name: "critic", trained: true, reads: "scores" };

/** Networks that a method holds, in the order in which a reader expects them. */
export const NETWORKS: Readonly<Record<Method, readonly Network[]>> = {
  sft: [policy],
  reward: [{ ...frozenReward, trained: true }],
  dpo: [policy, reference],
  kto: [policy, reference],
  ppo: [policy, reference, frozenReward, critic],
  rloo: [policy, reference, frozenReward],
  grpo: [policy, reference, frozenReward],
};

export const rollsOut = (method: Method): boolean =>
  method === "ppo" || method === "rloo" || method === "grpo";

/**
 * A row of a training batch: its tokens, and those that a network of tokens or of scores is read
 * at.
 */
export interface RowSizes {
  length: number;
  tokens: number;
  scores: number;
}

/** Pairs share their prompt in one row (docs/architecture.md); packing fills rows of SFT. */
export function rowSizes({
  method,
  promptTokens: prompt,
  answerTokens: answer,
}: PlanRequest): RowSizes {
  if (method === "dpo" || method === "reward")
    return { length: prompt + 2 * answer, tokens: 2 * answer, scores: 2 };
  return { length: prompt + answer, tokens: answer, scores: rollsOut(method) ? answer : 1 };
}

/** One line of a sum. */
export interface MemoryLine {
  item: string;
  bytes: number;
  /** How the bytes come about, for a reader to check. */
  sum: string;
  /** Absent for what stays all the time; phases take turns. */
  phase?: string;
}

export interface TimeLine {
  item: string;
  seconds: number;
  sum: string;
}

export interface Peak {
  total: number;
  /** The phase in which it is reached; absent where there are none. */
  phase?: string;
}

/** What stays, and the largest of the phases. */
export function peakOf(lines: readonly MemoryLine[]): Peak {
  const phases = new Map<string, number>();
  let always = 0;
  for (const { bytes, phase } of lines) {
    if (phase === undefined) always += bytes;
    else phases.set(phase, (phases.get(phase) ?? 0) + bytes);
  }
  const [phase, most] = [...phases].toSorted(([, a], [, b]) => b - a)[0] ?? [undefined, 0];
  return { total: always + most, ...(phase === undefined ? {} : { phase }) };
}

/** `70.6B`, `135M`: for the sums of lines. */
export function shortNumber(value: number): string {
  for (const [unit, size] of [
    ["T", 1e12],
    ["B", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const)
    if (value >= size) return `${Number((value / size).toPrecision(4))}${unit}`;
  return String(Math.round(value));
}

/** Parameters that are trained in an adapter, score head included where there is one. */
export function adapterSize(request: PlanRequest, network: Network): number {
  return (
    adapterParameterCount(request) + (network.reads === "scores" ? request.config.hiddenSize : 0)
  );
}
