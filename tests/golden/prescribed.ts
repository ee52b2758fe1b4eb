/**
 * Roll-outs that a file prescribes, for runs of the shipped trainers beside PyTorch. Prompts are
 * written as their ids.
 */
import { join } from "node:path";
import { expect } from "vitest";
import type { PromptRecord } from "../../src/data/records.ts";
import type { Model } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import type { RewardSource } from "../../src/training/rollout/rewards.ts";
import type { RolloutEngine } from "../../src/training/rollout/rollout.ts";
import { repositoryRoot } from "../support/shared.ts";

export const goldenFolder = join(repositoryRoot, "tests", "golden");

export interface PrescribedAnswer {
  prompt: number[];
  answer: number[];
}

export const recordOf = (prompt: readonly number[]): PromptRecord => ({
  kind: "prompt",
  prompt: prompt.join(" "),
  place: {},
});

export async function openTiny(): Promise<{ model: Model; encoder: Encoder }> {
  const { model, tokenizer } = await openModel(join(goldenFolder, "models", "smollm2"));
  return {
    model,
    encoder: {
      ...createEncoder(tokenizer, { maxLength: 64, template: "none" }),
      encodePrompt: (prompt) => Int32Array.from(String(prompt).split(" "), Number),
    },
  };
}

/** Gives the answers of the next batch at every call, whatever the policy would say. */
export function prescribedEngine(
  batches: readonly (readonly PrescribedAnswer[])[],
  stop: number,
): RolloutEngine {
  let calls = 0;
  return {
    roll: () =>
      Promise.resolve(
        batches[calls++]!.map(({ prompt, answer }) => ({
          prompt: { record: recordOf(prompt), ids: Int32Array.from(prompt) },
          ids: Int32Array.from(answer),
          stopped: answer.at(-1) === stop,
          text: answer.join(" "),
        })),
      ),
    release: () => Promise.resolve(),
  };
}

/** Scores answers as the file says. */
export function prescribedReward(
  rollouts: readonly (readonly (PrescribedAnswer & { reward: number })[])[],
): RewardSource {
  const scores = new Map(
    rollouts
      .flat()
      .map(({ prompt, answer, reward }) => [`${prompt.join(" ")}|${answer.join(" ")}`, reward]),
  );
  const done = () => Promise.resolve();
  return {
    name: "golden",
    kind: "function",
    score: (answers) =>
      Promise.resolve(
        answers.map(({ prompt, text }) => scores.get(`${prompt.ids.join(" ")}|${text}`)!),
      ),
    release: done,
    close: done,
  };
}

/** Runs to the end and compares every metric of every step. */
export async function expectSteps(
  events: AsyncIterable<TrainingEvent>,
  expected: readonly Record<string, number>[],
  tolerance: number,
): Promise<void> {
  let step = 0;
  for await (const event of events) {
    if (event.type !== "step") continue;
    const metrics = event.metrics as Record<string, number>;
    for (const [name, value] of Object.entries(expected[step]!)) {
      expect(
        Math.abs(metrics[name]! - value),
        `step ${step}, ${name}: ${metrics[name]} and ${value}`,
      ).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
    }
    step++;
  }
  expect(step).toBe(expected.length);
}

/** Compares the weights whose names in the file begin with the prefix. */
export async function expectWeights(
  model: Model,
  { file, prefix, tolerance }: { file: string; prefix: string; tolerance: number },
): Promise<void> {
  const opened = await SafetensorsFile.open(join(goldenFolder, file));
  const names = [...opened.header.tensors.keys()].filter((name) => name.startsWith(prefix));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const expected = await opened.read(name);
    const actual = model.weights.get(name.slice(prefix.length))!.data as Float32Array;
    const worst = expected.reduce(
      (largest, x, i) => Math.max(largest, Math.abs(actual[i]! - x)),
      0,
    );
    expect(worst, name).toBeLessThan(tolerance);
  }
  await opened.close();
}
