/**
 * Rotary position embedding tables. Source: RoFormer (Su et al. 2021); Llama 3.1's frequency
 * scaling as in transformers' modeling_rope_utils.py (`_compute_llama3_parameters`).
 */
import { AttuneError, preview } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import { ConfigReader, LIMITS } from "./config-reader.ts";
import type { RopeConfig } from "./decoder-config.ts";

/**
 * Reads rope_scaling, or transformers 5's rope_parameters, and rope_theta, which counts where they
 * lack it; refuses kinds that attune does not have.
 */
export function readRope(
  json: Readonly<Record<string, unknown>>,
  {
    maxPositions,
    theta: defaultTheta = 10_000,
  }: { maxPositions: number; theta?: number | undefined },
): RopeConfig {
  const config = new ConfigReader(json);
  const scaling = notEmpty(config.record("rope_scaling")) ?? config.record("rope_parameters") ?? {};
  const theta = new ConfigReader({
    rope_theta: scaling["rope_theta"] ?? json["rope_theta"],
  }).number("rope_theta", defaultTheta);
  new ConfigReader({
    partial_rotary_factor: scaling["partial_rotary_factor"] ?? json["partial_rotary_factor"],
  }).only("partial_rotary_factor", [1]);
  const kind = scaling["rope_type"] ?? scaling["type"] ?? "default";
  if (kind === "default") return { theta, linearFactor: 1 };
  const reader = new ConfigReader(scaling);
  if (kind === "linear") return { theta, linearFactor: reader.number("factor") };
  if (kind !== "llama3") {
    throw new AttuneError("model", "config.json: this kind of rope_scaling is not supported", {
      got: preview(kind),
      expected: "default, linear or llama3",
    });
  }
  return {
    theta,
    linearFactor: 1,
    llama3: {
      factor: reader.number("factor"),
      lowFrequencyFactor: reader.number("low_freq_factor"),
      highFrequencyFactor: reader.number("high_freq_factor"),
      originalMaxPositions: reader.integer(
        "original_max_position_embeddings",
        maxPositions,
        LIMITS.positions,
      ),
    },
  };
}

const notEmpty = (record: Readonly<Record<string, unknown>> | undefined): typeof record =>
  record && Object.keys(record).length > 0 ? record : undefined;

/** Dimensions of a head that turn, its first ones: R. */
export const rotatedSize = ({ rotated }: RopeConfig, headSize: number): number =>
  rotated ?? headSize;

/** Angular frequencies [R/2], radians per position. */
export function ropeFrequencies(rope: RopeConfig, headSize: number): Float64Array {
  const size = rotatedSize(rope, headSize);
  const frequencies = Float64Array.from(
    { length: size / 2 },
    (_, i) => rope.theta ** ((-2 * i) / size),
  );
  if (rope.longrope) {
    const { factors, shortFactors, longFactors } = rope.longrope;
    const chosen = factors === "long" ? longFactors : shortFactors;
    return frequencies.map((frequency, i) => frequency / chosen[i]!);
  }
  const scale = rope.llama3;
  if (!scale) return frequencies.map((frequency) => frequency / rope.linearFactor);
  const longest = scale.originalMaxPositions / scale.lowFrequencyFactor;
  const shortest = scale.originalMaxPositions / scale.highFrequencyFactor;
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < shortest) return frequency;
    if (wavelength > longest) return frequency / scale.factor;
    const smooth =
      (scale.originalMaxPositions / wavelength - scale.lowFrequencyFactor) /
      (scale.highFrequencyFactor - scale.lowFrequencyFactor);
    return ((1 - smooth) * frequency) / scale.factor + smooth * frequency;
  });
}

export interface RopeTables {
  cosines: HostTensor<"float32">;
  sines: HostTensor<"float32">;
}

/** Cosines and sines [positions, R/2]. */
export function ropeTables(rope: RopeConfig, headSize: number, positions: number): RopeTables {
  const frequencies = ropeFrequencies(rope, headSize);
  const half = frequencies.length;
  const scale = rope.longrope?.attentionFactor ?? 1;
  const cosines = new Float32Array(positions * half);
  const sines = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cosines[position * half + i] = scale * Math.cos(angle);
      sines[position * half + i] = scale * Math.sin(angle);
    }
  }
  return { cosines: float32([positions, half], cosines), sines: float32([positions, half], sines) };
}
