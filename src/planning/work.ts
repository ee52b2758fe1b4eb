/**
 * What a run is asked to do, in numbers: the networks that it needs, and the tokens that go through
 * them.
 */
import type { Recompute } from "../models/plans/plan.ts";
import type { Precision } from "../models/precision.ts";
import type { NetworkName, TrainerEntry } from "../training/trainer.ts";
import type { TrainerName } from "../training/trainers.ts";
import { TRAINERS } from "../training/trainers.ts";
import { adapterParameterCount } from "./counts.ts";
import type { ModelShape } from "./presets.ts";

/** Trainers that can be planned: those whose entry says which networks they hold. */
export type Method = {
  [Name in TrainerName]: (typeof TRAINERS)[Name] extends { networks: unknown } ? Name : never;
}[TrainerName];

export const METHODS = Object.entries<TrainerEntry>(TRAINERS)
  .filter(([, { networks }]) => networks !== undefined)
  .map(([name]) => name) as [Method, ...Method[]];

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
  name: NetworkName;
  trained: boolean;
  reads: "tokens" | "scores";
}

/** Networks that a method holds, in the order in which a reader expects them. */
export function networksOf(method: Method): Network[] {
  const { networks, makes }: TrainerEntry = TRAINERS[method];
  return networks!.map((name) => ({
    name,
    trained: name === "critic" || name === (makes === "reward" ? "reward model" : "policy"),
    reads: name === "critic" || name === "reward model" ? "scores" : "tokens",
  }));
}

export const rollsOut = (method: Method): boolean => TRAINERS[method].learnsFrom === "answers";

/** Whether it learns from pairs, whose answers share the row of their prompt. */
const fromPairs = (method: Method): boolean => TRAINERS[method].learnsFrom === "preference";

/**
 * A row of a training batch: its tokens, and those that a network of tokens or of scores is read
 * at.
 */
interface RowSizes {
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
  if (fromPairs(method)) return { length: prompt + 2 * answer, tokens: 2 * answer, scores: 2 };
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
