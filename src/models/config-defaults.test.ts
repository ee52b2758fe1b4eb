/**
 * What a config.json without a key means, as transformers' configuration classes have it
 * (scripts/golden/config_defaults.py).
 */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DecoderConfig } from "./decoder-config.ts";
import { shortestWindow } from "./decoder-config.ts";
import { parameterCount } from "./model.ts";
import { readModelConfig } from "./registry.ts";

interface Case {
  name: string;
  json: Record<string, unknown>;
  config: Record<string, unknown> & {
    rope: Record<string, unknown> | null;
    slidingWindow: number | null;
  };
  biases: string[];
  parameters: number;
}

const golden = new URL("golden/", import.meta.url);
const cases = readdirSync(golden)
  .filter((name) => name.startsWith("config-defaults"))
  .flatMap(
    (name) => (JSON.parse(readFileSync(new URL(name, golden), "utf8")) as { cases: Case[] }).cases,
  );

/** RoPE as transformers' rope_parameters name it. */
function ropeParameters({ layerKinds: [kind] }: DecoderConfig): Record<string, unknown> | null {
  const rope = kind?.rope;
  if (!rope) return null;
  const { theta, linearFactor, llama3 } = rope;
  if (!llama3)
    return {
      rope_theta: theta,
      rope_type: linearFactor === 1 ? "default" : "linear",
      ...(linearFactor === 1 ? {} : { factor: linearFactor }),
    };
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = llama3;
  return {
    rope_theta: theta,
    rope_type: "llama3",
    factor,
    low_freq_factor: lowFrequencyFactor,
    high_freq_factor: highFrequencyFactor,
    original_max_position_embeddings: originalMaxPositions,
  };
}

describe("a config.json is read as transformers reads it", () => {
  test.each(cases)("$name", ({ json, config, biases, parameters }) => {
    const { family, config: read } = readModelConfig(json);
    const { rope, ...numbers } = config;
    expect({ ...read, slidingWindow: shortestWindow(read) ?? null }).toMatchObject(numbers);
    expect(ropeParameters(read)).toEqual(rope);
    expect(
      Object.keys(family.blockShapes(read))
        .filter((name) => name.endsWith(".bias"))
        .toSorted(),
    ).toEqual(biases);
    expect(parameterCount(family, read)).toBe(parameters);
  });
});
