/**
 * What a config.json without a key means, as transformers' configuration classes have it
 * (scripts/golden/config_defaults.py).
 */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { configForContext, longestContext } from "./context.ts";
import type { DecoderConfig, LayerKind } from "./decoder-config.ts";
import { shortestWindow } from "./decoder-config.ts";
import { parameterCount } from "./model.ts";
import { readModelConfig } from "./registry.ts";
import { ropeFrequencies } from "./rope.ts";

/** What turns queries and keys. */
interface Rotation {
  /** Radians a position. */
  frequencies: number[];
  /** For texts beyond the first training, where they differ. */
  long?: number[];
  scale: number;
}

interface Case {
  name: string;
  json: Record<string, unknown>;
  /** With `rope` and `slidingWindow` where all layers were alike, else with `kinds` beside it. */
  config: Record<string, unknown>;
  kinds?: { window: number | null; rotation: Rotation | null }[];
  layers?: number[];
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

/** Tables of the second position, of which every angle is one frequency. */
function anglesOf(
  config: DecoderConfig,
  { rope }: LayerKind,
): Pick<Rotation, "frequencies" | "scale"> | null {
  if (!rope) return null;
  return {
    frequencies: [...ropeFrequencies(rope, config.headSize)],
    scale: rope.longrope?.attentionFactor ?? 1,
  };
}

function expectLayers(read: DecoderConfig, { kinds = [], layers = [] }: Case): void {
  const long = configForContext(read, Infinity);
  expect(read.layerKinds.length).toBe(layers.length);
  for (const [layer, place] of layers.entries()) {
    const { window, rotation } = kinds[place]!;
    const kind = read.layerKinds[layer]!;
    expect(kind.window ?? null).toBe(window);
    const [own, beyond] = [anglesOf(read, kind), anglesOf(long, long.layerKinds[layer]!)];
    expect(own?.scale).toEqual(rotation?.scale);
    const pairs = [
      [own?.frequencies, rotation?.frequencies],
      [beyond?.frequencies, rotation?.long ?? rotation?.frequencies],
    ] as const;
    for (const [found, expected] of pairs) {
      expect(found?.length).toBe(expected?.length);
      found?.forEach((value, i) => expect(value / expected![i]!).toBeCloseTo(1, 5));
    }
  }
}

describe("a config.json is read as transformers reads it", () => {
  test.each(cases)("$name", (each) => {
    const { json, config, biases, parameters } = each;
    const { family, config: read } = readModelConfig(json);
    const { rope, ...numbers } = config;
    expect({
      ...read,
      maxPositions: longestContext(read),
      slidingWindow: shortestWindow(read) ?? null,
    }).toMatchObject(numbers);
    if (each.kinds) expectLayers(read, each);
    else expect(ropeParameters(read)).toEqual(rope);
    expect(
      Object.keys(family.blockShapes(read))
        .filter((name) => name.endsWith(".bias"))
        .toSorted(),
    ).toEqual(biases);
    expect(parameterCount(family, read)).toBe(parameters);
  });
});
